"""Parameters of one network to another of other classes."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aff
from aff.models.transfer import same_classes, transfer_parameters

from ..conftest import ROOT
from .test_parts import small, values


@pytest.fixture
def source(tmp_path):
    """A file of a network of three classes."""
    net = small()
    net(mx.nd.zeros((1, 3, 16, 16)))
    path = str(tmp_path / "source.params")
    net.save_parameters(path)
    return path, values(net)


def other(classes, **kwargs):
    mx.random.seed(7)
    return aff.get_model("cifar_resnet8_askc", classes=classes, ctx=mx.cpu(), **kwargs)


def test_all_but_the_output_layer_is_taken(source):
    path, theirs = source
    net = other(5)
    before = values(net)
    found = transfer_parameters(net, path)
    for name, value in values(net).items():
        expected = before if name.startswith("output.") else theirs
        assert (value == expected[name]).all(), name
    assert found.loaded == len(theirs) - 2 and found.kept == 0 and found.classes == 5
    assert not found.missing and not found.other and not found.left_over


def test_outputs_of_the_same_class_are_kept_where_the_new_data_has_them(source):
    path, theirs = source
    net = other(4)
    before = values(net)
    pairs = same_classes(["bird", "cat", "dog", "emu"], ["dog", "cat", "fox"])
    assert pairs == [(1, 1), (2, 0)]
    assert transfer_parameters(net, path, pairs).kept == 2
    now = values(net)
    for key in ("output.weight", "output.bias"):
        assert (now[key][1] == theirs[key][1]).all() and (now[key][2] == theirs[key][0]).all()
        assert (now[key][[0, 3]] == before[key][[0, 3]]).all()


def test_of_the_same_classes_the_whole_network_is_taken(source):
    path, theirs = source
    net = other(3)
    names = ["a", "b", "b"]  # ImageNet has names twice too
    found = transfer_parameters(net, path, same_classes(names, names))
    assert found.kept == 3
    assert all((value == theirs[name]).all() for name, value in values(net).items())


def test_what_cannot_be_taken_is_named(source):
    path, theirs = source
    net = other(3, fusion="iAFF")
    before = values(net)
    found = transfer_parameters(net, path)
    assert found.missing and all(".attention." in name for name in found.missing)
    text = "\n".join(found.lines())
    assert str(len(found.missing)) in text and "not in the file" in text
    now = values(net)
    assert all((now[name] == before[name]).all() for name in found.missing)
    common = set(now) & set(theirs) - set(found.other)
    common -= {"output.weight", "output.bias"}
    assert len(common) == found.loaded > 20
    assert all((now[name] == theirs[name]).all() for name in common)


def test_a_file_of_another_network_altogether_is_refused_and_nothing_changes(source, tmp_path):
    path, _ = source
    net = aff.get_model("resnet50_v1b_askc", classes=3, ctx=mx.cpu())
    before = net.fc.weight.data().asnumpy()
    with pytest.raises(aff.InputError, match="nothing of this network"):
        transfer_parameters(net, path)
    assert (net.fc.weight.data().asnumpy() == before).all()


def test_a_transfer_casts_to_the_number_format_of_the_network(source):
    path, theirs = source
    net = other(2)
    net.cast("float16")
    transfer_parameters(net, path)
    name = next(key for key in theirs if key.endswith("weight"))
    now = net._collect_params_with_prefix()[name].data()
    assert now.dtype == np.float16
    np.testing.assert_array_equal(now.asnumpy(), theirs[name].astype(np.float16))


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6),
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6),
)
def test_same_classes_pairs_names_that_are_equal_and_each_output_once(ours, theirs):
    pairs = same_classes(ours, theirs)
    assert all(ours[own] == theirs[their] for own, their in pairs)
    assert len({own for own, _ in pairs}) == len({their for _, their in pairs}) == len(pairs)
    both = set(ours) & set(theirs)
    if ours != theirs:
        assert len(pairs) == sum(ours.count(n) == theirs.count(n) == 1 for n in both)


def test_nothing_is_the_same_where_names_are_not_known():
    assert same_classes(None, ["a"]) == same_classes(["a"], None) == []


def test_published_parameters_come_with_as_many_outputs_as_are_asked_for():
    name, root = "fashion_mnist_aff_resnet8", f"{ROOT}/params"
    whole = values(aff.get_model(name, pretrained=True, root=root))
    mx.random.seed(1)
    net = aff.get_model(name, pretrained=True, root=root, classes=5)
    assert net(mx.nd.zeros((2, 3, 28, 28))).shape == (2, 5)
    for key, value in values(net).items():
        if not key.startswith("output."):
            assert (value == whole[key]).all(), key
    assert values(net)["output.weight"].std() > 0
    same = values(aff.get_model(name, pretrained=True, root=root, classes=10))
    assert all((same[key] == whole[key]).all() for key in whole)
    with pytest.raises(aff.InputError, match="classes"):
        aff.get_model(name, pretrained=True, root=root, classes=0)
