"""All that the next step depends on, in one folder that appears whole: ``checkpoint-<epochs
done>/``, or, of a run that was stopped within an epoch, ``checkpoint-<epochs done>-<batches
done>/``.

``net.params`` and ``optimizer.params`` are arrays in mxnet's format, ``state.json`` is the rest;
``best.params`` is another name of the best epoch's parameters so far; ``ema.params`` and
``best-ema.params`` are those of the moving average, where there is one; ``SHA256SUMS`` has the sums
of all.
Nothing is pickled. The data order and augmentation need no state: they are functions of seed and
epoch.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from ..models.parameters import load_fitting, save_arrays, save_parameters
from ..utils.errors import InputError, telling
from ..utils.files import link, names_in, remove, sync_path, write_json
from ..utils.json_file import ranged, read_json, typed
from ..utils.opening import ANY_SIZE, open_regular
from ..utils.params_file import ArrayFile
from ..utils.sums import check_sums, write_sums
from .optimizer_states import (
    optimizer_arrays,
    restore_optimizer,
    restore_statistics,
    restore_updates,
    saved_arrays,
    updates,
)
from .trainer import Trainer

KEPT = 2
NET, OPTIMIZER, STATE, BEST = "net.params", "optimizer.params", "state.json", "best.params"
EMA, BEST_EMA = "ema.params", "best-ema.params"
_NAME = re.compile(r"checkpoint-(\d+)(?:-(\d+))?")
_PARAMETERS = rf"{_NAME.pattern}|(?:best|best-ema|epoch-\d+)\.params"
#: What a process that was killed was writing, of all that a run writes.
_FILES = r"(?:settings|result)\.json|train\.jsonl|history\.png|events"
_LEFT_OVER = rf"(?:{_PARAMETERS}|{_NAME.pattern}\.old|{_FILES})\.\d+\.tmp"


@dataclass(frozen=True)
class _TrainerState:
    """What of a checkpoint's state is the trainer's."""

    precision: Dict[str, Any]
    step: int = ranged(0)


def list_checkpoints(folder: str) -> List[str]:
    """Return the paths of the complete checkpoints in `folder`, oldest first."""
    found = [
        (int(match.group(1)), int(match.group(2) or 0), name)
        for name in names_in(folder)
        for match in [_NAME.fullmatch(name)]
        if match and os.path.isdir(os.path.join(folder, name))
    ]
    return [os.path.join(folder, name) for *_, name in sorted(found)]


def parameters_of(folder: str) -> List[str]:
    """Return what lies in `folder` under the names of a run's parameters and checkpoints."""
    return [
        os.path.join(folder, name) for name in names_in(folder) if re.fullmatch(_PARAMETERS, name)
    ]


def remove_left_overs(folder: str) -> None:
    """Remove what a killed run was writing in a folder that no other process writes to."""
    for name in os.listdir(folder):
        if re.fullmatch(_LEFT_OVER, name):
            remove(os.path.join(folder, name))


def save_checkpoint(
    folder: str,
    trainer: Trainer,
    epochs_done: int,
    state: Dict[str, object],
    batches_done: int = 0,
    best: Optional[Mapping[str, str]] = None,
) -> str:
    """Save a checkpoint, then remove all but the newest two.

    Parameters
    ----------
    folder : str
        The run's directory.
    trainer : Trainer
        Gives parameters, optimizer state, step and precision state.
    epochs_done : int
        Epochs trained.
    state : dict
        What else the run needs to go on; JSON.
    batches_done : int, default 0
        Batches trained of the next epoch.
    best : mapping of str to str, optional
        Of `BEST` and `BEST_EMA`, the file of those parameters so far, or, where these are the best,
        `NET` or `EMA`.

    Returns
    -------
    str
        The checkpoint's path.
    """
    within = f"-{batches_done:06d}" if batches_done else ""
    path = os.path.join(folder, f"checkpoint-{epochs_done:04d}{within}")
    temporary = f"{path}.{os.getpid()}.tmp"
    remove_left_overs(folder)
    os.makedirs(temporary)
    try:
        save_parameters(trainer.net, os.path.join(temporary, NET))
        save_arrays(os.path.join(temporary, OPTIMIZER), saved_arrays(trainer))
        if trainer.ema:
            save_parameters(trainer.ema.net, os.path.join(temporary, EMA))
        for name, file in (best or {}).items():
            source = os.path.join(temporary, file) if file in (NET, EMA) else file
            if os.path.exists(source):
                link(source, os.path.join(temporary, name))
        write_json(
            os.path.join(temporary, STATE),
            {
                **state,
                "step": trainer.step,
                "precision": trainer.precision.state(),
            },
        )
        write_sums(temporary)
        sync_path(temporary)
        _remove(path)
        os.replace(temporary, path)
        sync_path(folder)
    finally:
        remove(temporary)
    saved = list_checkpoints(folder)
    here = saved.index(path)
    for old in [*saved[: max(0, here + 1 - KEPT)], *saved[here + 1 :]]:  # those beyond are void
        _remove(old)
    return path


