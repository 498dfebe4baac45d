"""The published runs: the command that the authors published, the one whose settings are those that
their log printed when the run started, and what the two differ in; and the runs of our own.

All of it is data, a record a run in the file that :mod:`aff.models.weights` reads, under the name
of its parameters. ``log_settings.json`` beside this module holds what each published log printed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Dict, List

from ..models.records import RUNS, WeightsRecord
from ..utils.errors import look_up
from ..utils.json_file import read_json


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
    def logged(self) -> Dict[str, str]:
        """The settings that its log printed, by the authors' names; empty of our own runs.

        Where a log holds several starts, those of the last whose epochs are the run's.
        """
        if not self.record.log_settings:
            return {}
        log = log_settings()[self.record.log_settings]
        facts = self.record.log_facts or {}
        run = [facts.get("first_epoch"), facts.get("last_epoch")]
        starts = [start for start in log["starts"] if start["epochs"] == run] or log["starts"]
        return starts[-1]["settings"]

    @property
    def flags(self) -> List[str]:
        """The script's flags."""
        return self.command.split()[1:]


@lru_cache(maxsize=None)
def log_settings() -> Dict[str, Any]:
    """Return what the published logs printed when their runs started, by name."""
    return read_json(os.path.join(os.path.dirname(os.path.abspath(__file__)), "log_settings.json"))


RECIPES: Dict[str, Recipe] = {name: Recipe(record) for name, record in RUNS.items()}


def find_recipe(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises
    ------
    InputError
        For an unknown name; the message names some that exist.
    """
    return look_up("recipe", name, RECIPES)
