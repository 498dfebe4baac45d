"""A file that does not fit says what is wrong, and which published network it fits."""

import mxnet as mx
import pytest

import aff
from aff.models.parameters import save_parameters
from aff.models.pretrained import fitting, shapes_digest
from aff.models.records import WEIGHTS


@pytest.fixture
def saved(tmp_path):
    """Saves the parameters of a network by name."""

    def save(name, **kwargs):
        path = str(tmp_path / f"{name}.params")
        net = aff.get_model(name, **kwargs)
        net.initialize(mx.init.Zero(), ctx=mx.cpu())
        save_parameters(net, path)
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


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_digest_of_a_record_is_that_of_its_network(name):
    parameters = aff.get_model(name)._collect_params_with_prefix()
    shapes = {key: parameter.shape for key, parameter in parameters.items()}
    assert WEIGHTS[name].shapes_sha1 == shapes_digest(shapes)
    assert shapes_digest(dict(reversed(shapes.items()))) == WEIGHTS[name].shapes_sha1
    assert name in fitting(shapes)
    first = next(iter(shapes))
    assert fitting({**shapes, first: (*shapes[first], 1)}) == []
    assert fitting({key: shape for key, shape in shapes.items() if key != first}) == []
