"""The published runs: the command that the authors published, the one that reproduces what their
log says was run, and what the two differ in; and those of our own parameters.

All of it is data, a record a run in the file that :mod:`aff.models.weights` reads, under the name
of its parameters. Where a command was never published, `command` is put together from the log and
the network, and `unsaid` names what neither says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional

from ..models.weights import WEIGHTS, WeightsRecord
from ..utils.errors import unknown


@dataclass(frozen=True)
class Recipe:
    """A published run.

    Parameters
    ----------
    name : str
        Name of the published parameters.
    command : str
        Script and flags that reproduce the run.
    published : str, optional
        The command in the authors' README, word for word.
    really : str
        What was run, and where that is known from, where the published command says otherwise or
        there is none; or an empty text.
    unsaid : str
        What neither log nor README says, and was assumed.
    """

    name: str
    command: str
    published: Optional[str] = None
    really: str = ""
    unsaid: str = ""

    @property
    def record(self) -> WeightsRecord:
        """The parameters that the run gave."""
        return WEIGHTS[self.name]

    @property
    def script(self) -> str:
        """The script's name."""
        return self.command.split()[0]

    @property
    def flags(self) -> List[str]:
        """The script's flags."""
        return self.command.split()[1:]


RECIPES: Dict[str, Recipe] = {
    record.name: Recipe(
        record.name,
        record.run["command"],
        record.run["published_command"],
        record.run["really"],
        record.run["unsaid"],
    )
    for record in WEIGHTS.values()
}


def find_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises
    ------
    InputError
        For an unknown name; the message lists those that exist.
    """
    if str(name) not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
