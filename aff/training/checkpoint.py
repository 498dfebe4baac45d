"""All that the next step depends on, in one folder that appears whole: ``checkpoint-<epochs
done>/``, or, of a run that was stopped within an epoch, ``checkpoint-<epochs done>-<batches
done>/``.

``net.params`` and ``optimizer.params`` are arrays in mxnet's format, ``state.json`` is the rest;
``best.params`` is another name of the best epoch's parameters so far.
Nothing is pickled. The data order and augmentation need no state: they are functions of seed and
epoch.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, Dict, List, Optional, Tuple

import mxnet as mx

from ..models.parameters import load_fitting, save_arrays, save_parameters
from ..models.parts import is_running_statistic
from ..utils.errors import InputError, shorten
from ..utils.files import link, opened, read_json, remove_left_overs, sync_folder, write_json
from ..utils.params_file import ArrayFile
from .trainer import Trainer

KEPT = 2
NET, OPTIMIZER, STATE, BEST = "net.params", "optimizer.params", "state.json", "best.params"
_NAME = re.compile(r"checkpoint-(\d+)(?:-(\d+))?")


def list_checkpoints(folder: str) -> List[str]:
    """Return the paths of the complete checkpoints in `folder`, oldest first."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [
        (int(match.group(1)), int(match.group(2) or 0), name)
        for name in names
        for match in [_NAME.fullmatch(name)]
        if match
    ]
    return [os.path.join(folder, name) for *_, name in sorted(found)]


def save_checkpoint(
    folder: str,
    trainer: Trainer,
    epochs_done: int,
    state: Dict[str, object],
    batches_done: int = 0,
    best: Optional[str] = None,
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
    best : str, optional
        File of the best parameters so far, or `NET`: these are the best.

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
        save_arrays(os.path.join(temporary, OPTIMIZER), _saved_arrays(trainer))
        source = os.path.join(temporary, NET) if best == NET else best
        if source and os.path.exists(source):
            link(source, os.path.join(temporary, BEST))
        write_json(
            os.path.join(temporary, STATE),
            {
                **state,
                "step": trainer.step,
                "precision": trainer.precision.state(),
            },
        )
        if os.path.isdir(path):
            _remove(path)
        os.replace(temporary, path)
        sync_folder(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    saved = list_checkpoints(folder)
    here = saved.index(path)
    for old in [*saved[: max(0, here + 1 - KEPT)], *saved[here + 1 :]]:  # those beyond are void
        _remove(old)
    return path


def _remove(path: str) -> None:
    """Remove a checkpoint so that a kill leaves it whole or not there."""
    aside = f"{path}.old.{os.getpid()}.tmp"
    os.replace(path, aside)
    shutil.rmtree(aside)


def load_checkpoint(path: str, trainer: Trainer) -> Dict[str, Any]:
    """Put a checkpoint back into a trainer over the same network, and return its state.

    Raises
    ------
    InputError
        For a checkpoint that is incomplete, damaged, or of another network.
    """
    state = read_json(os.path.join(path, STATE))
    arrays = ArrayFile(os.path.join(path, OPTIMIZER))
    load_fitting(trainer.net, os.path.join(path, NET), trainer.devices)
    restore_optimizer(trainer, arrays)
    _restore_statistics(trainer, arrays)
    try:
        trainer.precision.restore(state["precision"])
        trainer.step = int(state["step"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}/state.json: {error!r}: not a checkpoint's state") from error
    return state


def newest_checkpoint(folder: str) -> Optional[str]:
    """Return the newest complete checkpoint in `folder`, or `folder` itself where it is one, or
    None.
    """
    if _NAME.fullmatch(os.path.basename(os.path.normpath(folder))) and os.path.isdir(folder):
        return os.path.normpath(folder)
    checkpoints = list_checkpoints(folder)
    return checkpoints[-1] if checkpoints else None


def _structural_names(trainer: Trainer) -> List[str]:
    """Return the structural name of each of the optimizer's parameters, in its order."""
    names = {
        id(parameter): name for name, parameter in trainer.net._collect_params_with_prefix().items()
    }
    return [names[id(parameter)] for parameter in trainer.optimizer._params]


def _optimizer_arrays(trainer: Trainer, device: int = 0) -> Dict[str, mx.nd.NDArray]:
    """Return the optimizer's states of a device (all hold the same), by structural name and path in
    the state.
    """
    names = _structural_names(trainer)
    return {
        f"{names[index]}{path}": array
        for index, state in trainer.optimizer._updaters[device].states.items()
        for path, array in _flatten(state)
    }


def _saved_arrays(trainer: Trainer) -> Dict[str, mx.nd.NDArray]:
    # mxnet does not write a file of no arrays
    return {
        "step": mx.nd.array([trainer.step]),
        **_optimizer_arrays(trainer),
        **_statistics_arrays(trainer),
    }


def _statistics_arrays(trainer: Trainer) -> Dict[str, mx.nd.NDArray]:
    """Return the running statistics of the devices after the first, in which they differ within an
    epoch.
    """
    return {
        f"{name}@{device}": array
        for name, parameter in trainer.net._collect_params_with_prefix().items()
        if is_running_statistic(parameter)
        for device, array in enumerate(parameter.list_data())
        if device
    }


def _restore_statistics(trainer: Trainer, arrays: ArrayFile) -> None:
    for name, array in _statistics_arrays(trainer).items():
        if arrays.shapes.get(name) == array.shape:
            array[:] = arrays[name]


def _flatten(state, path: str = ":0") -> List[Tuple[str, Any]]:
    """Return an optimizer state's arrays, each with its path in the state."""
    if state is None:
        return []
    if isinstance(state, (list, tuple)):
        return [pair for i, part in enumerate(state) for pair in _flatten(part, f"{path}:{i}")]
    return [(path, state)]


def restore_optimizer(trainer: Trainer, arrays: ArrayFile) -> None:
    """Set the optimizer's states, on all devices, to those of a file.

    Raises
    ------
    InputError
        Where they are another network's.
    """
    trainer.create_states()
    needed = _optimizer_arrays(trainer)
    left_over = [name for name in arrays.shapes if ":" in name and name not in needed]
    if left_over:
        raise InputError(f"{arrays.path}: holds states of another network, {shorten(left_over)}")
    for device in range(len(trainer.devices)):
        for name, array in _optimizer_arrays(trainer, device).items():
            if arrays.shapes.get(name) != array.shape:
                raise InputError(f"{arrays.path}: no state of shape {array.shape} for {name}")
            array[:] = arrays[name]


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
        with opened(states) as file:
            if file.read(1) == b"\x80":
                raise InputError(
                    f"{{resume_states}} {states}: is a pickle, as mxnet's Trainer.save_states "
                    "writes, and pickles can hold programs: give optimizer.params of a checkpoint"
                )
        restore_optimizer(trainer, ArrayFile(states))
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
    shared, trainer.step, precision = trainer.group.broadcast(
        [state, trainer.step, trainer.precision.state()]
    )
    trainer.precision.restore(precision)
    if not trainer.optimizer._updaters[0].states:
        trainer.create_states()
    parameters = trainer.net._collect_params_with_prefix()
    arrays = {name: parameter.list_data()[0] for name, parameter in parameters.items()}
    trainer.group.broadcast_arrays(arrays)
    for name, parameter in parameters.items():
        parameter.set_data(arrays[name])
    states = _optimizer_arrays(trainer)
    trainer.group.broadcast_arrays(states)
    for part in range(1, len(trainer.devices)):
        for name, array in _optimizer_arrays(trainer, part).items():
            states[name].copyto(array)
    return shared
