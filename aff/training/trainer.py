"""A training step from batch to update, and an epoch of steps, on one path: what varies (schedule,
number format, loss, devices, processes) is handed to it.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon
from mxnet.gluon import HybridBlock

from ..nn.fusion import form_in_use
from ..utils.errors import InputError
from .amp import Float32
from .devices import split
from .ema import ModelEma
from .grad_clip import GradientClipper
from .grad_monitor import GradientMonitor
from .lr_scheduler import Schedule
from .meters import EpochMeter, EpochStats, Partial, StepFigures
from .process_group import ProcessGroup
from .task import Task


class Stopped(Exception):
    """Training was asked to stop between two steps; the trainer's `done` is what has been done of
    the epoch.
    """


class Trainer:
    """Trains a network, data-parallel over its devices.

    Parameters
    ----------
    net : HybridBlock
        Initialized on all of `devices`; (N, 3, H, W) to logits, as the task has them.
    devices : sequence of Context
        Each gets an equal share of a batch.
    schedule : callable
        Step, counted from 0 over the whole run, to learning rate.
    wd : float
        Weight decay.
    task : Task, optional
        What is learnt: its loss, and what is measured beside it. By default the classes of images.
    precision : Float32, optional
        Number format.
    group : ProcessGroup, optional
        The processes that train together, of which this is one.
    accumulate : int, default 1
        Micro-batches of a step: what a batch is split into, one after another, whose gradients are
        summed. Each gives BatchNorm its own statistics.
    clipper : GradientClipper, optional
        Clips the gradients of each step.
    optimizer : str, default 'nag'
        A name of `aff.training.optimizers.OPTIMIZERS`.
    settings : mapping of str to float, optional
        What it takes beside learning rate and weight decay; by default a momentum of 0.9.
    ema : ModelEma, optional
        A moving average of the network, which follows each step.

    Attributes
    ----------
    kind : str
        The optimizer's name.
    step : int
        Steps trained over the whole run.
    done : Partial
        What has been trained of the last epoch, also of one that an error ended.
    meter : EpochMeter
        Of the epoch that is being trained, or the last one.
    """

    def __init__(
        self,
        net: HybridBlock,
        devices: Sequence[mx.Context],
        schedule: Schedule,
        wd: float = 1e-4,
        task: Optional[Task] = None,
        precision: Optional[Float32] = None,
        group: Optional[ProcessGroup] = None,
        accumulate: int = 1,
        ema: Optional[ModelEma] = None,
        clipper: Optional[GradientClipper] = None,
        optimizer: str = "nag",
        settings: Optional[Mapping[str, float]] = None,
    ):
        self.net = net
        self.devices = list(devices)
        self.schedule = schedule
        self.precision = precision or Float32()
        self.step = 0
        self.task = task or Task()
        self.group = group or ProcessGroup()
        self.ema, self.clipper = ema, clipper
        if ema:
            ema.start(net)
        self.accumulate = accumulate
        if accumulate > 1:
            for parameter in net.collect_params().values():
                if parameter.grad_req != "null":
                    parameter.grad_req = "add"
        self.done = Partial()
        self.meter = EpochMeter(0, None, Partial())
        self.monitor = None if self.precision.checks_gradients else GradientMonitor(net)
        # In the network's own order: that of mxnet's names is another in the next network.
        parameters = {id(p): p for p in net._collect_params_with_prefix().values()}
        self.kind = optimizer
        self.optimizer = gluon.Trainer(
            list(parameters.values()),
            self.precision.create_optimizer(
                optimizer, learning_rate=schedule(0), wd=wd, **(settings or {"momentum": 0.9})
            ),
            kvstore=self.group.kvstore,
            update_on_kvstore=False,
        )
        # Left to itself, Gluon's trainer does this in its first step, after the first backward, and
        # overwrites what that did to the other devices' running statistics.
        self.optimizer._init_kvstore()
        self.optimizer._init_params()

    @property
    def facts(self) -> Dict[str, object]:
        """What ``settings.json`` keeps of devices, and of the form of the fusions there."""
        devices = len(self.devices) * self.group.world_size
        return {"devices": devices, "form": form_in_use(self.net)}

    @property
    def networks(self) -> Dict[str, HybridBlock]:
        """What is kept of the network by the prefix of its arrays: itself, and its average."""
        return {"": self.net, **({"ema.": self.ema.net} if self.ema else {})}

    def create_states(self) -> None:
        """Give the optimizer the states that it would create in its first step."""
        for updater, device in zip(self.optimizer._updaters, self.devices):
            for index, parameter in enumerate(self.optimizer._params):
                if parameter.grad_req != "null":
                    updater.states[index] = self.optimizer.optimizer.create_state_multi_precision(
                        index, parameter.data(device)
                    )
                    updater.states_synced[index] = True

    def train_step(self, data, targets, meter: EpochMeter) -> None:
        """Train on one batch, without waiting for the devices.

        Parameters
        ----------
        data, targets : numpy.ndarray
            (B, 3, H, W) float32, and what the task learns: (B, classes) float32 of images' classes.
        meter : EpochMeter
            Takes loss, metric and what became of the gradients, which stay on the devices.
        """
        lr = self.schedule(self.step)
        self.optimizer.set_learning_rate(lr)
        losses: List[mx.nd.NDArray] = []
        measures: List[mx.nd.NDArray] = []
        if self.accumulate > 1:
            self.net.collect_params().zero_grad()
        for batch in zip(*(np.array_split(part, self.accumulate) for part in (data, targets))):
            of_losses, of_measures = self._backward(*batch)
            losses += of_losses
            measures += of_measures
        after = self.precision.update(
            self.optimizer, len(data) * self.group.world_size, self.clipper
        )
        norm = self.clipper.norm if self.clipper else None
        meter.add(losses, measures, after, len(data), self.step, lr, norm)
        self.step += 1
        if self.ema:
            self.ema.update(self.net, self.optimizer, self.precision, self.step)

    def _backward(self, data, targets) -> Tuple[List[mx.nd.NDArray], List[mx.nd.NDArray]]:
        """Compute the gradients of a micro-batch; its losses and measures, by device."""
        inputs = split(data, self.devices, self.precision.dtype)
        truths = split(targets, self.devices, "float32")
        with autograd.record():
            outputs = [self.net(part).astype("float32", copy=False) for part in inputs]
            losses = [self.task.loss(*parts) for parts in zip(outputs, truths, inputs)]
            scaled = [self.precision.scale(loss) for loss in losses]
        autograd.backward(scaled)
        return losses, [self.task.measure(*parts) for parts in zip(outputs, truths)]

    def train_epoch(
        self,
        batches: Iterable,
        epoch: int,
        progress: Callable[[Iterable], Iterable] = iter,
        notify: Callable[[str], None] = lambda line: None,
        done: Optional[Partial] = None,
        stop: Callable[[], object] = bool,
        between: Callable[[], None] = lambda: None,
        observe: Callable[[StepFigures], None] = lambda figures: None,
    ) -> EpochStats:
        """Train on each of the batches once, then average BatchNorm's running statistics over the
        devices.

        Parameters
        ----------
        batches : iterable
            Gives (data, targets) as `train_step` takes them.
        epoch : int
            Counted from 0, for messages.
        progress : callable, optional
            Wraps `batches`, e.g. to show a bar.
        notify : callable, optional
            Is told, in a line, of each step that had to be left out.
        done : Partial, optional
            What had been done of the epoch when it was stopped; `batches` are the others.
        stop : callable, optional
            Is asked before every step whether to stop.
        between : callable, optional
            Is called before every step.
        observe : callable, optional
            Is given what each step measured, `EpochMeter.LAG` steps later.

        Raises
        ------
        Stopped
            When `stop` says so.
        RunError
            When the loss of a step is not finite, or a gradient that was not thrown away.
        """
        meter = EpochMeter(
            epoch, self.monitor, done or Partial(), self.precision, notify, self.clipper, observe
        )
        self.meter = meter
        try:
            for data, targets in progress(batches):
                if stop():
                    break
                between()
                self.train_step(data, targets, meter)
        except InputError:
            self.done = meter.finish()
            raise
        self.done = meter.finish()
        if stop():
            raise Stopped
        loss, metric, samples = meter.means(self.group)
        for net in self.networks.values():
            self.group.average_statistics(net)
        return EpochStats(
            loss=loss,
            metric=self.task.mean(metric),
            lr=self.schedule(max(self.step - 1, 0)),
            images_per_sec=samples / self.done.seconds,
            **self.done.norms(),
        )
