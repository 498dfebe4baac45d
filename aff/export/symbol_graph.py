"""Whether a symbol file is a graph that mxnet's reader can take: one that names what is not there
ends the process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Sequence, Tuple

import mxnet as mx

from ..utils.errors import InputError
from ..utils.json_file import read_json, typed
from ..utils.opening import MB

MAX_BYTES = 64 * MB
#: As symbol files name it; of one without, mxnet says that it is upgraded.
_VERSION = sum(int(part) * 100 ** (2 - k) for k, part in enumerate(mx.__version__.split(".")[:3]))


@dataclass(frozen=True)
class _Node:
    """An operator or, where that is ``'null'``, an array; `inputs` are places of other nodes and
    numbers of their outputs.
    """

    op: str
    name: str
    inputs: List[List[int]]
    attrs: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Graph:
    """What is read of the file."""

    nodes: List[_Node]
    heads: List[List[int]]


def check_graph(path: str) -> None:
    """Refuse a symbol file whose nodes or heads name what is not there.

    Raises
    ------
    InputError
        Which says where.
    """
    graph = typed(read_json(path, max_bytes=MAX_BYTES), _Graph, path)
    for place, node in enumerate(graph.nodes):
        _check_places(path, f"nodes[{place}]", node.inputs, graph.nodes[:place])
    _check_places(path, "heads", graph.heads, graph.nodes)


def _check_places(
    path: str, what: str, places: Sequence[Sequence[int]], nodes: Sequence[_Node]
) -> None:
    for place in places:
        node, output = _named(place)
        if not 0 <= node < len(nodes) or not 0 <= output < _outputs(path, nodes[node], output):
            raise InputError(f"{path}: {what} names what is not there: {list(place)}")


def _named(place: Sequence[int]) -> Tuple[int, int]:
    return (place[0], place[1]) if len(place) in (2, 3) else (-1, 0)


def _outputs(path: str, node: _Node, wanted: int) -> int:
    """Return how many outputs an operator has, as mxnet says it of one with inputs of its own;
    where no more than the first is `wanted`, one.
    """
    if not wanted:
        return 1
    arrays = [{"op": "null", "name": f"x{k}", "inputs": []} for k in range(len(node.inputs))]
    alone: Dict[str, Any] = {"op": node.op, "name": "it", "attrs": node.attrs}
    alone["inputs"] = [[k, 0, 0] for k in range(len(arrays))]
    text = {
        "nodes": [*arrays, alone],
        "arg_nodes": list(range(len(arrays))),
        "heads": [[len(arrays), 0, 0]],
        "attrs": {"mxnet_version": ["int", _VERSION]},
    }
    try:
        return len(mx.sym.load_json(json.dumps(text)).get_internals()) - len(arrays)
    except (mx.MXNetError, ValueError) as error:
        raise InputError(f"{path}: {node.name}: mxnet cannot load it") from error
