"""Starting a run from parameters and optimizer states of another one, as the published scripts
resume.
"""

from __future__ import annotations

from typing import Optional

from ..models.parameters import few, load_fitting
from ..utils.errors import InputError
from ..utils.params_file import ArrayFile
from .checkpoint import flatten, restore_optimizer
from .pickled_states import read_pickled_states
from .trainer import TrainingLoop


def start_from(
    loop: TrainingLoop,
    params: str,
    states: Optional[str] = None,
    step: int = 0,
    accept_pickle: bool = False,
) -> None:
    """Give a new loop the parameters, and the optimizer's states, of an earlier run.

    Parameters
    ----------
    loop : TrainingLoop
        Of the same network.
    params : str
        Parameter file.
    states : str, optional
        Optimizer states: ``optimizer.params`` of a checkpoint, or, with `accept_pickle`, what
        mxnet's ``Trainer.save_states`` writes.
    step : int, default 0
        Where the schedule goes on.
    accept_pickle : bool, default False
        Read states in mxnet's pickled form, arrays only.

    Raises
    ------
    InputError
        For files that cannot be read, or are another network's.
    """
    load_fitting(loop.net, params, loop.devices)
    if states:
        if is_pickle(states):
            _restore_pickled(loop, states, accept_pickle)
        else:
            restore_optimizer(loop, ArrayFile(states))
    loop.step = step


def is_pickle(path: str) -> bool:
    """Whether a file starts as Python's pickles do.

    Raises
    ------
    InputError
        For a file that cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"\x80"
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _restore_pickled(loop: TrainingLoop, path: str, accept: bool) -> None:
    if not accept:
        raise InputError(
            f"--resume-states {path}: is a pickle, as mxnet's Trainer.save_states writes, and "
            "pickles can hold programs; --accept-pickled-states reads its arrays and nothing else"
        )
    found = read_pickled_states(path)
    loop.create_states()
    for updater in loop.trainer._updaters:
        left_over = sorted(set(found) - set(updater.states))
        if left_over:
            raise InputError(f"{path}: holds states of another network, {few(left_over)}")
        for index, state in updater.states.items():
            arrays, targets = found.get(index, []), [array for _, array in flatten(state)]
            shapes = [[array.shape for array in group] for group in (arrays, targets)]
            if shapes[0] != shapes[1]:
                raise InputError(
                    f"{path}: does not fit this network: state {index} has the shapes {shapes[0]} "
                    f"for {shapes[1]}"
                )
            for target, array in zip(targets, arrays):
                target[:] = array
