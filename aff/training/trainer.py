"""One epoch of training, on one path: what varies (targets, schedule, precision, devices) is handed
to it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Callable, Iterable, Optional, Sequence, Tuple

import mxnet as mx
from mxnet import autograd
from mxnet.gluon import HybridBlock, Trainer

from ..distributed.job import Job
from ..utils.errors import InputError, RunError
from .amp import Float32
from .devices import shares
from .grad_monitor import Look, Watch
from .loss import CrossEntropy
from .lr_scheduler import Schedule
from .metrics import squared_error, wrong_count


@dataclass(frozen=True)
class EpochStats:
    """What an epoch of training measured.

    Parameters
    ----------
    loss : float
        Mean over samples.
    metric : float
        Of the loop's `metric`: mean over samples (rmse: its root).
    lr : float
        Learning rate of the last step.
    images_per_sec : float
        Training throughput.
    """

    loss: float
    metric: float
    lr: float
    images_per_sec: float


@dataclass
class Partial:
    """What has been trained of an epoch: whole batches, and sums over their samples (of this
    worker).
    """

    batches: int = 0
    samples: int = 0
    loss: float = 0.0
    metric: float = 0.0
    seconds: float = 0.0


class Stopped(Exception):
    """Training was asked to stop between two steps; the loop's `done` is what has been done of the
    epoch.
    """


def hybridize(net: HybridBlock) -> None:
    """Compile a network, its memory allocated once.

    Not with ``static_shape``: mxnet 1.9.1 then updates BatchNorm's running statistics behind the
    engine's back, and whoever reads them next (an evaluation, a checkpoint) may get the values of a
    step before.
    """
    net.hybridize(static_alloc=True)


class TrainingLoop:
    """Trains a network by Nesterov's accelerated gradient (mxnet's `nag`), data-parallel over its
    devices.

    Parameters
    ----------
    net : HybridBlock
        Initialized on all of `devices`; (N, 3, H, W) to logits (N, classes).
    devices : sequence of Context
        Each gets an equal share of a batch.
    schedule : callable
        Step, counted from 0 over the whole run, to learning rate.
    momentum, wd : float
        Of the optimizer.
    soft_targets : bool
        Whether targets are not one-hot: the metric is then ``'rmse'``, as published, instead of
        ``'top1_error'``.
    precision : Float32, optional
        Number format.
    objective : CrossEntropy, optional
        What is minimised.
    job : Job, optional
        The workers that train together, of which this is one.

    Attributes
    ----------
    step : int
        Steps trained over the whole run.
    done : Partial
        What has been trained of the last epoch, also of one that an error ended.
    """

    def __init__(
        self,
        net: HybridBlock,
        devices: Sequence[mx.Context],
        schedule: Schedule,
        momentum: float = 0.9,
        wd: float = 1e-4,
        soft_targets: bool = False,
        precision: Optional[Float32] = None,
        objective: Optional[CrossEntropy] = None,
        job: Optional[Job] = None,
    ):
        self.net = net
        self.devices = list(devices)
        self.schedule = schedule
        self.precision = precision or Float32()
        self.step = 0
        self.metric = "rmse" if soft_targets else "top1_error"
        self.objective = objective or CrossEntropy()
        self.job = job or Job()
        self.done = Partial()
        self.watch = None if self.precision.looks_itself else Watch(net)
        self.trainer = Trainer(
            net.collect_params(),
            "nag",
            {
                "learning_rate": schedule(0),
                "momentum": momentum,
                "wd": wd,
                **self.precision.optimizer_params,
            },
            kvstore=self.job.kvstore,
            update_on_kvstore=False,
        )
        # Left to itself, the trainer does this in its first step, after the first backward, and
        # overwrites what that did to the other devices' running statistics.
        self.trainer._init_kvstore()
        self.trainer._init_params()

    def create_states(self) -> None:
        """Give the optimizer the states that it would create in its first step."""
        for updater, device in zip(self.trainer._updaters, self.devices):
            for index, parameter in enumerate(self.trainer._params):
                if parameter.grad_req != "null":
                    updater.states[index] = self.trainer.optimizer.create_state_multi_precision(
                        index, parameter.data(device)
                    )
                    updater.states_synced[index] = True

    def train_epoch(
        self,
        batches: Iterable,
        epoch: int,
        progress: Callable[[Iterable], Iterable] = iter,
        notify: Callable[[str], None] = lambda line: None,
        done: Optional[Partial] = None,
        stop: Callable[[], object] = bool,
    ) -> EpochStats:
        """Train on each of the batches once, then average BatchNorm's running statistics over the
        devices.

        Parameters
        ----------
        batches : iterable
            Gives (data, targets) as float32 NumPy arrays, (B, 3, H, W) and (B, classes).
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

        Raises
        ------
        Stopped
            When `stop` says so.
        RunError
            When the loss of a step is not finite, or a gradient that was not thrown away.
        """
        sums = _Sums(epoch, self.watch, done or Partial())
        measure = squared_error if self.metric == "rmse" else wrong_count
        start = time.perf_counter() - sums.done.seconds
        lr = self.schedule(max(self.step - 1, 0))
        try:
            for data, targets in progress(batches):
                if stop():
                    break
                lr = self.schedule(self.step)
                self.trainer.set_learning_rate(lr)
                outputs, losses, truths = self._forward_backward(data, targets)
                if not self.precision.update(self.trainer, len(data) * self.job.workers):
                    notify(f"epoch {epoch}, step {self.step} left out: {self.precision.trouble()}")
                sums.add(
                    losses,
                    [measure(*pair) for pair in zip(outputs, truths)],
                    self.watch.look() if self.watch else None,
                    len(data),
                    self.step,
                    lr,
                )
                self.step += 1
        except InputError:
            self.done = sums.finish(start)
            raise
        self.done = sums.finish(start)
        if stop():
            raise Stopped
        loss, metric, samples = sums.means(self.job)
        self.job.average(self.net)
        return EpochStats(
            loss=loss,
            metric=math.sqrt(metric) if self.metric == "rmse" else metric,
            lr=lr,
            images_per_sec=samples / sums.done.seconds,
        )

    def _forward_backward(self, data, targets):
        inputs = shares(data, self.devices, self.precision.dtype)
        truths = shares(targets, self.devices, "float32")
        with autograd.record():
            outputs = [self.net(part).astype("float32", copy=False) for part in inputs]
            losses = [self.objective(*parts) for parts in zip(outputs, truths, inputs)]
            scaled = [self.precision.scale(loss) for loss in losses]
        autograd.backward(scaled)
        return outputs, losses, truths


class _Sums:
    """Sums of loss and metric over an epoch's samples, read two steps late so that the devices
    never wait.
    """

    LAG = 2

    def __init__(self, epoch: int, watch: Optional[Watch], done: Partial):
        self.epoch = epoch
        self.watch = watch
        self.done = replace(done)
        self._pending: deque = deque()

    def add(self, losses, measures, look: Optional[Look], samples, step: int, lr: float) -> None:
        self._pending.append(([loss.sum() for loss in losses], measures, look, step, lr))
        self.done.samples += samples
        self.done.batches += 1
        if len(self._pending) > self.LAG:
            self._read_oldest()

    def _read_oldest(self) -> None:
        losses, measures, look, step, lr = self._pending.popleft()
        loss = sum(part.asscalar().item() for part in losses)
        if not math.isfinite(loss):
            self._stop("the loss is", look, step, lr)
        if look and not look.finite():
            self._stop("the norm of a gradient is", look, step, lr)
        self.done.loss += loss
        self.done.metric += sum(part.asscalar().item() for part in measures)

    def _stop(self, what: str, look: Optional[Look], step: int, lr: float) -> None:
        where = self.watch.first_bad(look) if self.watch and look else None
        raise RunError(
            f"{what} not finite at epoch {self.epoch}, step {step}, learning rate {lr:g}"
            f"{f' ({where})' if where else ''}: lower --lr or lengthen the warm-up; earlier "
            "parameters are kept"
        )

    def finish(self, start: float) -> Partial:
        """Read all that has not been read yet; what has been done since `start`."""
        while self._pending:
            self._read_oldest()
        self.done.seconds = time.perf_counter() - start
        return self.done

    def means(self, job: Job) -> Tuple[float, float, int]:
        """Loss and metric of the mean sample, and number of samples, over all workers."""
        if not self.done.samples:
            raise RunError("an epoch held no batches")
        done = self.done
        loss, metric, samples = job.sum([done.loss, done.metric, done.samples]).tolist()
        return loss / samples, metric / samples, int(samples)
