"""What was measured, as tables and verdicts."""

from __future__ import annotations

from typing import Dict, List

from ..utils.screen import columns, width
from . import loaders
from .networks import Case

#: Figures by what was measured, and by what of.
Measured = Dict[str, Dict[str, float]]
#: What loaders of small images are called.
IN_MEMORY = "in memory"


def network_table(found: Measured, base: str) -> List[str]:
    """Return the lines of a network's figures, one a fusion; ratios are to the first one's."""
    shown = {
        "training": "training, images/s",
        "inference": "inference, images/s",
        "memory": "peak memory",
    }
    head, rows = ["", *(shown[part] for part in shown if part in found)], []
    names = sorted({name for part in found.values() for name in part}, key=_place(found))
    for name in names:
        cells = [name]
        for part in shown:
            if part in found:
                value = found[part].get(name)
                cells.append("" if value is None else _cell(part, value, found[part][base]))
        rows.append(cells)
    return [
        f"  {line}".rstrip() for line in columns(head, rows, limit=max(width() - 2, 0)).split("\n")
    ]


def _place(found: Measured):
    order = [name for part in found.values() for name in part]
    return order.index


def _cell(part: str, value: float, base: float) -> str:
    if part == "memory":
        return f"{value:.2f} GB"
    return f"{value:.1f} ({value / base:.2f})"


def bottleneck(rates: Dict[str, float], case: Case, loaded: Measured) -> str:
    """Tell whether the loaders keep up with a network, with the published augmentation and with all
    of today's recipe.
    """
    name, fastest = max(rates.items(), key=lambda pair: pair[1])
    ours = {key: value for key, value in loaded[kind_of_loader(case)].items() if "-j" in key}
    everything = f"{loaders.WITH}{list(loaders.RECIPE)[-1]}"
    usual = {key: value for key, value in ours.items() if loaders.WITH not in key}
    recipe = {key: value for key, value in ours.items() if key.endswith(everything)}
    source, given = max(usual.items(), key=lambda pair: pair[1])
    least = max(recipe.values(), default=given)
    slowest = "the network" if least >= fastest else "the loader, with today's recipe"
    return (
        f"  bottleneck: {slowest if given >= fastest else 'the loader'}: {source} gives "
        f"{given:.0f} images/s, with all of today's recipe {least:.0f}, {given / fastest:.1f} and "
        f"{least / fastest:.1f} times the {fastest:.0f} that {name} trains"
    )


def kind_of_loader(case: Case) -> str:
    """Return which loaders give a network its images; none of those of images with masks."""
    if case.segments:
        return ""
    return IN_MEMORY if case.size < 64 else f"from files, {case.size} pixels"
