"""The tables as they were reported, from the one file of all that was published."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from ..models.records import PUBLISHED

#: Reported tables by name, and what is to be said of those of the paper.
TABLES: Dict[str, Dict[str, Any]] = PUBLISHED["tables"]
PAPER_NOTES: List[str] = PUBLISHED["paper_notes"]


def rows_of(recipe: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yield titles of the tables, and rows of them, that a published run stands in."""
    for table in TABLES.values():
        for row in table["rows"]:
            if row.get("recipe") == recipe:
                yield table["title"], row
