"""Fine-tuning: a run that starts from another network's parameters, trains parts of a network, or
its output layer at another pace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence

from mxnet.gluon import HybridBlock

from ..models.parts import freeze, output_layer
from ..models.registry import count_parameters
from ..models.transfer import same_classes, transfer_parameters
from ..utils.errors import InputError


@dataclass(frozen=True)
class Origin:
    """Where a run's parameters come from.

    Parameters
    ----------
    params : str
        A parameter file.
    class_names : list of str, optional
        Names of its network's outputs, where they are known.
    """

    params: str
    class_names: Optional[Sequence[str]] = None

    def give(self, net: HybridBlock, class_names: Optional[Sequence[str]]) -> List[str]:
        """Give a network, whose outputs have these names, the parameters; what to say of it.

        Raises
        ------
        InputError
            For a file that cannot be read or does not fit at all.
        """
        outputs = same_classes(class_names, self.class_names)
        try:
            lines = transfer_parameters(net, self.params, outputs).lines()
        except InputError as error:
            raise InputError(f"{{finetune}} {error.message}") from error
        return [f"finetune  {line}" for line in lines]


def arrange(
    net: HybridBlock, no_wd: bool = False, frozen: Sequence[str] = (), head_lr_mult: float = 1.0
) -> List[str]:
    """Say how each parameter of a network learns, before a trainer is made over it.

    Parameters
    ----------
    net : HybridBlock
        The network.
    no_wd : bool, default False
        Leave biases, beta and gamma without weight decay.
    frozen : sequence of str
        Parts that stand still: see `freeze`.
    head_lr_mult : float, default 1
        The output layer's learning rate in terms of the others'.

    Returns
    -------
    list of str
        What to say of it.

    Raises
    ------
    InputError
        For parts that the network does not have.
    """
    lines = []
    if no_wd:
        for parameter in net.collect_params(".*beta|.*gamma|.*bias").values():
            parameter.wd_mult = 0.0
    if frozen:
        freeze(net, frozen)
        trainable, total = count_parameters(net)
        lines.append(
            f"frozen    {', '.join(frozen)}: {trainable:,} of {total:,} parameters train; the "
            "others, and the statistics of their BatchNorms, stand still"
        )
    if head_lr_mult != 1:
        for parameter in output_layer(net)[1].collect_params().values():
            parameter.lr_mult = head_lr_mult
        lines.append(f"output    layer learns at {head_lr_mult:g} times the learning rate")
    return lines
