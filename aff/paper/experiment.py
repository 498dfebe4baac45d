"""The ablation of Tables 3 and 4 on a data set that is at hand: which fusion joins the blocks of a
small CIFAR ResNet, on Fashion-MNIST.

One schedule for all, chosen before any was run; the best epoch is chosen by a tenth of the training
set that is held out, never by the test set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional

from ..training.logger import JSON_LOG, EndEvent, read_events
from ..training.state import EpochRecord
from ..utils.errors import InputError
from ..utils.json_file import typed

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
    path = os.path.join(folder, JSON_LOG)
    try:
        events = read_events(folder)
        ends = [event for event in events if event["event"] == "end"]
        if not ends:
            return None
        epochs = (event for event in events if event["event"] == "epoch")
        records = [typed(event, EpochRecord, path) for event in epochs]
        best_epoch = typed(ends[-1], EndEvent, path).best_epoch
        best = next((record for record in records if record.epoch == best_epoch), None)
        if best is None or not {"test", "val"} <= set(best.top1_error):
            raise InputError(f"{path}: has no errors of its best epoch, {best_epoch}")
    except InputError as error:
        raise InputError(
            f"{error.message}: no log of a finished run of the experiment: move its folder away, "
            "and it is run again"
        ) from error
    return {
        "test_error": best.top1_error["test"],
        "val_error": best.top1_error["val"],
        "best_epoch": best.epoch,
        "images_per_sec": max(record.images_per_sec for record in records),
        "seconds": sum(record.seconds for record in records),
    }
