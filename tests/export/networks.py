"""Networks to export: those of `tests.conditioned`, whose parameters keep values near one, and how
they are built and described.
"""

from importlib.util import find_spec

import mxnet as mx
import pytest

import aff
from aff.export.graph import parameter_arrays
from aff.export.source import describe_source
from aff.models.parameters import save_arrays
from aff.models.registry import find_family

from .. import conditioned


def torch_is_here():
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


needs_torch = pytest.mark.skipif(
    not torch_is_here(),
    reason="PyTorch is not installed: pip install '.[torch]'",
)
SMALL = "cifar_resnet14_c1_s1_ASKCFuse"


def exportable(key, folder, size=None):
    """What builds a network, and its description; the parameters are a file in the folder."""
    entry, shape = conditioned.NETWORKS[key]
    family, depth = find_family(entry["name"])
    kwargs = family.checked(depth, entry["kwargs"])
    path = str(folder / f"{key}.params")
    arrays = parameter_arrays(conditioned.build(key))  # as mxnet uses them
    save_arrays(path, {name: mx.nd.array(array) for name, array in arrays.items()})
    source = describe_source(key, entry["name"], kwargs, path, input_size=size or shape[-1])

    def build():
        net = aff.get_model(entry["name"], ctx=mx.cpu(), **kwargs)
        aff.load_parameters(net, path)
        return net

    return build, source
