"""How far a loop over batches has come, and how long it and its run will take: a bar on a terminal,
a line every so often.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

from tqdm import tqdm

#: Epochs by whose mean time the others' is told.
RECENT = 5
#: What of a bar is left out first where the terminal is narrow: what has the largest number.
DESCRIPTION, COUNT, LEFT, LOSS, RUN, RATE, PICTURE, MORE = range(8)
#: Columns of the bar itself, at least.
NARROWEST = 8
SMOOTHING = 0.1


@dataclass(frozen=True)
class RunClock:
    """Tells how long a run will take, by how long its last epochs took.

    Parameters
    ----------
    begun : float
        When this epoch began, by `time.perf_counter`.
    after : int
        Epochs after this one.
    seconds : sequence of float
        What each epoch before took, with its evaluation.
    """

    begun: float
    after: int
    seconds: Sequence[float] = ()

    def left(self, of_loop: float) -> float:
        """Return the seconds left of the run, from those left of the loop that it is in."""
        so_far = time.perf_counter() - self.begun
        recent = self.seconds[-RECENT:]
        epoch = sum(recent) / len(recent) if recent else so_far + of_loop
        return max(of_loop, epoch - so_far) + self.after * epoch


def images_of(batch: Any) -> int:
    """Return the number of images of a batch (data, labels)."""
    return len(batch[0])


@dataclass(frozen=True)
class Loop:
    """A loop over batches.

    Parameters
    ----------
    description : str
        What is done.
    total : int
        Number of batches.
    start : int, default 0
        Those that were done before.
    workers : int, default 1
        Processes that go through as many images each at the same time.
    figures : callable, optional
        Asked for what else to show, the most important first; must not wait for anything.
    clock : RunClock, optional
        Tells what is left of the run.
    count : callable, optional
        Tells the number of images of a batch.
    """

    description: str
    total: int
    start: int = 0
    workers: int = 1
    figures: Callable[[], Sequence[str]] = tuple
    clock: Optional[RunClock] = None
    count: Callable[[Any], int] = images_of

    def left(self, number: int, seconds: float) -> Tuple[float, Optional[float]]:
        """Return the seconds left of the loop, and of the run where that is known, from those that
        a batch takes.
        """
        of_loop = (self.total - number) * seconds
        return of_loop, self.clock.left(of_loop) if self.clock else None


def fitting(parts: Sequence[Tuple[int, str]], limit: Optional[int]) -> str:
    """Return what of a bar fits into a line, as tqdm takes it: a ``{bar}`` for the bar itself.

    Parameters
    ----------
    parts : sequence of (int, str)
        In their order, each with its rank: the largest is left out first.
    limit : int or None
        Columns; None: any number.
    """
    left = list(parts)
    while True:
        first = " ".join(text for rank, text in left if rank in (DESCRIPTION, PICTURE, COUNT))
        line = ", ".join([first, *(t for r, t in left if r not in (DESCRIPTION, PICTURE, COUNT))])
        picture = NARROWEST - len("{bar}") if any(rank == PICTURE for rank, _ in left) else 0
        if limit is None or len(line) + picture <= limit:
            return line
        last = max(rank for rank, _ in left)
        if last <= COUNT:
            return line[:limit]
        left = [(rank, text) for rank, text in left if rank != last]


class _Bar(tqdm):
    """A bar of one line, never wider than the terminal."""

    def __init__(self, batches: Iterable, loop: Loop, **options):
        self.loop, self.images = loop, 0
        super().__init__(batches, total=loop.total, initial=loop.start, **options)

    @property
    def format_dict(self):
        found = super().format_dict
        if found["ncols"]:
            found["ncols"] -= 1  # in the last column some terminals begin another line
        found["bar_format"] = fitting(self._parts(found["n"], found["rate"]), found["ncols"])
        return found

    def _parts(self, number: int, rate: Optional[float]) -> List[Tuple[int, str]]:
        loop, done = self.loop, number - self.loop.start
        parts = [
            (DESCRIPTION, loop.description),
            (PICTURE, "|{bar}|"),
            (COUNT, f"{number}/{loop.total}"),
        ]
        parts += [(MORE if more else LOSS, text) for more, text in enumerate(loop.figures())]
        if rate and done:
            left, of_run = loop.left(number, 1 / rate)
            images = loop.workers * self.images / done * rate
            parts.append((RATE, f"{images:.0f} images/s"))
            parts.append((LEFT, f"{tqdm.format_interval(left)} left"))
            if of_run is not None:
                parts.append((RUN, f"run {tqdm.format_interval(of_run)}"))
        return parts


def shown(batches: Iterable, loop: Loop, quiet: bool = False) -> Iterable:
    """Return the batches behind a bar on a terminal, on standard error; as they are elsewhere.

    Parameters
    ----------
    batches : iterable
        Of (data, labels), or other sequences.
    loop : Loop
        What is done with them.
    quiet : bool, default False
        Show no bar.
    """
    bar = _Bar(
        batches,
        loop,
        leave=False,
        disable=quiet or not sys.stderr.isatty(),
        dynamic_ncols=True,
        smoothing=SMOOTHING,
    )
    return bar if bar.disable else _counted(bar)


def _counted(bar: _Bar) -> Iterator:
    for batch in bar:
        yield batch
        bar.images += bar.loop.count(batch)


def told(batches: Iterable, loop: Loop, interval: int, say: Callable[[str], None]) -> Iterator:
    """Yield the batches, and say a line after every `interval` of them: images per second since the
    line before, figures, and what is left by the mean time of a batch.
    """
    begun = since = time.perf_counter()
    images = 0
    for number, batch in enumerate(batches, loop.start + 1):
        yield batch
        images += loop.count(batch)
        if number % interval:
            continue
        now = time.perf_counter()
        left, of_run = loop.left(number, (now - begun) / (number - loop.start))
        parts = [
            f"{loop.workers * images / (now - since):.0f} images/s",
            *loop.figures(),
            f"{tqdm.format_interval(left)} left",
            *([] if of_run is None else [f"of the run {tqdm.format_interval(of_run)}"]),
        ]
        say(f"{loop.description}, batch {number} of {loop.total}: {', '.join(parts)}")
        since, images = now, 0
