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

from ..models.parameters import few, load_fitting, save_arrays, save_parameters
from ..utils.errors import InputError
from ..utils.files import link, read_json, remove_left_overs, sync_folder, write_json
from ..utils.params_file import ArrayFile
from .trainer import TrainingLoop

KEPT = 2
NET, OPTIMIZER, STATE, BEST = "net.params", "optimizer.params", "state.json", "best.params"
_NAME = re.compile(r"checkpoint-(\d+)(?:-(\d+))?")


def list_checkpoints(folder: str) -> List[str]:
    """Paths of the complete checkpoints in `folder`, oldest first."""
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
    loop: TrainingLoop,
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
    loop : TrainingLoop
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
        save_parameters(loop.net, os.path.join(temporary, NET))
        save_arrays(os.path.join(temporary, OPTIMIZER), _saved_arrays(loop))
        source = os.path.join(temporary, NET) if best == NET else best
        if source and os.path.exists(source):
            link(source, os.path.join(temporary, BEST))
        write_json(
            os.path.join(temporary, STATE),
            {
                **state,
                "step": loop.step,
                "precision": loop.precision.state(),
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


def load_checkpoint(path: str, loop: TrainingLoop) -> Dict[str, Any]:
    """Put a checkpoint back into a loop over the same network, and return its state.

    Raises
    ------
    InputError
        For a checkpoint that is incomplete, damaged, or of another network.
    """
    state = read_json(os.path.join(path, STATE))
    arrays = ArrayFile(os.path.join(path, OPTIMIZER))
    load_fitting(loop.net, os.path.join(path, NET), loop.devices)
    restore_optimizer(loop, arrays)
    _restore_statistics(loop, arrays)
    try:
        loop.precision.restore(state["precision"])
        loop.step = int(state["step"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}/state.json: {error!r}: not a checkpoint's state") from error
    return state


def newest_checkpoint(folder: str) -> Optional[str]:
    """The newest complete checkpoint in `folder`, or `folder` itself where it is one, or None."""
    if _NAME.fullmatch(os.path.basename(os.path.normpath(folder))) and os.path.isdir(folder):
        return os.path.normpath(folder)
    checkpoints = list_checkpoints(folder)
    return checkpoints[-1] if checkpoints else None


def _structural_names(loop: TrainingLoop) -> List[str]:
    """Structural name of each of the optimizer's parameters, in its order."""
    names = {
        id(parameter): name for name, parameter in loop.net._collect_params_with_prefix().items()
    }
    return [names[id(parameter)] for parameter in loop.trainer._params]


def _optimizer_arrays(loop: TrainingLoop, device: int = 0) -> Dict[str, mx.nd.NDArray]:
    """The optimizer's states of a device (all hold the same), by structural name and place in the
    state.
    """
    names = _structural_names(loop)
    return {
        f"{names[index]}{place}": array
        for index, state in loop.trainer._updaters[device].states.items()
        for place, array in flatten(state)
    }


def _saved_arrays(loop: TrainingLoop) -> Dict[str, mx.nd.NDArray]:
    # mxnet does not write a file of no arrays
    return {
        "step": mx.nd.array([loop.step]),
        **_optimizer_arrays(loop),
        **_statistics_arrays(loop),
    }


def _statistics_arrays(loop: TrainingLoop) -> Dict[str, mx.nd.NDArray]:
    """The running statistics of the devices after the first, in which they differ within an
    epoch.
    """
    return {
        f"{name}@{place}": array
        for name, parameter in loop.net._collect_params_with_prefix().items()
        if parameter.grad_req == "null"
        for place, array in enumerate(parameter.list_data())
        if place
    }


def _restore_statistics(loop: TrainingLoop, arrays: ArrayFile) -> None:
    for name, array in _statistics_arrays(loop).items():
        if arrays.shapes.get(name) == array.shape:
            array[:] = arrays[name]


def flatten(state, place: str = ":0") -> List[Tuple[str, Any]]:
    """An optimizer state's arrays, each with its place in the state."""
    if state is None:
        return []
    if isinstance(state, (list, tuple)):
        return [pair for i, part in enumerate(state) for pair in flatten(part, f"{place}:{i}")]
    return [(place, state)]


def restore_optimizer(loop: TrainingLoop, arrays: ArrayFile) -> None:
    """Set the optimizer's states, on all devices, to those of a file.

    Raises
    ------
    InputError
        Where they are another network's.
    """
    loop.create_states()
    needed = _optimizer_arrays(loop)
    left_over = [name for name in arrays.shapes if ":" in name and name not in needed]
    if left_over:
        raise InputError(f"{arrays.path}: holds states of another network, {few(left_over)}")
    for place in range(len(loop.devices)):
        for name, array in _optimizer_arrays(loop, place).items():
            if arrays.shapes.get(name) != array.shape:
                raise InputError(f"{arrays.path}: no state of shape {array.shape} for {name}")
            array[:] = arrays[name]


def share_checkpoint(loop: TrainingLoop, state: Dict[str, Any]) -> Dict[str, Any]:
    """Give the loops of all workers what the leading one has loaded.

    Parameters
    ----------
    loop : TrainingLoop
        Of this worker.
    state : dict
        What else the run needs to go on; JSON. The leading worker's counts.

    Returns
    -------
    dict
        The leading worker's `state`.
    """
    if loop.job.workers == 1:
        return state
    shared, loop.step, precision = loop.job.from_leader([state, loop.step, loop.precision.state()])
    loop.precision.restore(precision)
    if not loop.trainer._updaters[0].states:
        loop.create_states()
    parameters = loop.net._collect_params_with_prefix()
    arrays = {name: parameter.list_data()[0] for name, parameter in parameters.items()}
    loop.job.share_state(arrays)
    for name, parameter in parameters.items():
        parameter.set_data(arrays[name])
    states = _optimizer_arrays(loop)
    loop.job.share_state(states)
    for place in range(1, len(loop.devices)):
        for name, array in _optimizer_arrays(loop, place).items():
            states[name].copyto(array)
    return shared
