"""The tables as they were reported, from ``reported_tables.json`` beside this module."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any, Dict, Iterator, Tuple


@lru_cache(maxsize=None)
def reported() -> Dict[str, Any]:
    """Tables by name, and ``'paper_notes'``."""
    path = os.path.join(os.path.dirname(__file__), "reported_tables.json")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def rows_of(recipe: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Titles of the tables, and rows of them, that a published run stands in."""
    for table in reported().values():
        if isinstance(table, dict):
            for row in table["rows"]:
                if row.get("recipe") == recipe:
                    yield table["title"], row
