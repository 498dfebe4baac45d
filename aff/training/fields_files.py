"""The settings of what a run keeps, and what it goes on from; :mod:`.fields_run` has the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..utils.values import float_range, int_range, recorded
from .setting import FREE, SWITCH, UNTOLD, setting

#: A folder for TensorBoard in its usual place.
AUTO = "auto"


@dataclass(frozen=True)
class FileSettings:
    """What a run keeps, and what it goes on from."""

    save_dir: Optional[str] = setting(
        recorded,
        None,
        "folder for parameters and checkpoints (default: params/ and a name made of the settings)",
        "files",
        FREE,
    )
    logging_dir: Optional[str] = setting(
        recorded,
        None,
        "folder for the logs and the history plot (default: logs/ and the name of the parameters' "
        "folder)",
        "files",
        FREE,
    )
    logging_file: Optional[str] = setting(
        recorded,
        None,
        "file of the text log, appended to (default: train.log in the folder for the logs)",
        "files",
        FREE,
        ("imagenet", "segmentation"),
    )
    log_interval: int = setting(
        int_range(0),
        0,
        "batches between lines of the log that say how fast they go and how long it will take; 0: "
        "none",
        "files",
        FREE,
        imagenet=50,
    )
    tensorboard: Optional[str] = setting(
        recorded,
        None,
        "write figures, images of a batch and the settings for TensorBoard, into this folder; "
        "auto, or no name: the folder tensorboard beside the logs",
        "files",
        FREE,
    )
    save_period: int = setting(
        int_range(0),
        50,
        "epochs between parameters kept besides the best; 0: only the best",
        "files",
        FREE,
        imagenet=10,
        second={"cifar": 10},
    )
    save_minutes: float = setting(
        float_range(0),
        30.0,
        "minutes of training that a kill may lose: so often a checkpoint is saved within an epoch "
        "too (of a run of one process); 0: only at its end, and when a signal stops the run",
        "files",
        FREE,
    )
    resume: Optional[str] = setting(
        recorded,
        None,
        "go on from a checkpoint: auto takes the newest of the run's folder, or of the newest run "
        "of the default name, and starts anew where there is none",
        "files",
        UNTOLD,
    )
    resume_changed: bool = setting(
        SWITCH,
        False,
        "let a resumed run go on under settings that change what is computed; the log says which",
        "files",
        UNTOLD,
    )
    resume_params: Optional[str] = setting(
        recorded, None, "start a new run from these parameters", "files", FREE
    )
    resume_states: Optional[str] = setting(
        recorded,
        None,
        "and from these optimizer states: optimizer.params of a checkpoint",
        "files",
        FREE,
    )
    resume_epoch: int = setting(
        int_range(0), 0, "and with this epoch, counted from 0", "files", FREE
    )
    smoke: bool = setting(
        SWITCH,
        False,
        "two batches of training and of evaluation through the whole path; no file is kept, "
        "whatever the other flags name",
        "instead of a run",
    )
    discard: bool = setting(SWITCH, False, "the run's files are removed at its end", "", FREE)
