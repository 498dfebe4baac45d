"""Our own ablations on data that are at hand: which fusion joins the blocks of a small CIFAR
ResNet, or the branches of Inception modules, on Fashion-MNIST, or the levels of a feature pyramid,
on scenes of its items.

Each has one schedule for all, chosen before any was compared; the best epoch is chosen by a tenth
of the training set that is held out, never by the test set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from ..nn.fusion import fusion_title
from .hosts import FASHION_MNIST, INCEPTION, SCENES, TENTH, Host
from .outcome import outcome


@dataclass(frozen=True)
class Arm:
    """One of the fusions that are compared.

    Parameters
    ----------
    fusion : str
        Published name.
    r : int, optional
        Its reduction ratio, where it is not the published code's.
    """

    fusion: str
    r: Optional[int] = None

    @property
    def title(self) -> str:
        """What a table calls it, by the paper's name."""
        return fusion_title(self.fusion) + self.ratio

    @property
    def ratio(self) -> str:
        """What a table says of the reduction ratio."""
        return f", r={self.r}" if self.r else ""


@dataclass(frozen=True)
class Cell:
    """One run of an experiment.

    Parameters
    ----------
    arm : Arm
        The fusion.
    blocks : int
        Blocks b of each stage: depth 6b + 2, or, of Inception modules, 3b + 2.
    seed : int
        Of everything that is drawn.
    schedule : tuple of str
        What all runs of the experiment share, as flags of the host's command.
    host : Host, optional
        What the fusion is put into, and on which data.
    """

    arm: Arm
    blocks: int
    seed: int
    schedule: Tuple[str, ...]
    host: Host = FASHION_MNIST

    @property
    def network(self) -> Tuple[str, Dict]:
        """The network, as `aff.get_model` takes it."""
        return self.host.network(self.arm.fusion, self.arm.r, self.blocks)

    @property
    def name(self) -> str:
        """Its folder's name."""
        ratio = f"-r{self.arm.r}" if self.arm.r else ""
        return f"b{self.blocks}-{self.arm.fusion}{ratio}-seed{self.seed}"

    @property
    def settings(self) -> List[str]:
        """What it trains, as flags of the host's command."""
        return [
            *self.host.flags,
            *("--blocks", str(self.blocks), "--fusion", self.arm.fusion),
            *(("--r", str(self.arm.r)) if self.arm.r else ()),
            *self.schedule,
            *("--seed", str(self.seed)),
        ]

    def outcome(self, logs: str) -> Optional[Dict[str, float]]:
        """Return the `outcome` of its log, in its folder in `logs`."""
        return outcome(os.path.join(logs, self.name), self.host, self.settings)

    def flags(self, params: str, logs: str) -> List[str]:
        """Return flags of the host's command; its files go to folders in `params` and `logs`."""
        return [
            *self.settings,
            *("--save-dir", os.path.join(params, self.name)),
            *("--logging-dir", os.path.join(logs, self.name)),
        ]


@dataclass(frozen=True)
class Experiment:
    """A grid of runs: fusions, depths and seeds under one schedule.

    Parameters
    ----------
    name : str
        Of its table, and of its folder in ``logs`` and ``params``.
    arms : tuple of Arm
        What is compared, in the order of the table; the first is what the others are compared with.
    blocks : tuple of int
        Blocks b of each stage.
    seeds : int
        Each is run so often, with seeds from 0.
    epochs, batch_size : int
        Of every run.
    lr : float, default 0.1
        Likewise.
    host : Host, optional
        What the fusions are put into, and on which data.
    """

    name: str
    arms: Tuple[Arm, ...]
    blocks: Tuple[int, ...]
    seeds: int
    epochs: int
    batch_size: int
    lr: float = 0.1
    host: Host = FASHION_MNIST

    @property
    def schedule(self) -> Tuple[str, ...]:
        """What all runs share beside the host's flags."""
        return (
            *("--num-epochs", str(self.epochs), "--batch-size", str(self.batch_size)),
            *("--lr", f"{self.lr:g}", "--val-split", "0.1", "--save-period", "0"),
        )

    def cells_of(self, arm: Arm, blocks: int) -> List[Cell]:
        """Return the runs of a fusion at a depth, by seed."""
        return [Cell(arm, blocks, seed, self.schedule, self.host) for seed in range(self.seeds)]

    def cells(self) -> List[Cell]:
        """Return all runs, in the order in which they are made: a depth after the other, and of
        each a seed of every fusion first.
        """
        return [
            Cell(arm, blocks, seed, self.schedule, self.host)
            for blocks in self.blocks
            for seed in range(self.seeds)
            for arm in self.arms
        ]


#: What is compared in the paper's other two hosts.
_FOR_HOSTS = tuple(
    map(
        Arm,
        (
            "DirectAdd",
            "Concat",
            "SKFuse",
            "ResGlobGlobCha",
            "ResLocaLocaCha",
            "ASKCFuse",
            "ResGlobLocaforGlobLocaCha",
        ),
    )
)
#: In the order of the paper's tables. In the first two AFF and iAFF have the paper's reduction
#: ratios, two global and two local contexts AFF's: equal budgets, or nearly (SEFuse and SKFuse have
#: fewer parameters); the last of the first has the published code's ratio.
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "ablation",
            (
                Arm("DirectAdd"),
                Arm("SEFuse"),
                Arm("SKFuse"),
                Arm("ResGlobGlobCha", 2),
                Arm("ResLocaLocaCha", 2),
                Arm("ASKCFuse", 2),
                Arm("ResGlobLocaforGlobLocaCha", 4),
                Arm("ASKCFuse", 4),
            ),
            blocks=(1,),
            seeds=5,
            epochs=30,
            batch_size=128,
        ),
        Experiment(
            "tenth",
            (
                Arm("DirectAdd"),
                Arm("SEFuse"),
                Arm("ResLocaLocaCha", 2),
                Arm("ASKCFuse", 2),
                Arm("ResGlobLocaforGlobLocaCha", 4),
            ),
            blocks=(1,),
            seeds=5,
            epochs=60,
            batch_size=128,
            host=TENTH,
        ),
        Experiment(
            "scenes",
            _FOR_HOSTS,
            blocks=(2,),
            seeds=3,
            epochs=20,
            batch_size=16,
            lr=0.003,
            host=SCENES,
        ),
        Experiment(
            "inception",
            _FOR_HOSTS,
            blocks=(1,),
            seeds=3,
            epochs=15,
            batch_size=128,
            host=INCEPTION,
        ),
    )
}
