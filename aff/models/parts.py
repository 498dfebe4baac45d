"""The parts of a network by name, stem, stages and output layer; and how to freeze some."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Tuple

from mxnet.gluon import Block, HybridBlock, Parameter, nn

from ..utils.errors import InputError, unknown

STEM, BACKBONE = "stem", "backbone"
#: Attributes that hold an output layer.
OUTPUTS = ("output", "fc")


def output_layer(net: HybridBlock) -> Tuple[str, nn.Dense]:
    """Return the name and the layer that gives the logits.

    Raises
    ------
    InputError
        For a network that has none of a name of `OUTPUTS`.
    """
    for name in OUTPUTS:
        layer = getattr(net, name, None)
        if isinstance(layer, nn.Dense):
            return name, layer
    raise InputError(f"{type(net).__name__} has no output layer named {' or '.join(OUTPUTS)}")


def list_stages(net: Block, prefix: str = "") -> List[Tuple[str, nn.HybridSequential]]:
    """Return a network's stages in order, each with its structural name: sequences of residual
    blocks, which hold their fusion as `attention`.
    """
    found = []
    for name, child in net._children.items():
        blocks = list(child._children.values())
        sequence = isinstance(child, nn.HybridSequential) and blocks
        if sequence and all(hasattr(block, "attention") for block in blocks):
            found.append((prefix + name, child))
        else:
            found += list_stages(child, f"{prefix}{name}.")
    return found


def parts_of(net: HybridBlock) -> Dict[str, List[str]]:
    """Return the parameters' structural names by part: ``'stem'``, ``'stage1'`` and so on; what
    lies between the last stage and the output layer belongs to that stage, and the output layer to
    none.
    """
    prefixes = [f"{name}." for name, _ in list_stages(net)]
    output = f"{output_layer(net)[0]}."
    parts: Dict[str, List[str]] = {STEM: []}
    parts.update((f"stage{number}", []) for number in range(1, len(prefixes) + 1))
    part = STEM
    for name in net._collect_params_with_prefix():
        stages = [number for number, prefix in enumerate(prefixes, 1) if name.startswith(prefix)]
        part = f"stage{stages[0]}" if stages else part
        if not name.startswith(output):
            parts[part].append(name)
    return parts


def freeze(net: HybridBlock, names: Sequence[str]) -> None:
    """Make parts of a network stand still: their parameters take no gradient, and their BatchNorms
    compute by their running statistics in training too, and keep them.

    Parameters
    ----------
    net : HybridBlock
        The network; a trainer over it is made afterwards.
    names : sequence of str
        Parts of `parts_of`, or ``'backbone'``, which is all of them.

    Raises
    ------
    InputError
        For a part that the network does not have.
    """
    parts = parts_of(net)
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
