"""A run's log: text for people, on the terminal and in ``train.log``, and JSON lines for programs,
``train.jsonl``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Callable, Iterable, Iterator, List, Optional

from tqdm import tqdm

from ..utils.errors import spell
from ..utils.files import replacing
from ..utils.output import outliving_terminal

TEXT_LOG, JSON_LOG, HISTORY_PLOT = "train.log", "train.jsonl", "history.png"
#: What a run is, in its folders of logs and of parameters.
SETTINGS = "settings.json"


class RunLogger:
    """Writes one run's log into a folder; a resumed run's lines follow those of its first part.

    Parameters
    ----------
    folder : str, optional
        Where the files go; it is created. None writes to the terminal only.
    text_log : str, optional
        File of the text log, in place of ``train.log`` in the folder.
    interval : int, default 0
        Batches between lines that say how fast they go; 0: none.
    quiet : bool, default False
        Say nothing on the terminal.
    workers : int, default 1
        Processes that go through as many images each at the same time.
    spelling : callable, optional
        How lines name a setting, given its field (see `aff.utils.errors.spell`).
    """

    def __init__(
        self,
        folder: Optional[str] = None,
        text_log: Optional[str] = None,
        interval: int = 0,
        quiet: bool = False,
        workers: int = 1,
        spelling: Callable[[str], str] = str,
    ):
        self.folder = folder
        self.text_log = text_log
        self.interval = interval
        self.quiet = quiet
        self.workers = workers
        self.spelling = spelling
        if folder:
            os.makedirs(folder, exist_ok=True)

    def path(self, name: str) -> str:
        """Return the path of one of the log's files."""
        if name == TEXT_LOG and self.text_log:
            return self.text_log
        return os.path.join(self.folder or "", name)

    def text(self, line: str) -> None:
        """Say one line on the terminal and keep it, with the time, in the text log."""
        line = spell(line, self.spelling)
        if not self.quiet:
            with outliving_terminal(), tqdm.external_write_mode(file=sys.stdout):
                print(line, flush=True)
        if self.folder:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            self._append(TEXT_LOG, f"{stamp} {line}")

    def warn(self, line: str) -> None:
        """Say one line on standard error, loudly, and keep it in the text log."""
        line = spell(line, self.spelling)
        with outliving_terminal():
            print(f"WARNING: {line}", file=sys.stderr, flush=True)
        if self.folder:
            self._append(TEXT_LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')} WARNING: {line}")

    def event(self, kind: str, **values: object) -> None:
        """Append one JSON line; `values` follow its ``event`` and ``time`` (seconds since 1970)."""
        if self.folder:
            self._append(
                JSON_LOG, json.dumps({"event": kind, "time": round(time.time(), 3), **values})
            )

    def go_back(self, epoch: int) -> None:
        """Remove the events of this epoch and later ones, which are trained again, and what a
        killed process was writing.
        """
        if not self.folder or not os.path.exists(self.path(JSON_LOG)):
            return
        with open(self.path(JSON_LOG), encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if _is_of_before(line, epoch)]
        with replacing(self.path(JSON_LOG)) as path, open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)

    def _append(self, name: str, line: str) -> None:
        with open(self.path(name), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def progress(self, batches: Iterable, total: int, description: str) -> Iterable:
        """Return the batches (data, labels) behind a bar on a terminal; as they are elsewhere."""
        bar = tqdm(
            batches,
            total=total,
            desc=description,
            leave=False,
            disable=self.quiet or not sys.stderr.isatty(),
        )
        return self._timed(bar, total, description) if self.interval and not self.quiet else bar

    def _timed(self, batches: Iterable, total: int, description: str) -> Iterator:
        since, images = time.perf_counter(), 0
        for number, batch in enumerate(batches, 1):
            yield batch
            images += len(batch[0])
            if number % self.interval == 0:
                now = time.perf_counter()
                rate = self.workers * images / (now - since)
                self.text(f"{description}, batch {number} of {total}: {rate:.0f} images/s")
                since, images = now, 0


def _is_of_before(line: str, epoch: int) -> bool:
    """Tell whether a line of the JSON log is whole, and no epoch's from this one on."""
    try:
        event = json.loads(line)
        return line.endswith("\n") and not (event["event"] == "epoch" and event["epoch"] >= epoch)
    except (ValueError, KeyError, TypeError):
        return False


def read_events(path: str) -> List[dict]:
    """Return the events of a run's log, its file or folder; what a killed process left half-written
    is left out.
    """
    if not path.endswith(".jsonl"):
        path = os.path.join(path, JSON_LOG)
    if not os.path.exists(path):
        return []
    events = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
    return [event for event in events if isinstance(event, dict)]


def plot_history(path: str, labels: Iterable[str], rows: Iterable[Iterable[float]]) -> None:
    """Draw curves over epochs to a PNG file, by GluonCV's `TrainingHistory`.

    Parameters
    ----------
    path : str
        The file.
    labels : iterable of str
        A name for each curve.
    rows : iterable of iterable of float
        For each epoch the value of each curve, 0 to 1.
    """
    import matplotlib

    matplotlib.use("Agg")
    from gluoncv.utils import TrainingHistory
    from matplotlib import pyplot

    labels = list(labels)
    history = TrainingHistory(labels)
    for row in rows:
        history.update(list(row))
    figure = pyplot.figure()
    try:
        pyplot.xlabel("epoch")
        history.plot(labels, save_path=f"{path}.tmp.png")
        os.replace(f"{path}.tmp.png", path)
    finally:
        pyplot.close(figure)
