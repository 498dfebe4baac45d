"""The factory: names, arguments, and what their misuse says."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.naming import network_from, short_name
from aff.models.registry import count_parameters, find_family


def test_every_listed_model_builds():
    for name in aff.list_models():
        assert aff.count_parameters(aff.get_model(name, classes=10))[1] > 0


def test_depths_of_resnet_152():
    net = aff.get_model("resnet152_v1b_askc")
    assert [len(stage) for stage in (net.layer1, net.layer2, net.layer3, net.layer4)] == [
        3,
        8,
        36,
        3,
    ]


def test_a_published_name_stands_for_its_network():
    net = aff.get_model("gen2_iaff_resnet50")
    assert "conv1.6.weight" in net._collect_params_with_prefix()
    assert net.fc.weight.shape == (1000, 2048)
    assert aff.get_model("gen2_iaff_resnet50", classes=7).fc.weight.shape == (7, 2048)


@pytest.mark.parametrize(
    "name, message",
    [
        ("cifar_resnet33_askc", r"must be 6b\+2.*8, 14, 20"),
        ("cifar_resnext28_32x4d_askc", r"must be 9b\+2.*11, 20, 29"),
        ("cifar_resnet2_askc", r"must be 6b\+2"),
        ("cifar_resnet2006_askc", "at most 2000"),
        ("cifar_resnet0008_askc", "unknown model"),
        (f"cifar_resnet{5000 * '1'}_askc", "unknown model"),
        ("cifar_resnet\u0668_askc", "unknown model"),
        ("resnet34_v1b_askc", "must be one of 50, 101, 152"),
        ("resnext152_32x4d_askc", "must be one of 50, 101"),
        ("gen2_iaff_resnet5", "did you mean 'gen2_iaff_resnet50'"),
        ("resnet50_v1b", "did you mean 'resnet50_v1b_askc'"),
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
        ("classes", True),
        ("start_layer", 5),
        ("deep_stem", "no"),
        ("norm_layer", "SyncBatchNorm"),
        ("norm_layer", str),
        ("norm_kwargs", [1]),
        ("norm_kwargs", {"epsilo": 1}),
        ("fusion", ["AFF"]),
        ("ctx", "cpu"),
        ("ctx", []),
        ("avg_down", 1),
        ("r", 0),
    ],
)
def test_values_out_of_range(argument, value):
    with pytest.raises(aff.InputError, match=argument):
        aff.get_model("cifar_resnet8_askc", **{argument: value})


def test_a_function_that_makes_the_normalisation_takes_what_it_hands_on():
    def normalisation(**kwargs):
        return mx.gluon.nn.BatchNorm(**kwargs)

    arguments = {"norm_layer": normalisation, "norm_kwargs": {"epsilon": 1e-3}}
    net = aff.get_model("cifar_resnet8_askc", classes=10, **arguments, ctx=mx.cpu())
    assert net(mx.nd.ones((1, 3, 32, 32))).shape == (1, 10)


def test_arguments_hide_what_the_name_says():
    assert "blocks" not in find_family("cifar_resnet8_askc")[0].arguments
    assert {"fusion", "classes", "use_se", "last_gamma"} <= set(
        list(find_family("cifar_resnext29_32x4d_askc")[0].arguments)
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
    from aff.nn.layers import GlobalAvgPool2D

    np.testing.assert_allclose(
        GlobalAvgPool2D()(x).asnumpy()[:, :, 0, 0], x.asnumpy().mean(axis=(2, 3)), atol=1e-6
    )


@pytest.mark.parametrize("name", ["resnet50_v1b_askc", "resnext50_32x4d_askc"])
@pytest.mark.parametrize("last_gamma, value", [(True, 0), (False, 1)])
def test_last_gamma_of_the_imagenet_networks(name, last_gamma, value):
    net = aff.get_model(name, fusion="Add", ctx=mx.cpu(), last_gamma=last_gamma)
    last = "body.7.gamma" if "resnext" in name else "bn3.gamma"
    parameters = net._collect_params_with_prefix()
    found = [p.data().asnumpy() for key, p in parameters.items() if key.endswith(last)]
    assert len(found) == 16
    assert all((gamma == value).all() for gamma in found)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("resnet50_v1b_askc", {"pretrained": True}), "those of this network: aff_resnet50, iaff"),
        (("resnet101_v1b_askc", {"pretrained": True}), "those at all: aff_resnet50"),
        (("aff_resnet50", {"pretrained": True, "use_se": True}), "it takes no use_se"),
        (("aff_resnet50", {"root": "params"}), "needs pretrained=True"),
        (("aff_resnet5", {"pretrained": True}), "did you mean 'aff_resnet50'"),
    ],
)
def test_misuse_of_pretrained(arguments, message):
    name, kwargs = arguments
    with pytest.raises(aff.InputError, match=message):
        aff.get_model(name, **kwargs)


def test_start_layer_says_where_the_fusion_starts():
    def fused(**kwargs):
        net = aff.get_model("resnet50_v1b_askc", **kwargs)
        names = net._collect_params_with_prefix()
        return {name.split(".")[0] for name in names if "attention" in name}

    assert fused() == {"layer3", "layer4"}
    assert fused(start_layer=1) == {"layer1", "layer2", "layer3", "layer4"}
    assert fused(start_layer=5) == set()


@pytest.mark.parametrize(
    "name, fused, usual",
    [
        ("cifar_resnet8_askc", (16, 32, 64), 4),
        ("cifar_inception5_askc", (16, 32, 64), 4),
        ("cifar_resnext11_32x4d_askc", (256, 512, 1024), 16),
        ("resnet50_v1b_askc", (1024,) * 6 + (2048,) * 3, 16),
        ("resnext50_32x4d_askc", (1024,) * 6 + (2048,) * 3, 16),
    ],
)
def test_r_is_the_width_of_every_attention(name, fused, usual):
    """Two contexts of C x C/r and back, biases, and BatchNorms of C/r and C (4 a channel)."""

    def parameters(r):
        return sum(2 * (2 * c * c // r + 5 * c // r + 5 * c) for c in fused)

    def count(**kwargs):
        return count_parameters(aff.get_model(name, **kwargs))[1]

    added = count(fusion="Add")
    assert count() == count(r=usual) == added + parameters(usual)
    assert count(r=2) == added + parameters(2)


def test_r_is_part_of_a_runs_name_where_it_is_not_usual():
    names = [
        short_name(*network_from({"model": model, "r": r}))
        for model, r in (("resnet", 2), ("resnet", 4), ("resnet50_v1b_askc", 4))
    ]
    assert names == ["resnet32-c4-r2-ASKCFuse", "resnet32-c4-ASKCFuse", "resnet50_v1b-r4-ASKCFuse"]


SYNCHRONISED = {
    "norm_layer": mx.gluon.contrib.nn.SyncBatchNorm,
    "norm_kwargs": {"num_devices": 1},
}


@pytest.mark.parametrize("name", ["cifar_resnet8_askc", "cifar_resnext11_32x4d_askc"])
@pytest.mark.parametrize("fusion", aff.list_fusions())
def test_another_norm_layer_is_used_everywhere_under_the_same_names(name, fusion):
    plain = aff.get_model(name, fusion=fusion)
    net = aff.get_model(name, fusion=fusion, **SYNCHRONISED)
    assert sorted(net._collect_params_with_prefix()) == sorted(plain._collect_params_with_prefix())
    kinds = []
    net.apply(lambda block: kinds.append(type(block)))
    assert mx.gluon.contrib.nn.SyncBatchNorm in kinds
    assert mx.gluon.nn.BatchNorm not in kinds


@pytest.mark.numeric
def test_synchronised_batch_norm_equals_one_big_batch():
    """Layer by layer: mxnet's operator waits for the other device inside its only CPU thread, and a
    longer queue of them can wait for ever.
    """

    def outputs(devices, x, **kwargs):
        net = aff.get_model("cifar_resnet8_askc", fusion="Add", ctx=devices, **kwargs)
        rng = np.random.default_rng(0)
        for name, parameter in sorted(net._collect_params_with_prefix().items()):
            if not name.endswith(("running_mean", "running_var")):
                parameter.set_data(mx.nd.array(rng.uniform(-0.5, 0.5, parameter.shape)))
        parts = mx.gluon.utils.split_and_load(x, devices)
        mx.nd.waitall()
        with mx.autograd.record():
            for layer in list(net.features)[:3]:
                parts = [layer(part) for part in parts]
                mx.nd.waitall()
        return np.concatenate([part.asnumpy() for part in parts])

    x = mx.nd.random.normal(shape=(8, 3, 8, 8))
    two = [mx.cpu(0), mx.cpu(1)]
    together = outputs([mx.cpu(0)], x)
    synchronised = outputs(
        two, x, norm_layer=SYNCHRONISED["norm_layer"], norm_kwargs={"num_devices": 2}
    )
    np.testing.assert_allclose(synchronised, together, rtol=1e-3, atol=1e-4)
    assert np.abs(outputs(two, x) - together).max() > 1e-2


def test_a_stem_width_without_its_stem_is_refused():
    with pytest.raises(aff.InputError, match="it needs deep_stem=True"):
        aff.get_model("resnet50_v1b_askc", stem_width=64)
    net = aff.get_model("resnet50_v1b_askc", stem_width=16, deep_stem=True)
    assert net.conv1[6].weight.shape == (32, 16, 3, 3)


def test_the_names_of_norm_kwargs_are_listed():
    with pytest.raises(aff.InputError, match="did you mean 'epsilon'.*momentum"):
        aff.create_fusion("AFF", 8, norm_kwargs={"epsilo": 1})
