"""How the settings of a CIFAR-style run become a network, batches, a schedule and a `Run`."""

from __future__ import annotations

import os
from typing import List

import mxnet as mx

from ..data import LABEL_SMOOTHING_ETA, DataSet, EvalBatches, TrainBatches, load_dataset
from ..families import count_parameters
from ..files import write_json
from ..training.devices import choose_devices
from ..training.loop import TrainingLoop
from ..training.precision import create_precision
from ..training.run import BEST, Run, RunState
from ..training.runlog import HISTORY_PLOT, JSON_LOG, TEXT_LOG, RunLog
from ..training.schedule import build_schedule
from .cifar_settings import CifarSettings, check_resumed, unused_flags
from .networks import build
from .report import evaluate_command, score
from .rundirs import SETTINGS, choose, create

SMOKE_BATCHES = 2


def build_batches(settings: CifarSettings, data: DataSet, devices: int):
    """Training batches, and the parts to evaluate each epoch."""
    limit = SMOKE_BATCHES if settings.smoke else 0
    size = settings.batch_size * devices
    train = TrainBatches(
        data,
        size,
        settings.seed,
        settings.num_workers,
        limit=limit,
        mixup_alpha=0 if settings.no_mixup else settings.mixup_alpha,
        mixup_until=settings.mixup_until,
        smoothing=LABEL_SMOOTHING_ETA if settings.label_smoothing else 0,
    )
    evals = {
        part: EvalBatches(data, split, size, settings.num_workers, limit)
        for part, split in data.parts().items()
        if part != "train"
    }
    return train, evals


def build_loop(
    settings: CifarSettings, devices: List[mx.Context], train: TrainBatches
) -> TrainingLoop:
    """The loop that trains the network."""
    schedule = build_schedule(
        settings.lr,
        settings.num_epochs,
        len(train),
        settings.cosine,
        settings.warmup_epochs,
        settings.warmup_lr,
        settings.lr_decay,
        settings.lr_decay_epoch,
    )
    precision = create_precision(settings.dtype, devices)
    mx.random.seed(settings.seed)
    net = build(settings.model, settings.model_kwargs, devices, precision, settings.mode)
    if settings.no_wd:
        for parameter in net.collect_params(".*beta|.*gamma|.*bias").values():
            parameter.wd_mult = 0.0
    return TrainingLoop(
        net, devices, schedule, settings.momentum, settings.wd, train.soft_targets, precision
    )


def execute(settings: CifarSettings) -> int:
    """Train as the settings say, from the data to the closing lines."""
    devices, warning = choose_devices(settings.gpus, settings.cpus)
    dirs = choose(settings.name, settings.save_dir, settings.logging_dir, settings.resume)
    if dirs.checkpoint:
        check_resumed(settings, len(devices), os.path.dirname(dirs.checkpoint))
    data = load_dataset(settings.dataset, settings.data_dir, settings.labels)
    if settings.val_split:
        data = data.hold_out(settings.val_split)
    train, evals = build_batches(settings, data, len(devices))
    loop = build_loop(settings, devices, train)
    state = RunState.resumed(dirs.checkpoint, loop) if dirs.checkpoint else RunState()
    create(dirs)
    log = RunLog(dirs.log_dir)
    if warning:
        log.warn(warning)
    kept = settings.as_json(len(devices))
    for folder in {dirs.save_dir, dirs.log_dir}:
        write_json(os.path.join(folder, SETTINGS), kept)
    log.event("start", **kept)
    announce(settings, data, loop, train, log)
    if dirs.checkpoint:
        log.text(f"resume    after {len(state.history)} epochs, from {dirs.checkpoint}")
        log.event("resume", checkpoint=dirs.checkpoint, epoch=len(state.history))
    run = Run(
        loop,
        build(settings.model, settings.model_kwargs, devices, loop.precision, settings.mode),
        train,
        evals,
        log,
        dirs.save_dir,
        1 if settings.smoke else settings.num_epochs,
        settings.save_period,
        settings.seed,
    )
    try:
        run.go(state)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "go on from the last whole epoch with the same command and --resume auto --save-dir "
            f"{dirs.save_dir}"
        ) from None
    conclude(run, state, settings.smoke)
    return 0


def announce(
    settings: CifarSettings, data: DataSet, loop: TrainingLoop, train: TrainBatches, log: RunLog
) -> None:
    """Say what is about to be run."""
    trainable, total = count_parameters(loop.net)
    parts = ", ".join(f"{len(split)} {part}" for part, split in data.parts().items())
    labels = f" ({data.label_set} labels)" if data.label_set else ""
    log.text(
        f"network   {settings.model}, fusion {settings.model_kwargs['fusion']}, {total:,} "
        f"parameters ({trainable:,} trainable)"
    )
    log.text(f"data      {data.name}{labels}: {parts} images, from {data.source}")
    log.text(
        f"devices   {', '.join(map(str, loop.devices))}; batch {train.batch_size} "
        f"({settings.batch_size} on each), {len(train)} batches an epoch, seed {settings.seed}"
    )
    for line in unused_flags(settings):
        log.text(f"not used  {line}")
    if not settings.no_mixup:
        log.text(
            f"mixup     alpha {settings.mixup_alpha:g} in epochs 0 to {settings.mixup_until - 1}"
            if settings.mixup_until
            else f"mixup     off: all {settings.num_epochs} epochs are among the last "
            f"{settings.mixup_off_epoch} (--mixup-off-epoch)"
        )
    log.text(
        "selection by the held-out part of the training set"
        if data.val is not None
        else "selection by the test set, as in the published code: the best epoch's error is "
        "optimistic; --val-split holds out part of the training set instead"
    )


def conclude(run: Run, state: RunState, smoke: bool) -> None:
    """Say what came out and where it is."""
    best, last = state.best(), state.history[-1]
    chosen = "the held-out part" if run.chooser == "val" else "the test set itself"
    for label, record in (("best", best), ("last", last)):
        how = f", chosen by {chosen}" if label == "best" else ""
        errors = {"top1": record.top1_error["test"], "top5": record.top5_error["test"]}
        run.log.text(f"{label} epoch {record.epoch}{how}: test {score(errors)}")
    params = os.path.join(run.save_dir, BEST)
    run.log.event(
        "end",
        best_epoch=best.epoch,
        chosen_by=run.chooser,
        test_top1_error=best.top1_error["test"],
        test_top5_error=best.top5_error["test"],
        last_test_top1_error=last.top1_error["test"],
        parameters=params,
    )
    if smoke:
        return
    run.log.text(f"test accuracy  {100 * (1 - best.top1_error['test']):.2f} %")
    run.log.text(f"parameters     {params}")
    run.log.text(f"log            {run.log.path(TEXT_LOG)}, {run.log.path(JSON_LOG)}")
    run.log.text(f"history plot   {run.log.path(HISTORY_PLOT)}")
    run.log.text(f"evaluate again {evaluate_command(params)}")
