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
from ..utils.files import open_in_place, replacing
from ..utils.output import outliving_terminal
from ..utils.screen import fold

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
        """Say one line on the terminal, folded where that is narrow, and keep it, with the time, in
        the text log.
        """
        line = spell(line, self.spelling)
        if not self.quiet:
            with outliving_terminal(), tqdm.external_write_mode(file=sys.stdout):
                print(fold(line), flush=True)
        self.keep(line)

    def keep(self, line: str) -> None:
        """Keep one line in the text log, and say nothing."""
        if self.folder:
            line = spell(line, self.spelling)
            self._append(TEXT_LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}")

    def command(self, label: str, line: str) -> None:
        """Say a command to be copied, on a line that is not folded, and keep it."""
        if not self.quiet:
            with outliving_terminal(), tqdm.external_write_mode(file=sys.stdout):
                print(f"{label} {line}", flush=True)
        self.keep(f"{label} {line}")

    def warn(self, line: str) -> None:
        """Say one line on standard error, loudly, and keep it in the text log."""
        line = spell(line, self.spelling)
        with outliving_terminal():
            print(f"WARNING: {line}", file=sys.stderr, flush=True)
        self.keep(f"WARNING: {line}")

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
        path = self.path(name)
        named = path == self.text_log  # by the user, who may mean where a link leads
        with open(path, "a", encoding="utf-8") if named else open_in_place(path, "a") as file:
            file.write(line + "\n")

    def progress(
        self,
        batches: Iterable,
        total: int,
        description: str,
        figures: Optional[Callable[[], str]] = None,
    ) -> Iterable:
        """Return the batches (data, labels) behind a bar on a terminal; as they are elsewhere.

        Parameters
        ----------
        batches : iterable
            The batches.
        total : int
            Their number.
        description : str
            What is done.
        figures : callable, optional
            Asked for each batch what to show beside the bar; must not wait for anything.
        """
        bar = tqdm(
            batches,
            total=total,
            desc=description,
            leave=False,
            disable=self.quiet or not sys.stderr.isatty(),
        )
        shown = self._shown(bar, figures) if figures and not bar.disable else bar
        if not self.interval or self.quiet:
            return shown
        return self._timed(shown, total, description, figures or str)

    @staticmethod
    def _shown(bar: tqdm, figures: Callable[[], str]) -> Iterator:
        for batch in bar:
            bar.set_postfix_str(figures(), refresh=False)  # the bar's next drawing shows it
            yield batch

    def _timed(
        self, batches: Iterable, total: int, description: str, figures: Callable[[], str]
    ) -> Iterator:
        since, images = time.perf_counter(), 0
        for number, batch in enumerate(batches, 1):
            yield batch
            images += len(batch[0])
            if number % self.interval == 0:
                now = time.perf_counter()
                rate = self.workers * images / (now - since)
                line = f"{description}, batch {number} of {total}: {rate:.0f} images/s"
                self.text(", ".join(filter(None, [line, figures()])))
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
