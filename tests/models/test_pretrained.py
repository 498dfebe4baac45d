"""A file that does not fit says what is wrong, and which published network it fits."""

import mxnet as mx
import pytest

import aff
from aff.models.parameters import save_parameters


@pytest.fixture
def saved(tmp_path):
    """Saves the parameters of a network by name."""

    def save(name, **kwargs):
        path = str(tmp_path / f"{name}.params")
        save_parameters(aff.get_model(name, ctx=mx.cpu(), **kwargs), path)
        return path

    return save


def message(net, path):
    with pytest.raises(aff.InputError) as error:
        aff.load_parameters(net, path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_generations_are_told_apart(saved):
    first = aff.get_model("cifar100_coarse_aff_resnet32", ctx=mx.cpu())
    before = first.output.weight.data().asnumpy().copy()
    text = message(first, saved("gen2_cifar100_fine_aff_resnet32"))
    assert "2 missing: features.3.0.downsample.0.weight" in text
    assert "2 left over: features.3.0.downsample.1.weight" in text
    assert "fits the published gen2_cifar100_fine_aff_resnet32, gen2_cifar100_coarse" in text
    assert "avg_down=True" in text
    assert (first.output.weight.data().asnumpy() == before).all()


def test_another_number_of_outputs(saved):
    net = aff.get_model("cifar_resnet32_askc", channel_times=4, classes=20)
    text = message(net, saved("cifar10_aff_resnet32"))
    assert "2 of another shape: output.weight (10, 256) for (20, 256), output.bias" in text
    assert "it fits the published cifar10_aff_resnet32 " in text


def test_only_the_first_few_names_are_shown(saved):
    net = aff.get_model("resnet50_v1b_askc", fusion="Add")
    text = message(net, saved("globglob_resnet50"))
    assert "162 left over" in text or "left over" in text
    assert "and" in text.split("left over")[1] and "more" in text
    assert len(text) < 600
    assert "it fits the published globglob_resnet50 " in text


def test_what_fits_nothing_published_says_so_by_silence(saved):
    net = aff.get_model("cifar_resnet8_askc", fusion="Add")
    assert "published" not in message(net, saved("cifar_resnet8_askc"))


def test_a_network_that_is_not_initialized_is_loaded_where_it_is_asked(saved):
    path = saved("cifar_resnet8_askc")
    net = aff.get_model("cifar_resnet8_askc")
    aff.load_parameters(net, path, ctx=[mx.cpu(0), mx.cpu(2)])
    assert net.output.weight.list_ctx() == [mx.cpu(0), mx.cpu(2)]
    aff.load_parameters(net, path)
    assert net.output.weight.list_ctx() == [mx.cpu(0), mx.cpu(2)]
