"""A run from its settings to its closing lines, for both training scripts."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

import mxnet as mx

from ..data.bad_images import Damage
from ..distributed.job import Job
from ..models.registry import count_parameters
from ..training.amp import Float32, create_precision
from ..training.checkpoint import BEST
from ..training.logger import HISTORY_PLOT, JSON_LOG, TEXT_LOG, RunLog
from ..training.loss import CrossEntropy
from ..training.run import Run
from ..training.run_folder import SETTINGS, RunDirs, choose, create, hold, relative
from ..training.start import start_from
from ..training.state import RunState
from ..training.trainer import TrainingLoop
from ..utils.files import remove_left_overs, write_json
from ..utils.report import evaluate_command, score
from .common.networks import build
from .settings import RunSettings, check_resumed

SMOKE_BATCHES = 2


@dataclass(frozen=True)
class Batches:
    """The data of a run.

    Parameters
    ----------
    train : object
        Gives an epoch's batches.
    evals : dict of str to object
        Parts to evaluate after each epoch.
    data : str
        What is said of the data.
    selection : str
        What is said of how the best epoch is chosen.
    notes : list of str
        Further lines to say.
    objective : callable, optional
        Number format to what is minimised, where that is not plain cross-entropy.
    damage : Damage, optional
        Counts damaged training images.
    """

    train: Any
    evals: Dict[str, Any]
    data: str
    selection: str
    notes: List[str] = field(default_factory=list)
    objective: Optional[Callable[[Float32], CrossEntropy]] = None
    damage: Optional[Damage] = None


def build_loop(
    settings: RunSettings, devices: List[mx.Context], batches: Batches, job: Job
) -> TrainingLoop:
    """The loop that trains the network."""
    train = batches.train
    precision = create_precision(settings.dtype, devices)
    schedule = settings.schedule(len(train))
    mx.random.seed(settings.seed)
    net = build(settings.model, settings.model_kwargs, devices, precision, settings.mode)
    if settings.no_wd:
        for parameter in net.collect_params(".*beta|.*gamma|.*bias").values():
            parameter.wd_mult = 0.0
    return TrainingLoop(
        net,
        devices,
        schedule,
        settings.momentum,
        settings.wd,
        train.soft_targets,
        precision,
        batches.objective(precision) if batches.objective else None,
        job,
    )


def execute(
    settings: RunSettings,
    devices: List[mx.Context],
    load: Callable[[], Batches],
    warning: Optional[str] = None,
    text_log: Optional[str] = None,
    interval: int = 0,
    job: Optional[Job] = None,
) -> int:
    """Train as the settings say, from the data to the closing lines.

    Parameters
    ----------
    settings : RunSettings
        What to run.
    devices : list of Context
        Where.
    load : callable
        Gives the run's batches.
    warning : str, optional
        To be said loudly.
    text_log : str, optional
        File of the text log, in place of the one in the log's folder.
    interval : int, default 0
        Batches between lines of the log; 0: none.
    job : Job, optional
        The workers that train together; only the leading one writes and speaks.
    """
    job = job or Job()
    with contextlib.ExitStack() as held:
        dirs: Optional[RunDirs] = None
        notes: List[str] = []
        if job.leads:
            dirs, notes = prepare(settings, len(devices) * job.workers, held)
        checkpoint = dirs.checkpoint if dirs else None
        batches = load()
        loop = build_loop(settings, devices, batches, job)
        if settings.resume_params and not checkpoint and job.leads:
            start_from(
                loop,
                settings.resume_params,
                settings.resume_states,
                settings.resume_epoch * len(batches.train),
                settings.accept_pickled_states,
            )
        state = (
            RunState.resumed(checkpoint, loop)
            if checkpoint
            else RunState.started(loop, settings.resume_epoch)
        )
        if state.realign(loop, len(batches.train)):
            notes.append(f"steps of an epoch: goes on with epoch {state.next_epoch} from its start")
        log = RunLog(interval=interval, quiet=True)
        if dirs:
            if not checkpoint:
                create(dirs)
                hold(dirs, held)
            log = RunLog(dirs.log_dir, text_log, interval, workers=job.workers)
            if warning:
                log.warn(warning)
            begin(settings, dirs, batches, loop, log, state, notes)
        if batches.damage:
            batches.damage.say = log.warn
        run = Run(
            loop,
            build(settings.model, settings.model_kwargs, devices, loop.precision, settings.mode),
            batches.train,
            batches.evals,
            log,
            dirs.save_dir if dirs else "",
            settings.resume_epoch + 1 if settings.smoke else settings.num_epochs,
            settings.save_period,
            settings.seed,
            settings.discard,
        )
        if checkpoint:
            run.publish(checkpoint, state)
        run.go(state)
        conclude(run, state, settings.smoke)
    return 0


def prepare(
    settings: RunSettings, devices: int, held: contextlib.ExitStack
) -> Tuple[RunDirs, List[str]]:
    """The run's folders, and what differs from the settings that it was trained with so far; a
    folder that is there already is held.
    """
    dirs = choose(settings.name, settings.save_dir, settings.logging_dir, settings.resume)
    if not dirs.checkpoint:
        return dirs, []
    hold(dirs, held)
    return dirs, check_resumed(settings, devices, dirs.save_dir)


def begin(
    settings: RunSettings,
    dirs: RunDirs,
    batches: Batches,
    loop: TrainingLoop,
    log: RunLog,
    state: RunState,
    notes: List[str],
) -> None:
    """Keep the settings, and say what is about to be run, and from where it goes on."""
    kept = settings.as_json(len(loop.devices) * loop.job.workers)
    kept["save_dir"] = relative(dirs)
    if dirs.checkpoint:
        log.go_back(state.next_epoch)
    for folder in {dirs.save_dir, dirs.log_dir}:
        remove_left_overs(folder)
        write_json(os.path.join(folder, SETTINGS), kept)
    log.event("start", **kept)
    announce(settings, batches, loop, log)
    if dirs.checkpoint:
        log.text(f"resume    {state.where}, from {dirs.checkpoint}")
        log.event("resume", checkpoint=dirs.checkpoint, epoch=state.next_epoch, changed=notes)
    elif settings.resume_params:
        log.text(f"start     with epoch {state.next_epoch}, from {settings.resume_params}")
    for note in notes:
        log.text(f"changed   {note}")


def announce(settings: RunSettings, batches: Batches, loop: TrainingLoop, log: RunLog) -> None:
    """Say what is about to be run."""
    trainable, total = count_parameters(loop.net)
    log.text(
        f"network   {settings.model}, fusion {settings.model_kwargs['fusion']}, {total:,} "
        f"parameters ({trainable:,} trainable)"
    )
    log.text(f"data      {batches.data}")
    train = batches.train
    count = loop.job.workers
    workers = f" on each of {count} workers ({loop.job.kvstore.type})" if count > 1 else ""
    log.text(
        f"devices   {', '.join(map(str, loop.devices))}{workers}; batch {train.batch_size} "
        f"({settings.batch_size} on each), {len(train)} batches an epoch, seed {settings.seed}"
    )
    if any(device.device_type == "gpu" for device in loop.devices):
        log.text(
            "note      GPUs add in no fixed order: runs of one seed agree nearly, not bit for bit"
        )
    for line in batches.notes:
        log.text(line)
    if settings.mixes:
        log.text(
            f"mixup     alpha {settings.mixup_alpha:g} in epochs 0 to {settings.mixup_until - 1}"
            if settings.mixup_until
            else f"mixup     off: all {settings.num_epochs} epochs are among the last "
            f"{settings.mixup_off_epoch} (--mixup-off-epoch)"
        )
    log.text(batches.selection)


def conclude(run: Run, state: RunState, smoke: bool) -> None:
    """Say what came out and where it is: the errors on the test set, or on the validation set where
    there is no other.
    """
    best, last = state.best(), state.history[-1]
    shown = "test" if "test" in run.evals else "val"
    name = {"test": "test", "val": "validation"}[shown]
    chosen = "the held-out part" if run.chooser != shown else f"the {name} set itself"
    for label, record in (("best", best), ("last", last)):
        how = f", chosen by {chosen}" if label == "best" else ""
        errors = {"top1": record.top1_error[shown], "top5": record.top5_error[shown]}
        run.log.text(f"{label} epoch {record.epoch}{how}: {name} {score(errors)}")
    params = os.path.join(run.save_dir, BEST)
    run.log.event(
        "end",
        best_epoch=best.epoch,
        chosen_by=run.chooser,
        parameters=params,
        **{
            f"{shown}_images": run.evals[shown].total,
            f"{shown}_top1_error": best.top1_error[shown],
            f"{shown}_top5_error": best.top5_error[shown],
            f"last_{shown}_top1_error": last.top1_error[shown],
        },
    )
    if smoke:
        return
    run.log.text(f"{name} accuracy  {100 * (1 - best.top1_error[shown]):.2f} %")
    run.log.text(f"parameters     {params}")
    run.log.text(f"log            {run.log.path(TEXT_LOG)}, {run.log.path(JSON_LOG)}")
    run.log.text(f"history plot   {run.log.path(HISTORY_PLOT)}")
    run.log.text(f"evaluate again {evaluate_command(params)}")
