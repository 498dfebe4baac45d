"""The table of an ablation of our own: scores over seeds, and what they are more than the first's
under the same seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, median, stdev
from typing import Dict, List

from scipy.stats import t as student_t

from ..models.summary import measured
from .experiment import Arm, Experiment
from .tables import Table

#: Of the intervals of an experiment's differences.
CONFIDENCE = 0.95


def experiment_table(experiment: Experiment, logs: str, titles: bool = True) -> Table:
    """Build the table of an ablation of our own: its host's scores over the seeds that have been
    run, in percent, and what the first of them is more than that of the first fusion under the same
    seeds. Fusions have the paper's names, or, without `titles`, those of the code.
    """
    first, scores = experiment.arms[0], [head for head, _ in experiment.host.scores]
    more = f"{'' if len(scores) == 1 else f'{scores[0]} '}more than {first.title}"
    kinds = (*scores, more, "parameters", "MFLOPs", "images/s")
    table = Table(
        f"{experiment.host.title}, {scores[0]} in percent, mean and standard deviation over "
        f"{experiment.seeds} seeds ({experiment.epochs} epochs, the best by the held-out part)",
        ["fusion", *(f"{kind}, b={b}" for kind in kinds for b in experiment.blocks)],
    )
    base = {b: _outcomes(experiment, logs, first, b) for b in experiment.blocks}
    missing = 0
    best: _Differences = {}
    last: _Differences = {}
    for arm in experiment.arms:
        cells = [
            _experiment_cells(experiment, arm, b, _outcomes(experiment, logs, arm, b), base[b])
            for b in experiment.blocks
        ]
        missing += sum(cell.missing for cell in cells)
        by_kind = zip(*(cell.texts for cell in cells))
        name = arm.title if titles else arm.fusion + arm.ratio
        table.rows.append([name, *(text for texts in by_kind for text in texts)])
        for b, cell in zip(experiment.blocks, cells):
            if arm != first and len(cell.more) > 1:
                called = name if len(experiment.blocks) == 1 else f"{name}, b={b}"
                best[called], last[called] = cell.more, cell.last
    if missing:
        table.notes.append(
            f"{missing} of the runs are still to be made: 'aff experiment {experiment.name}' goes "
            "on."
        )
    table.notes.append(
        f"more than {first.title}: mean of the differences between runs of the same seed, with its "
        f"{CONFIDENCE:.0%} interval (Student's t)."
    )
    if best:
        table.notes.append(
            f"each of {len(best)} intervals may exclude 0 by chance; with Holm's correction for "
            f"their number, at {1 - CONFIDENCE:.0%}, these differ from {first.title}: "
            f"{_named(apart(best))}."
        )
        told = _named([f"{name} {_interval(values)}" for name, values in last.items()])
        table.notes.append(
            f"more than {first.title} in the last epoch, whichever was the best: {told}; with the "
            f"same correction these differ: {_named(apart(last))}."
        )
    if experiment.host.evaluated:
        table.notes.append(
            "small, middle, large: over the pixels of items of that size, and of the background "
            "nearest to them."
        )
    table.notes.append(
        "images/s: in training; a run's quickest epoch, and the median of the seeds. Only runs "
        "beside as many others compare."
    )
    return table


#: By seed, what came out of the runs that have been made.
_Outcomes = Dict[int, Dict[str, float]]
#: By fusion, differences to the first in percent, one of each seed.
_Differences = Dict[str, List[float]]


@dataclass(frozen=True)
class _Cells:
    """Columns of a fusion in networks of one depth, how many of its runs are missing, and the
    differences to the first fusion's in percent, in the best epochs and in the last ones.
    """

    texts: List[str]
    missing: int
    more: List[float]
    last: List[float]


def _outcomes(experiment: Experiment, logs: str, arm: Arm, blocks: int) -> _Outcomes:
    found = {cell.seed: cell.outcome(logs) for cell in experiment.cells_of(arm, blocks)}
    return {seed: one for seed, one in found.items() if one}


def _experiment_cells(
    experiment: Experiment, arm: Arm, blocks: int, done: _Outcomes, base: _Outcomes
) -> _Cells:
    host, missing = experiment.host, experiment.seeds - len(done)
    cost = measured(*host.network(arm.fusion, arm.r, blocks), host.size)
    counted = f" ({len(done)} of {experiment.seeds} seeds)" if done and missing else ""
    key = host.scores[0][1]
    more, last = (
        [100 * (one[kind] - base[seed][kind]) for seed, one in done.items() if seed in base]
        for kind in (key, f"last_{key}")
    )
    spreads = [
        _spread([100 * one[score] for one in done.values() if score in one])
        for _, score in host.scores
    ]
    return _Cells(
        [
            spreads[0] + counted,
            *spreads[1:],
            "" if arm == experiment.arms[0] else _interval(more),
            f"{cost.parameters:,}",
            f"{cost.multiply_adds / 1e6:.1f}",
            f"{median(one['images_per_sec'] for one in done.values()):.0f}" if done else "-",
        ],
        missing,
        more,
        last,
    )


def apart(differences: _Differences) -> List[str]:
    """Return whose differences have a mean that is none by chance, by Student's t and Holm's
    correction for so many comparisons [1]_ at the level of one interval.

    Parameters
    ----------
    differences : dict of str to list of float
        Two or more of each name.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6, 1979.
    """
    chances = {name: _chance(values) for name, values in differences.items()}
    found: List[str] = []
    for name in sorted(chances, key=chances.__getitem__):
        if not chances[name] <= (1 - CONFIDENCE) / (len(chances) - len(found)):
            break
        found.append(name)
    return [name for name in differences if name in found]


def _chance(differences: List[float]) -> float:
    """Return how often differences so far from 0 come about by chance, by Student's t."""
    count, error = len(differences), stdev(differences) / math.sqrt(len(differences))
    if not error:
        return float(not mean(differences))
    return float(2 * student_t.sf(abs(mean(differences)) / error, count - 1))


def _interval(differences: List[float]) -> str:
    """Return the mean of differences, and Student's interval for it."""
    if not differences:
        return "-"
    middle = f"{mean(differences):+.2f}"
    if len(differences) == 1:
        return middle
    count = len(differences)
    half = student_t.ppf((1 + CONFIDENCE) / 2, count - 1) * stdev(differences) / math.sqrt(count)
    return f"{middle} [{mean(differences) - half:+.2f}, {mean(differences) + half:+.2f}]"


def _named(names: List[str]) -> str:
    return "; ".join(names) or "none"


def _spread(values: List[float]) -> str:
    if not values:
        return "-"
    return f"{mean(values):.2f}" + (f" +- {stdev(values):.2f}" if len(values) > 1 else "")
