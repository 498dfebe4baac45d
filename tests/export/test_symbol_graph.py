"""A symbol file is looked at before mxnet's reader takes it, which ends the process for some."""

import json

import mxnet as mx
import pytest

from aff.export.networks import open_symbol
from aff.export.symbol_graph import check_graph
from aff.utils.errors import InputError


@pytest.fixture
def graph(tmp_path):
    """A graph of operators with one and with several outputs, and its file."""
    x = mx.sym.var("data")
    left, right = mx.sym.split(mx.sym.BatchNorm(x, name="norm"), num_outputs=2, name="halves")
    (left * right).save(str(tmp_path / "x-symbol.json"))
    check_graph(str(tmp_path / "x-symbol.json"))
    return json.loads((tmp_path / "x-symbol.json").read_text()), tmp_path / "x-symbol.json"


def node_of(content, op):
    return next(node for node in content["nodes"] if node["op"] == op)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["heads"][0].__setitem__(1, 77),
        lambda content: content["heads"][0].__setitem__(1, -1),
        lambda content: content["heads"][0].__setitem__(0, len(content["nodes"])),
        lambda content: content["heads"].append([]),
        lambda content: node_of(content, "BatchNorm")["inputs"][0].__setitem__(0, 99),
        lambda content: node_of(content, "BatchNorm")["inputs"][0].__setitem__(1, 1),
        lambda content: node_of(content, "elemwise_mul")["inputs"][1].__setitem__(1, 2),
        lambda content: node_of(content, "SliceChannel")["attrs"].update(num_outputs="?"),
    ],
)
def test_what_names_nothing_is_refused(graph, change):
    content, path = graph
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="x-symbol.json: .*(not there|cannot load it)"):
        check_graph(str(path))


@pytest.mark.parametrize("text", ["{}", "[]", '{"nodes": [{}], "heads": []}'])
def test_what_is_no_graph_is_refused(tmp_path, text):
    (tmp_path / "x-symbol.json").write_text(text)
    with pytest.raises(InputError, match="x-symbol.json"):
        check_graph(str(tmp_path / "x-symbol.json"))


def test_parameters_are_looked_at_too(graph):
    """Whose count of arrays mxnet would take memory for."""
    _, path = graph
    params = path.with_name("x-0000.params")
    mx.nd.save(str(params), {"arg:norm_gamma": mx.nd.ones(3)})
    content = bytearray(params.read_bytes())
    content[16:24] = (1 << 22).to_bytes(8, "little")
    params.write_bytes(content)
    with pytest.raises(InputError, match="x-0000.params"):
        open_symbol(str(path))
