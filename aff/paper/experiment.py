"""The ablation of Tables 3 and 4 on a data set that is at hand: which fusion joins the blocks of a
small CIFAR ResNet, on Fashion-MNIST.

One schedule for all, chosen before any was run; the best epoch is chosen by a tenth of the training
set that is held out, never by the test set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional

from ..training.logger import JSON_LOG, read_events
from ..utils.errors import InputError
from .scores import fraction

#: In the order of the paper's tables.
FUSIONS = (
    "DirectAdd",
    "Concat",
    "GAUFuse",
    "SEFuse",
    "SKFuse",
    "AXYforXplusY",
    "ResGlobGlobCha",
    "ResLocaLocaCha",
    "ASKCFuse",
    "ResGlobLocaforGlobLocaCha",
)
BLOCKS = (1, 2)
SEEDS = (0, 1, 2)
EPOCHS = 2
SCHEDULE = (
    *("--num-epochs", str(EPOCHS), "--batch-size", "64", "--lr", "0.1", "--cosine"),
    *("--no-mixup", "--val-split", "0.1", "--save-period", "0"),
)


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Parameters
    ----------
    fusion : str
        Published name.
    blocks : int
        Blocks b of each stage, depth 6b + 2.
    seed : int
        Of everything that is drawn.
    """

    fusion: str
    blocks: int
    seed: int

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"b{self.blocks}-{self.fusion}-seed{self.seed}"

    @property
    def settings(self) -> List[str]:
        """What it trains, as flags of ``train_cifar.py``."""
        return [
            *("--dataset", "fashion-mnist", "--model", "resnet", "--blocks", str(self.blocks)),
            *("--channel-times", "1", "--fusion", self.fusion, *SCHEDULE),
            *("--seed", str(self.seed)),
        ]

    def flags(self, params: str, logs: str) -> List[str]:
        """Return flags of ``train_cifar.py``; its files go to folders in `params` and `logs`."""
        return [
            *self.settings,
            *("--save-dir", os.path.join(params, self.name)),
            *("--logging-dir", os.path.join(logs, self.name)),
        ]


def grid() -> Iterator[Cell]:
    """Yield all runs, a seed of each first."""
    for seed in SEEDS:
        for blocks in BLOCKS:
            for fusion in FUSIONS:
                yield Cell(fusion, blocks, seed)


def outcome(folder: str) -> Optional[Dict[str, float]]:
    """Return what came out of a run, or None where it has not come to its end.

    Raises
    ------
    InputError
        For a log that contradicts itself.
    """
    events = read_events(folder)
    ends = [event for event in events if event.get("event") == "end"]
    epochs = [event for event in events if event.get("event") == "epoch"]
    if not ends:
        return None
    try:
        best = {event["epoch"]: event for event in epochs}[ends[-1]["best_epoch"]]
        return {
            "test_error": fraction(best["top1_error"]["test"]),
            "val_error": fraction(best["top1_error"]["val"]),
            "best_epoch": best["epoch"],
            "images_per_sec": max(float(event["images_per_sec"]) for event in epochs),
            "seconds": sum(float(event["seconds"]) for event in epochs),
        }
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise InputError(
            f"{os.path.join(folder, JSON_LOG)}: no log of a finished run of the experiment "
            f"({error!r}): move its folder away, and it is run again"
        ) from error
