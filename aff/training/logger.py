"""A run's log: text for people, on the terminal and in ``train.log``, and JSON lines for programs,
``train.jsonl``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Dict, Iterable, List, Optional

from tqdm import tqdm

from ..utils.errors import spell
from ..utils.files import open_in_place, replacing
from ..utils.json_file import NoJSON, parse_json, ranged
from ..utils.opening import MB, read_lines
from ..utils.output import outliving_terminal
from ..utils.screen import fold
from .progress import Loop, shown, told

TEXT_LOG, JSON_LOG, HISTORY_PLOT = "train.log", "train.jsonl", "history.png"
#: A log of 10,000 epochs has 5 MB.
MAX_LOG = 64 * MB
#: What a run is, in its folders of logs and of parameters.
SETTINGS = "settings.json"


@dataclass(frozen=True)
class EndEvent:
    """What a finished run says last, as far as it is read: its best epoch, and that one's error on
    the test set, or on the validation set where there is no other, of so many images.
    """

    best_epoch: int = ranged(0)
    test_top1_error: Optional[float] = ranged(0, 1, default=None)
    test_images: Optional[int] = ranged(1, default=None)
    val_top1_error: Optional[float] = ranged(0, 1, default=None)
    val_images: Optional[int] = ranged(1, default=None)


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
    spelling : callable, optional
        How lines name a setting, given its field (see `aff.utils.errors.spell`).
    """

    def __init__(
        self,
        folder: Optional[str] = None,
        text_log: Optional[str] = None,
        interval: int = 0,
        quiet: bool = False,
        spelling: Callable[[str], str] = str,
    ):
        self.folder = folder
        self.text_log = text_log
        self.interval = interval
        self.quiet = quiet
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
            with self._outliving(), tqdm.external_write_mode(file=sys.stdout):
                print(fold(line), flush=True)
        self.keep(line)

    def _outliving(self) -> ContextManager[None]:
        """Whoever listened may be gone: a run goes on, and its log has what is said."""
        return outliving_terminal(pipes=bool(self.folder))

    def keep(self, line: str) -> None:
        """Keep one line in the text log, and say nothing."""
        if self.folder:
            line = spell(line, self.spelling)
            self._append(TEXT_LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}")

    def command(self, label: str, line: str) -> None:
        """Say a command to be copied, on a line that is not folded, and keep it."""
        if not self.quiet:
            with self._outliving(), tqdm.external_write_mode(file=sys.stdout):
                print(f"{label} {line}", flush=True)
        self.keep(f"{label} {line}")

    def warn(self, line: str) -> None:
        """Say one line on standard error, loudly, and keep it in the text log."""
        line = spell(line, self.spelling)
        with self._outliving():
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
        path = self.path(JSON_LOG)
        lines = [line for line in read_lines(path, MAX_LOG) if _is_of_before(line, path, epoch)]
        with replacing(self.path(JSON_LOG)) as path, open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)

    def _append(self, name: str, line: str) -> None:
        path = self.path(name)
        named = path == self.text_log  # by the user, who may mean where a link leads
        with open(path, "a", encoding="utf-8") if named else open_in_place(path, "a") as file:
            file.write(line + "\n")

    def progress(self, batches: Iterable, loop: Loop) -> Iterable:
        """Return the batches (data, labels) behind a bar on a terminal, or as they are elsewhere;
        with an interval, lines say how far it is.

        Parameters
        ----------
        batches : iterable
            The batches.
        loop : Loop
            What is done with them.
        """
        if not self.interval or self.quiet:
            return shown(batches, loop, self.quiet)
        return told(shown(batches, loop), loop, self.interval, self.text)


def _is_of_before(line: str, path: str, epoch: int) -> bool:
    """Tell whether a line of the JSON log is whole, and no epoch's from this one on."""
    event = _event(line, path)
    if event is None or not line.endswith("\n"):
        return False
    number = event.get("epoch")
    return event["event"] != "epoch" or (isinstance(number, int) and number < epoch)


def _event(line: str, path: str) -> Optional[Dict[str, Any]]:
    """Return what a line of the JSON log says, None where that is no event."""
    try:
        event = parse_json(line, path)
    except NoJSON:
        return None
    named = isinstance(event, dict) and isinstance(event.get("event"), str)
    return event if named else None


def read_events(path: str) -> List[Dict[str, Any]]:
    """Return the events of a run's log, its file or folder, each with the text of its ``event``;
    what a killed process left half-written is left out.

    Raises
    ------
    InputError
        For a log that cannot be read, or holds what no log does.
    """
    if not path.endswith(".jsonl"):
        path = os.path.join(path, JSON_LOG)
    if not os.path.exists(path):
        return []
    events = (_event(line, path) for line in read_lines(path, MAX_LOG))
    return [event for event in events if event is not None]
