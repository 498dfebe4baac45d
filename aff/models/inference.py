"""Networks made for inference alone."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from typing import Dict, List

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, SymbolBlock

from ..nn.native.operator import tracing
from ..utils.errors import InputError

BACKEND = "MKLDNN"


def optimize_for_inference(net: HybridBlock) -> HybridBlock:
    """Return a network that computes what `net` computes in inference, faster on a CPU: mxnet's
    oneDNN backend folds BatchNorm into the convolutions and joins them with the relu and the
    addition that follow.

    Parameters
    ----------
    net : HybridBlock
        (N, 3, H, W) to logits; initialized, in float32 on one CPU device. It stays as it is.
        Parameters that change later may not be seen by the result.

    Returns
    -------
    HybridBlock
        Compiled, of the same inputs and outputs (those to about 1e-5 of the largest; of networks
        that amplify rounding, more).

    Raises
    ------
    InputError
        For a network that is elsewhere, or in another number format, or not initialized.
    """
    parameters = net.collect_params()
    for name, parameter in parameters.items():
        try:
            devices = parameter.list_ctx()
        except RuntimeError:
            raise InputError(f"optimize_for_inference: {name} has not been initialized") from None
        if len(devices) != 1 or devices[0].device_type != "cpu":
            raise InputError(
                f"optimize_for_inference is for networks on one CPU device: {name} is on "
                f"{', '.join(map(str, devices))}"
            )
        if np.dtype(parameter.dtype) != np.float32:
            raise InputError(f"optimize_for_inference is for float32: {name} is {parameter.dtype}")
    data = mx.sym.var("data")
    with tracing():
        outputs = net(data)
    graph = outputs if isinstance(outputs, mx.sym.Symbol) else mx.sym.Group(list(outputs))
    output = _separate_convolutions(graph).get_backend_symbol(BACKEND)
    with warnings.catch_warnings():  # of the input's number format, which it cannot know
        warnings.simplefilter("ignore")
        optimized = SymbolBlock(output, data, params=parameters)
    optimized.hybridize(static_alloc=True, static_shape=True)
    return optimized


def _separate_convolutions(output: mx.sym.Symbol) -> mx.sym.Symbol:
    """Return the same graph with a factor of 1 behind every convolution whose output goes to
    several operators: mxnet 1.9.1 takes the BatchNorm, relu or addition behind such a one into it
    for all of them.
    """
    graph = json.loads(output.tojson())
    uses = Counter(entry[0] for node in graph["nodes"] for entry in node["inputs"])
    nodes: List[dict] = []
    places: Dict[int, int] = {}
    for number, node in enumerate(graph["nodes"]):
        nodes.append(
            {**node, "inputs": [[places[place], *rest] for place, *rest in node["inputs"]]}
        )
        if node["op"] == "Convolution" and uses[number] > 1:
            nodes.append(
                {
                    "op": "_mul_scalar",  # mxnet would leave a plain copy out again
                    "name": f"{node['name']}_shared",
                    "attrs": {"scalar": "1.0"},
                    "inputs": [[len(nodes) - 1, 0, 0]],
                }
            )
        places[number] = len(nodes) - 1
    graph["nodes"] = nodes
    graph["arg_nodes"] = [places[place] for place in graph["arg_nodes"]]
    graph["heads"] = [[places[place], *rest] for place, *rest in graph["heads"]]
    del graph["node_row_ptr"]
    return mx.sym.load_json(json.dumps(graph))
