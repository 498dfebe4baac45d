"""The evaluation of an epoch: of the network as it was trained, and of its moving average."""

from __future__ import annotations

from functools import cached_property
from typing import Callable, Dict, Iterable

from mxnet.gluon import HybridBlock

from ..models.parameters import copy_parameters
from .config import TrainConfig
from .data import Data
from .network import create_network
from .trainer import Trainer


class EpochEvaluator:
    """Evaluates a run's networks on all parts of its data.

    Parameters
    ----------
    config : TrainConfig
        The run.
    data : Data
        Its images.
    trainer : Trainer
        Holds what is evaluated, and where.
    """

    def __init__(self, config: TrainConfig, data: Data, trainer: Trainer):
        self.config, self.data, self.trainer = config, data, trainer

    @cached_property
    def net(self) -> HybridBlock:
        """The same network again, for evaluation: mxnet's inference on a CPU reorders parameters in
        memory, in the background, and training on them does not repeat bit for bit.
        """
        config, trainer = self.config, self.trainer
        return create_network(
            config.model, config.model_kwargs, trainer.devices, trainer.precision, config.mode
        )

    def scores(self, progress: Callable[[str, Iterable], Iterable]) -> Dict[str, Dict[str, float]]:
        """Return the scores, by part, as an `EpochRecord` names them.

        Parameters
        ----------
        progress : callable
            What is done, and batches (data, labels), to the batches.
        """
        trainer = self.trainer
        found = self._evaluate(trainer.net, "evaluate", progress)
        if trainer.ema:
            averaged = self._evaluate(trainer.ema.net, "evaluate the average on", progress)
            found.update({f"ema_{name}": scores for name, scores in averaged.items()})
        return found

    def _evaluate(self, net: HybridBlock, what: str, progress) -> Dict[str, Dict[str, float]]:
        copy_parameters(net, self.net)
        task = self.trainer.task
        found = {
            part: task.evaluate(
                self.net,
                batches,
                self.trainer.devices,
                self.trainer.precision.dtype,
                lambda given, part=part: progress(f"{what} {part}", given),  # type: ignore
                self.trainer.group,
            )
            for part, batches in self.data.evals.items()
        }
        return {
            name: {part: getattr(result, name) for part, result in found.items()}
            for name in task.scores.names
        }
