"""A network as mxnet's symbol JSON and parameters, which `SymbolBlock.imports` and the C and Scala
predictors load: of mxnet's own operators alone.
"""

from __future__ import annotations

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..models.parameters import save_arrays
from .graph import plain_graph


def write_symbol(symbol_path: str, params_path: str, net: HybridBlock) -> None:
    """Write a network's graph, of one input `data` and one output `logits`, and its parameters.

    Parameters
    ----------
    symbol_path, params_path : str
        The files, as a rule ``NAME-symbol.json`` and ``NAME-0000.params``.
    net : HybridBlock
        Initialized; it is changed (see `plain_graph`).
    """
    symbol, arrays = plain_graph(net)
    states = set(symbol.list_auxiliary_states())
    symbol.save(symbol_path)
    named = {
        f"{'aux' if name in states else 'arg'}:{name}": mx.nd.array(array)
        for name, array in arrays.items()
        if name in states or name in symbol.list_arguments()
    }
    save_arrays(params_path, named)
