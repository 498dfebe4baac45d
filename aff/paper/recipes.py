"""The published runs: the command that the authors published, the one that reproduces what their
log says was run, and what the two differ in; and those of our own parameters.

All of it is data, a record a run in the file that :mod:`aff.models.weights` reads, under the name
of its parameters. Where a command was never published, `command` is put together from the log and
the network, and `unsaid` names what neither says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List

from ..models.weights import WEIGHTS, WeightsRecord
from ..utils.errors import unknown


@dataclass(frozen=True)
class Recipe:
    """How a published run is run again.

    Parameters
    ----------
    record : WeightsRecord
        The parameters that the run gave, and what is known of it.
    """

    record: WeightsRecord

    @property
    def name(self) -> str:
        """Name of the published parameters."""
        return self.record.name

    @property
    def command(self) -> str:
        """Script and flags that reproduce the run."""
        return self.record.command

    @property
    def script(self) -> str:
        """The script's name."""
        return self.command.split()[0]

    @property
    def flags(self) -> List[str]:
        """The script's flags."""
        return self.command.split()[1:]


RECIPES: Dict[str, Recipe] = {name: Recipe(record) for name, record in WEIGHTS.items()}


def find_recipe(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises
    ------
    InputError
        For an unknown name; the message lists those that exist.
    """
    if str(name) not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