def _remove(path: str) -> None:
    """Remove a checkpoint so that a kill leaves it whole or not there."""
    if os.path.lexists(path):
        aside = f"{path}.old.{os.getpid()}.tmp"
        os.replace(path, aside)
        remove(aside)


def read_checkpoint(path: str) -> Tuple[Dict[str, Any], ArrayFile]:
    """Read a checkpoint's state and open the optimizer's arrays, both checked to be those that were
    saved, of one step.

    Raises
    ------
    InputError
        For a checkpoint that is incomplete or damaged.
    """
    check_sums(path, (NET, OPTIMIZER, STATE))
    state = read_json(os.path.join(path, STATE))
    step = typed(state, _TrainerState, os.path.join(path, STATE)).step
    arrays = ArrayFile(os.path.join(path, OPTIMIZER))
    if "step" in arrays.shapes and arrays["step"].tolist() != [np.float32(step)]:
        other = ", ".join(f"{value:g}" for value in arrays["step"].ravel()[:1])
        raise InputError(f"{arrays.path}: is of step {other}, {STATE} beside it of step {step}")
    return state, arrays


def load_checkpoint(path: str, trainer: Trainer) -> Dict[str, Any]:
    """Put a checkpoint back into a trainer over the same network, and return its state.

    Raises
    ------
    InputError
        For a checkpoint that is incomplete, damaged, or of another network.
    """
    state, arrays = read_checkpoint(path)
    load_fitting(trainer.net, os.path.join(path, NET), trainer.devices)
    if trainer.ema:
        averaged = os.path.join(path, EMA)
        # an average that is switched on later begins with what was trained by then
        source = averaged if os.path.isfile(averaged) else os.path.join(path, NET)
        load_fitting(trainer.ema.net, source, trainer.devices)
    restore_optimizer(trainer, arrays)
    restore_statistics(trainer, arrays)
    with telling(os.path.join(path, STATE)):
        trainer.precision.restore(state["precision"])
    trainer.step = state["step"]
    return state


def newest_checkpoint(folder: str) -> Optional[str]:
    """Return the newest complete checkpoint in `folder`, or `folder` itself where it is one, or
    None.
    """
    if _NAME.fullmatch(os.path.basename(os.path.normpath(folder))) and os.path.isdir(folder):
        return os.path.normpath(folder)
    checkpoints = list_checkpoints(folder)
    return checkpoints[-1] if checkpoints else None


def start_from(trainer: Trainer, params: str, states: Optional[str] = None, step: int = 0) -> None:
    """Give a new trainer the parameters, and the optimizer's states, of an earlier run.

    Parameters
    ----------
    trainer : Trainer
        Of the same network.
    params : str
        Parameter file.
    states : str, optional
        Optimizer states: ``optimizer.params`` of a checkpoint.
    step : int, default 0
        Where the schedule goes on.

    Raises
    ------
    InputError
        For files that cannot be read, or are another network's, and for pickled states.
    """
    load_fitting(trainer.net, params, trainer.devices)
    if states:
        with open_regular(states, ANY_SIZE) as file:
            if file.read(1) == b"\x80":
                raise InputError(
                    f"{{resume_states}} {states}: is a pickle, as mxnet's Trainer.save_states "
                    "writes, and pickles can hold programs: give optimizer.params of a checkpoint"
                )
        restore_optimizer(trainer, ArrayFile(states))
    if trainer.ema:
        trainer.ema.start(trainer.net)
    trainer.step = step


def share_checkpoint(trainer: Trainer, state: Dict[str, Any]) -> Dict[str, Any]:
    """Give the trainers of all processes what the main one has loaded.

    Parameters
    ----------
    trainer : Trainer
        Of this worker.
    state : dict
        What else the run needs to go on; JSON. The main process's counts.

    Returns
    -------
    dict
        The main process's `state`.
    """
    if trainer.group.world_size == 1:
        return state
    shared, trainer.step, precision, count = trainer.group.broadcast(
        [state, trainer.step, trainer.precision.state(), updates(trainer)]
    )
    if count is not None:
        restore_updates(trainer, count)
    trainer.precision.restore(precision)
    if not trainer.optimizer._updaters[0].states:
        trainer.create_states()
    for net in trainer.networks.values():
        parameters = net._collect_params_with_prefix()
        arrays = {name: parameter.list_data()[0] for name, parameter in parameters.items()}
        trainer.group.broadcast_arrays(arrays)
        for name, parameter in parameters.items():
            parameter.set_data(arrays[name])
    states = optimizer_arrays(trainer)
    trainer.group.broadcast_arrays(states)
    for part in range(1, len(trainer.devices)):
        for name, array in optimizer_arrays(trainer, part).items():
            states[name].copyto(array)
    return shared
