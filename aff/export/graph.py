"""A network as a graph of plain operators, each named by where it is in the network.

Fusions are computed by their formulas as they read (:mod:`aff.nn.reference`), not by the forms that
are fast in mxnet; weights have the names of the parameter files, operators the path of their block.
"""

from __future__ import annotations

import json
from typing import Dict, List, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..models.summary import owner_of, owners_of
from ..nn.forms import REFERENCE, choose_form
from ..nn.reference import make_literal

INPUT, OUTPUT = "data", "logits"
#: mxnet's ONNX exporter knows by their names alone that these take their operands the other way
#: round.
REVERSED = {"_rminus_scalar": "_rminusscalar", "_rdiv_scalar": "_rdivscalar"}
Arrays = Dict[str, np.ndarray]


def plain_graph(net: HybridBlock) -> Tuple[mx.sym.Symbol, Arrays]:
    """Return a network's graph and its parameters.

    Parameters
    ----------
    net : HybridBlock
        Initialized. It is changed: its fusions compute by their formulas from then on.

    Returns
    -------
    symbol : Symbol
        Of one input, `INPUT`, (N, 3, H, W), and one output, `OUTPUT`, (N, classes).
    arrays : dict of str to numpy.ndarray
        All parameters by structural name. A gamma that BatchNorm does not use (``scale=False``) is
        1, as mxnet takes it to be.
    """
    make_literal(net)
    choose_form(net, REFERENCE)
    arrays = parameter_arrays(net)
    structural = {parameter.name: name for name, parameter in _parameters(net)}
    graph = json.loads(net(mx.sym.var(INPUT)).tojson())
    found = owners_of(net)
    taken: Dict[str, int] = {}
    for node in graph["nodes"]:
        node["name"] = structural.get(node["name"]) or _operator_name(node, found, taken)
    _join_by_concat(graph["nodes"])
    graph["nodes"][graph["heads"][0][0]]["name"] = OUTPUT
    return mx.sym.load_json(json.dumps(graph)), arrays


def parameter_arrays(net: HybridBlock) -> Arrays:
    """Return a network's parameters by structural name."""
    unused = {f"{path}.gamma" for path, block in _blocks(net) if _is_unscaled(block)}
    arrays = {name: parameter.data().asnumpy() for name, parameter in _parameters(net)}
    return {
        name: np.ones_like(array) if name in unused else array for name, array in arrays.items()
    }


def _parameters(net: HybridBlock):
    return net._collect_params_with_prefix().items()


def _blocks(net: HybridBlock):
    return [(path, block) for path, block, _ in owners_of(net).values()]


def _is_unscaled(block: HybridBlock) -> bool:
    return bool(getattr(block, "_kwargs", {}).get("fix_gamma"))


def _operator_name(node: dict, found: dict, taken: Dict[str, int]) -> str:
    """Return the path of the operator's block and what it does, numbered where it is one of
    several.
    """
    if node["op"] == "null":
        return node["name"]
    path, _, _ = owner_of(node["name"], found)
    plain = REVERSED.get(node["op"]) or node["op"].strip("_").lower()
    kind = node.get("attrs", {}).get("act_type") or plain
    name = f"{path}.{kind}" if path else kind
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}_{taken[name]}"


def _join_by_concat(nodes: List[dict]) -> None:
    """Turn a stack of two maps whose axes are then made one, which stands for a concatenation where
    there is a backward, into the concatenation.
    """
    for node in nodes:
        attrs = node.get("attrs", {})
        if node["op"] != "Reshape" or attrs["shape"].replace(" ", "") != "(0,-3,0,0)":
            continue
        stack = nodes[node["inputs"][0][0]]
        of_two = stack["op"] == "stack" and len(stack["inputs"]) == 2
        if of_two and stack["attrs"].get("axis") == "1":
            stack.update(op="Concat", attrs={"dim": "1", "num_args": "2"})
            node.update(op="_copy", attrs={})
