"""The factory: names, arguments, and what their misuse says."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.model_zoo import model_arguments


def test_every_listed_model_builds():
    for name in aff.list_models():
        if "110" not in name:
            assert aff.count_parameters(aff.get_model(name, classes=10))[1] > 0


@pytest.mark.parametrize(
    "name, message",
    [
        ("cifar_resnet33_askc", r"must be 6b\+2.*8, 14, 20"),
        ("cifar_resnext28_32x4d_askc", r"must be 9b\+2.*11, 20, 29"),
        ("cifar_resnet2_askc", r"must be 6b\+2"),
        ("cifar_resnet32_ask", "did you mean 'cifar_resnet32_askc'"),
        ("", "unknown model"),
    ],
)
def test_unknown_models(name, message):
    with pytest.raises(aff.InputError, match=message):
        aff.get_model(name)


def test_a_misspelt_argument_names_the_valid_ones():
    with pytest.raises(aff.InputError, match="did you mean 'start_layer'.*channel_times"):
        aff.get_model("cifar_resnet8_askc", start_layers=2)
    with pytest.raises(aff.InputError, match="use_se"):
        aff.get_model("cifar_resnet8_askc", use_se=True)
    with pytest.raises(aff.InputError, match="channel_times"):
        aff.get_model("cifar_resnext29_32x4d_askc", channel_times=2)


@pytest.mark.parametrize(
    "argument, value",
    [
        ("classes", 0),
        ("classes", 1.5),
        ("start_layer", 0),
        ("channel_times", -1),
        ("classes", "ten"),
    ],
)
def test_values_out_of_range(argument, value):
    with pytest.raises(aff.InputError, match=argument):
        aff.get_model("cifar_resnet8_askc", **{argument: value})


def test_arguments_hide_what_the_name_says():
    assert "blocks" not in model_arguments("cifar_resnet8_askc")
    assert {"fusion", "classes", "use_se", "last_gamma"} <= set(
        model_arguments("cifar_resnext29_32x4d_askc")
    )


@pytest.mark.parametrize("last_gamma, value", [(True, 0), (False, 1)])
def test_last_gamma_means_what_it_says(last_gamma, value):
    net = aff.get_model("cifar_resnext11_32x4d_askc", ctx=mx.cpu(), last_gamma=last_gamma)
    bodies = [net.features[i][0].body for i in (3, 4, 5)]
    for body in bodies:
        assert (body[-1].gamma.data().asnumpy() == value).all()
        assert (body[1].gamma.data().asnumpy() == 1).all()


def test_stages_before_start_layer_add():
    net = aff.get_model("cifar_resnet8_askc", start_layer=3)
    kinds = [type(net.features[i][0].attention).__name__ for i in (2, 3, 4)]
    assert kinds == ["DirectAdd", "DirectAdd", "AFF"]


def test_pooling_is_the_mean():
    x = mx.nd.random.normal(shape=(2, 3, 5, 7))
    from aff.layers import GlobalAvgPool2D

    np.testing.assert_allclose(
        GlobalAvgPool2D()(x).asnumpy()[:, :, 0, 0], x.asnumpy().mean(axis=(2, 3)), atol=1e-6
    )
