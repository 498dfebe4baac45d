"""The parts of a network by name, stem, stages and output layer; and how to freeze some."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Tuple

from mxnet.gluon import Block, HybridBlock, Parameter, nn

from ..utils.errors import InputError, unknown
from .trunk import Parts

STEM, BACKBONE = "stem", "backbone"
#: Attributes that hold an output layer.
OUTPUTS = ("output", "fc")


def output_layer(net: HybridBlock) -> Tuple[str, HybridBlock]:
    """Return the name and the layer that gives the logits: dense, or of a segmentation network a
    convolution.

    Raises
    ------
    InputError
        For a network that has none of a name of `OUTPUTS`.
    """
    for name in OUTPUTS:
        layer = getattr(net, name, None)
        if isinstance(layer, (nn.Dense, nn.Conv2D)):
            return name, layer
    raise InputError(f"{type(net).__name__} has no output layer named {' or '.join(OUTPUTS)}")


def parts_of(net: HybridBlock) -> Parts:
    """Return what a classifier consists of.

    Raises
    ------
    InputError
        For a network whose class does not say (`parts`).
    """
    parts = getattr(net, "parts", None)
    if not isinstance(parts, Parts):
        raise InputError(
            f"{type(net).__name__} does not say what its stages are: its class needs a property "
            "'parts', an aff.models.trunk.Parts"
        )
    return parts


def parameter_names(net: HybridBlock) -> Dict[str, List[str]]:
    """Return the parameters' structural names by part: ``'stem'``, ``'stage1'`` and so on; what
    lies between the last stage and the output layer belongs to that stage, and the output layer to
    none.
    """
    parts = parts_of(net)
    names = {id(item): name for name, item in net._collect_params_with_prefix().items()}
    blocks = {STEM: parts.stem}
    blocks.update((f"stage{number}", [stage]) for number, stage in enumerate(parts.stages, 1))
    blocks[f"stage{len(parts.stages)}"] = [parts.stages[-1], *parts.head]
    return {
        part: [names[id(item)] for block in own for item in block.collect_params().values()]
        for part, own in blocks.items()
    }


def freeze(net: HybridBlock, names: Sequence[str]) -> None:
    """Make parts of a network stand still: their parameters take no gradient, and their BatchNorms
    compute by their running statistics in training too, and keep them.

    Parameters
    ----------
    net : HybridBlock
        The network; a trainer over it is made afterwards.
    names : sequence of str
        Parts of `parameter_names`, or ``'backbone'``, which is all of them.

    Raises
    ------
    InputError
        For a part that the network does not have.
    """
    parts = parameter_names(net)
    parts[BACKBONE] = [name for part in parts.values() for name in part]
    for name in names:
        if name not in parts:
            raise unknown("{freeze} part", name, list(parts))
    parameters = net._collect_params_with_prefix()
    frozen = {id(parameters[name]) for part in names for name in parts[part]}
    for parameter in parameters.values():
        if id(parameter) in frozen:
            parameter.grad_req, parameter.lr_mult = "null", 0.0
    for block in _blocks(net):
        if isinstance(block, nn.BatchNorm) and id(block.running_mean) in frozen:
            block._kwargs["use_global_stats"] = True
        if isinstance(block, HybridBlock):
            block._clear_cached_op()


def is_running_statistic(parameter: Parameter) -> bool:
    """Tell whether training moves a parameter other than by its gradient, which a frozen one has
    not either.
    """
    return parameter.grad_req == "null" and parameter.lr_mult != 0


def _blocks(net: Block) -> Iterator[Block]:
    yield net
    for child in net._children.values():
        yield from _blocks(child)
