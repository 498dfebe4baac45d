"""What an epoch of training measures: sums over its samples, read late so that the devices never
wait.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Tuple

from ..utils.errors import RunError
from ..utils.json_file import ranged
from .amp import Float32
from .grad_clip import GradientClipper
from .grad_monitor import GradientMonitor, StepNorms
from .process_group import ProcessGroup


@dataclass(frozen=True)
class EpochStats:
    """What an epoch of training measured.

    Parameters
    ----------
    loss : float
        Mean over samples.
    metric : float
        What the task measures: mean over samples (rmse: its root).
    lr : float
        Learning rate of the last step.
    images_per_sec : float
        Training throughput.
    grad_norm, clipped : float or None
        Of the steps of a trainer that clips gradients: mean norm before, and share of those whose
        gradients were clipped.
    """

    loss: float
    metric: float
    lr: float
    images_per_sec: float
    grad_norm: Optional[float] = None
    clipped: Optional[float] = None


@dataclass(frozen=True)
class StepFigures:
    """What a step of training measured.

    Parameters
    ----------
    step : int
        Counted from 0 over the whole run.
    samples : int
        Of this process.
    loss : float
        Mean over them.
    lr : float
        Learning rate.
    grad_norm : float
        Norm of the gradients before they were clipped; infinite where it was not measured.
    """

    step: int
    samples: int
    loss: float
    lr: float
    grad_norm: float = math.inf


@dataclass
class Partial:
    """What has been trained of an epoch: whole batches, and sums over their samples (of this
    worker); of the steps whose gradients' norm was `measured`, and finite, also the sum of these,
    and how many were `clipped`.
    """

    batches: int = ranged(0, default=0)
    samples: int = ranged(0, default=0)
    loss: float = 0.0
    metric: float = ranged(0, default=0.0)
    seconds: float = ranged(0, default=0.0)
    measured: int = ranged(0, default=0)
    grad_norm: float = ranged(0, default=0.0)
    clipped: int = ranged(0, default=0)

    def norms(self) -> Dict[str, Optional[float]]:
        """Return the mean norm of the steps' gradients, and the share of those that were
        clipped, as `EpochStats` names them.
        """
        if not self.measured:
            return {"grad_norm": None, "clipped": None}
        return {
            "grad_norm": self.grad_norm / self.measured,
            "clipped": self.clipped / self.measured,
        }


class EpochMeter:
    """Sums of loss and metric over an epoch's samples, each step's read two steps later.

    Parameters
    ----------
    epoch : int
        For messages.
    monitor : GradientMonitor or None
        Finds where a step went wrong.
    done : Partial
        What had been done of the epoch before.
    precision : Float32, optional
        Reads whether a step was left out.
    notify : callable, optional
        Is told, in a line, of each that was.
    clipper : GradientClipper, optional
        Clips the gradients.
    observe : callable, optional
        Is given what each step measured, when it has been read.
    """

    LAG = 2

    def __init__(
        self,
        epoch: int,
        monitor: Optional[GradientMonitor],
        done: Partial,
        precision: Optional[Float32] = None,
        notify: Callable[[str], None] = lambda line: None,
        clipper: Optional[GradientClipper] = None,
        observe: Callable[[StepFigures], None] = lambda figures: None,
    ):
        self.epoch = epoch
        self.monitor = monitor
        self.precision = precision or Float32()
        self.notify = notify
        self.observe = observe
        self.longest = clipper.max_norm if clipper else math.inf
        self.done = replace(done)
        self._start = time.perf_counter() - done.seconds
        self._pending: deque = deque()
        self._latest: Optional[StepFigures] = None

    @property
    def latest(self) -> List[str]:
        """Mean loss and learning rate of the last step that has been read, `LAG` steps behind, as
        texts; none before the first. Nothing is waited for.
        """
        if not self._latest:
            return []
        return [f"loss {self._latest.loss:.4f}", f"lr {self._latest.lr:.4g}"]

    def add(self, losses, measures, after, samples: int, step: int, lr: float, norm=None) -> None:
        """Take a step's losses, measures, what the precision's `update` returned, and the norm of
        the gradients where they are clipped, still on the devices.
        """
        norms = self.monitor.measure() if self.monitor else None
        sums = [loss.sum() for loss in losses]
        self._pending.append((sums, measures, norms, after, step, lr, samples, norm))
        self.done.samples += samples
        self.done.batches += 1
        if len(self._pending) > self.LAG:
            self._read_oldest()

    def _read_oldest(self) -> None:
        losses, measures, norms, after, step, lr, samples, norm = self._pending.popleft()
        trouble = self.precision.trouble(after)
        if trouble:
            self.notify(f"epoch {self.epoch}, step {step} left out: {trouble}")
        loss = sum(part.asscalar().item() for part in losses)
        if not math.isfinite(loss):
            self._stop("the loss is", norms, step, lr)
        if norms and self.monitor and self.monitor.diverged(norms):
            self._stop("the norm of a gradient is", norms, step, lr)
        self.done.loss += loss
        self.done.metric += sum(part.asscalar().item() for part in measures)
        length = math.inf if norm is None else norm.asscalar().item()
        if math.isfinite(length):
            self.done.measured += 1
            self.done.grad_norm += length
            self.done.clipped += length > self.longest
        self._latest = StepFigures(step, samples, loss / samples, lr, length)
        self.observe(self._latest)

    def _stop(self, what: str, norms: Optional[StepNorms], step: int, lr: float) -> None:
        where = self.monitor.first_bad(norms) if self.monitor and norms else None
        raise RunError(
            f"{what} not finite at epoch {self.epoch}, step {step}, learning rate {lr:g}"
            f"{f' ({where})' if where else ''}: lower {{lr}} or lengthen the warm-up"
            f"{'; earlier parameters are kept' if self.epoch else ''}"
        )

    def finish(self) -> Partial:
        """Read all that has not been read yet; what has been done of the epoch."""
        while self._pending:
            self._read_oldest()
        self.done.seconds = time.perf_counter() - self._start
        return self.done

    def means(self, group: ProcessGroup) -> Tuple[float, float, int]:
        """Return loss and metric of the mean sample, and number of samples, over all processes."""
        if not self.done.samples:
            raise RunError("an epoch held no batches")
        done = self.done
        loss, metric, samples = group.all_reduce([done.loss, done.metric, done.samples]).tolist()
        return loss / samples, metric / samples, int(samples)
