"""The libraries of the extras, beyond the package's own, asked for when they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import InputError

EXTRAS = {"torch": "export,torch", "tensorboardX": "tensorboard"}


def library(name: str) -> ModuleType:
    """Import a library of the extras ``export``, ``torch`` and ``tensorboard``.

    Raises
    ------
    InputError
        Where it is not installed, with the command that installs it.
    """
    package = name.split(".", maxsplit=1)[0]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra = EXTRAS.get(package, "export")
        raise InputError(
            f"{package} is needed here and cannot be imported ({error}): pip install '.[{extra}]'"
        ) from error
