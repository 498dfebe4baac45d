"""What came out of a run of one of our own ablations, as its log says."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Dict, Optional, Sequence

from ..training.logger import JSON_LOG, EndEvent, read_events
from ..training.record import EpochRecord
from ..utils.errors import InputError
from ..utils.json_file import typed
from .hosts import FASHION_MNIST, Host, miou_by_size


@dataclass(frozen=True)
class _Command:
    """The command of a run, as it was given."""

    command: str = ""


@dataclass(frozen=True)
class _Start:
    """What is read of a log's first event."""

    training: _Command


def outcome(
    folder: str, host: Host = FASHION_MNIST, settings: Sequence[str] = ()
) -> Optional[Dict[str, float]]:
    """Return what came out of a run in a host, or None where it has not come to its end.

    Parameters
    ----------
    folder : str
        Of its log.
    host : Host, optional
        What was trained.
    settings : sequence of str
        Flags of its command.

    Raises
    ------
    InputError
        For a log that contradicts itself, and one of another command.
    """
    path = os.path.join(folder, JSON_LOG)
    try:
        events = read_events(folder)
        ends = [event for event in events if event["event"] == "end"]
        if not ends:
            return None
        start = typed(events[0], _Start, path)
        if settings and f" {shlex.join(settings)} " not in f"{start.training.command} ":
            raise InputError(f"{path}: was trained by another command")
        epochs = (event for event in events if event["event"] == "epoch")
        records = [typed(event, EpochRecord, path) for event in epochs]
        best_epoch = typed(ends[-1], EndEvent, path).best_epoch
        best = next((record for record in records if record.epoch == best_epoch), None)
        if best is None or not all(
            {"test", "val"} <= record.parts(best.kept) for record in (best, records[-1])
        ):
            raise InputError(f"{path}: has no scores of its best epoch, {best_epoch}, or the last")
        by_size = miou_by_size(folder)
    except InputError as error:
        raise InputError(
            f"{error.message}: no log of a finished run of the experiment: move its folder away, "
            "and the one of its parameters, and it is run again"
        ) from error
    if host.evaluated and not by_size:
        return None
    name = best.kept.names[0]
    kind = name.replace("top1_", "")
    return {
        **{f"{part}_{kind}": best.scores(part)[name] for part in ("test", "val")},
        f"last_test_{kind}": getattr(records[-1], name)["test"],
        **by_size,
        "best_epoch": best.epoch,
        "images_per_sec": max(record.images_per_sec for record in records),
        "seconds": sum(record.seconds for record in records),
    }
