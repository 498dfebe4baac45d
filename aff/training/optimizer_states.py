"""A trainer's states as named arrays, and back: of the optimizer, and of the devices after the
first.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import mxnet as mx
import numpy as np

from ..models.parts import is_running_statistic
from ..utils.errors import InputError, shorten
from ..utils.params_file import ArrayFile
from .optimizers import AdamW
from .trainer import Trainer

#: What the name of an array that says the optimizer's begins with.
_KIND = "optimizer "


def _structural_names(trainer: Trainer) -> List[str]:
    """Return the structural name of each of the optimizer's parameters, in its order."""
    names = {
        id(parameter): name for name, parameter in trainer.net._collect_params_with_prefix().items()
    }
    return [names[id(parameter)] for parameter in trainer.optimizer._params]


def optimizer_arrays(trainer: Trainer, device: int = 0) -> Dict[str, mx.nd.NDArray]:
    """Return the optimizer's states of a device (all hold the same), by structural name and path in
    the state.
    """
    names = _structural_names(trainer)
    return {
        f"{names[index]}{path}": array
        for index, state in sorted(trainer.optimizer._updaters[device].states.items())
        for path, array in _flatten(state)
    }


def saved_arrays(trainer: Trainer) -> Dict[str, mx.nd.NDArray]:
    """Return what ``optimizer.params`` of a checkpoint holds."""
    # mxnet does not write a file of no arrays
    return {
        "step": mx.nd.array([trainer.step]),
        f"{_KIND}{trainer.kind}": mx.nd.zeros(1),
        **({"updates": mx.nd.array([updates(trainer)])} if updates(trainer) is not None else {}),
        **optimizer_arrays(trainer),
        **_statistics_arrays(trainer),
    }


def updates(trainer: Trainer) -> Optional[int]:
    """Return how many updates an optimizer has made that depends on it, else None."""
    optimizer = trainer.optimizer.optimizer
    return optimizer.num_update if isinstance(optimizer, (AdamW, mx.optimizer.LAMB)) else None


def restore_updates(trainer: Trainer, count: int) -> None:
    """Have the optimizer go on after so many updates."""
    optimizer = trainer.optimizer.optimizer
    optimizer.begin_num_update = optimizer.num_update = count
    for counts in optimizer._all_index_update_counts.values():
        counts.clear()


def _statistics_arrays(trainer: Trainer) -> Dict[str, mx.nd.NDArray]:
    """Return the running statistics of the devices after the first, in which they differ within an
    epoch.
    """
    return {
        f"{prefix}{name}@{device}": array
        for prefix, net in trainer.networks.items()
        for name, parameter in net._collect_params_with_prefix().items()
        if is_running_statistic(parameter)
        for device, array in enumerate(parameter.list_data())
        if device
    }


def restore_statistics(trainer: Trainer, arrays: ArrayFile) -> None:
    """Set the running statistics of the devices after the first, as far as a file has them."""
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
        Where they are another network's, or another optimizer's.
    """
    trainer.create_states()
    needed = optimizer_arrays(trainer)
    kinds = [name[len(_KIND) :] for name in arrays.shapes if name.startswith(_KIND)]
    if kinds and kinds != [trainer.kind]:
        raise InputError(
            f"{arrays.path}: holds states of {shorten(kinds)}, not of {{optimizer}} {trainer.kind}"
        )
    others = [name for name in arrays.shapes if ":" in name and name not in needed]
    others += [name for name in needed if arrays.shapes.get(name) != needed[name].shape]
    if others:
        raise InputError(
            f"{arrays.path}: holds states of another network, or of other {{optimizer}}, "
            f"{{momentum}}, {{freeze}} or {{dtype}}: {shorten(others)}"
        )
    if updates(trainer) is not None:
        count = arrays["updates"] if arrays.shapes.get("updates") == (1,) else np.array([np.nan])
        if not 0 <= count[0] < np.inf:
            raise InputError(f"{arrays.path}: does not say how many updates were made")
        restore_updates(trainer, int(count[0]))
    for device in range(len(trainer.devices)):
        for name, array in optimizer_arrays(trainer, device).items():
            array[:] = arrays[name]
