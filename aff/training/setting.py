"""What a field of a configuration is: its kind, its default for each kind of data set, its help,
and whether a resumed run may change it.

Flags, configuration files and the rule of resuming all read these descriptions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import Any, Callable, Dict, Optional, Tuple, Union

from ..utils.errors import InputError, unknown

#: Kinds of data sets: small images in memory, image files, and images with a class for each pixel;
#: and those of which an image has a class.
KINDS = ("cifar", "imagenet", "segmentation")
OF_IMAGES = KINDS[:2]
#: The kind of a field that is true or false.
SWITCH = "switch"
#: The kind of a field that holds values by name.
MAPPING = "mapping"
NAMES = {bool: "true or false", dict: "values by name"}
Kind = Union[str, Tuple[str, ...], Callable[[str], Any]]

#: What a resumed run may do with a field: change it without a word, change it (the log says so),
#: change it where it is told that it may (what is computed changes), never change it (the figures
#: so far would be of other images).
UNTOLD, FREE, TOLD, FIXED = "untold", "free", "told", "fixed"


@dataclass(frozen=True)
class Setting:
    """A field's description.

    Parameters
    ----------
    kind : str, tuple or callable
        `SWITCH`, `MAPPING`, the texts to choose from, or what turns a text into a value.
    defaults : dict of str to object
        By kind of data set, of `KINDS`.
    second : dict of str to object
        Those of the authors' second code base, where they are others.
    help : str
        What it means, with its unit.
    group : str
        Title under which a command's help lists it; an empty text: no flag of its own.
    resume : str
        `UNTOLD`, `FREE`, `TOLD` or `FIXED`.
    only : tuple of str
        The kinds of data sets that have it; a run of another keeps its default.
    """

    kind: Kind
    defaults: Dict[str, Any]
    help: str
    group: str
    resume: str = TOLD
    only: Tuple[str, ...] = KINDS
    second: Dict[str, Any] = field(default_factory=dict)

    def default(self, data: str, generation: int = 1) -> Any:
        """Return the default for a kind of data set, of a generation of the published code."""
        usual = self.defaults[data]
        return copy.copy(self.second.get(data, usual) if generation == 2 else usual)

    def checked(self, name: str, value: Any, data: Optional[str] = None) -> Any:
        """Return a value from a configuration file, or an error that names the field.

        Parameters
        ----------
        name : str
            The field.
        value : object
            As the file has it.
        data : str, optional
            The kind of data set, where it is known.

        Raises
        ------
        InputError
            For a value of another kind, and one that this kind of data set does not have.
        """
        kinds = [data] if data else KINDS
        usual = [self.default(kind, generation) for kind in kinds for generation in (1, 2)]
        if value is None and None not in usual:
            raise InputError(f"{{{name}}} takes a value, got null")
        is_switch = isinstance(value, bool)  # which equals a number
        if value in [item for item in usual if isinstance(item, bool) == is_switch]:
            return value
        if data and data not in self.only:
            raise InputError(f"{{{name}}} {value!r}: not of this kind of data set")
        try:
            return self._checked(value)
        except InputError as error:
            raise InputError(f"{{{name}}}: {error.message}") from error

    def _checked(self, value: Any) -> Any:
        wanted = {SWITCH: bool, MAPPING: dict}.get(str(self.kind))
        if wanted:
            if not isinstance(value, wanted):
                raise InputError(f"takes {NAMES[wanted]}, got {value!r}")
            return value
        if isinstance(value, bool):
            raise InputError(f"takes no truth value, got {value}")
        if isinstance(self.kind, tuple):
            if value not in self.kind:
                raise unknown("value", value, self.kind)
            return value
        assert callable(self.kind)
        return self.kind(",".join(map(str, value)) if isinstance(value, list) else str(value))


def setting(
    kind: Kind,
    default: Any,
    help: str,
    group: str = "training",
    resume: str = TOLD,
    only: Union[str, Tuple[str, ...]] = KINDS,
    imagenet: Any = ...,
    second: Optional[Dict[str, Any]] = None,
    segmentation: Any = ...,
) -> Any:
    """Return a dataclass field with its `Setting`; `imagenet` and `segmentation` are the defaults
    there, where they are others.
    """
    others = {"imagenet": imagenet, "segmentation": segmentation}
    defaults = {kind: default if value is ... else value for kind, value in others.items()}
    defaults = {"cifar": default, **defaults}
    only = (only,) if isinstance(only, str) else only
    described = Setting(kind, defaults, help, group, resume, only, second or {})
    return field(
        default_factory=lambda: described.default("cifar"), metadata={"setting": described}
    )


def settings_of(config: Any) -> Dict[str, Setting]:
    """Return the settings of a dataclass, by field."""
    return {item.name: item.metadata["setting"] for item in fields(config)}
