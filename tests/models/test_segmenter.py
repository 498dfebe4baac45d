"""Segmentation networks: their names, cost, arguments; what they start from."""

import math

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.features import FeatureMaps, PooledFeatures
from aff.models.naming import network_from, short_name, short_names
from aff.models.parts import freeze, parameter_names
from aff.models.registry import FAMILIES, check_described
from aff.models.summary import measured
from aff.models.transfer import transfer_parameters

from ..conftest import ROOT
from .test_fpn import SMALL, built, images

WIDTHS = (16, 32, 64)


def attention(path, width, inner):
    """Names and shapes of one AFF."""
    found = {}
    for branch, first in (("local_att", 0), ("global_att", 1)):
        for offset, a, b in ((0, width, inner), (3, inner, width)):
            found[f"{path}.{branch}.{first + offset}.weight"] = (b, a, 1, 1)
            found[f"{path}.{branch}.{first + offset}.bias"] = (b,)
            found.update(norm(f"{path}.{branch}.{first + offset + 1}", b))
    return found


def norm(path, width):
    return {f"{path}.{key}": (width,) for key in ("gamma", "beta", "running_mean", "running_var")}


def activated(path, inputs, width, kernel=1, first=0):
    weight = {f"{path}.{first}.weight": (width, inputs, kernel, kernel)}
    return {**weight, **norm(f"{path}.{first + 1}", width)}


def test_names_and_shapes_of_fpn():
    """The format of its checkpoints."""
    trunk = aff.get_model(SMALL, fusion="DirectAdd", classes=9)
    net = aff.get_model(f"fpn_{SMALL}", classes=5, channels=24, r=2)
    expected = {}
    for level, width in enumerate(WIDTHS):
        expected.update(activated(f"decoder.lateral.{level}", width, 24))
    for level in (0, 1):
        expected.update(attention(f"decoder.fusions.{level}", 24, 12))
    expected.update(activated("head", 24, 24, 3))
    expected.update({"output.weight": (5, 24, 1, 1), "output.bias": (5,)})
    found = {name: item.shape for name, item in net._collect_params_with_prefix().items()}
    ours = {name: shape for name, shape in found.items() if not name.startswith("backbone.")}
    assert ours == expected
    theirs = {name: item.shape for name, item in trunk._collect_params_with_prefix().items()}
    origins = net.backbone.origins
    assert {f"backbone.{name}" for name in origins} == set(found) - set(ours)
    assert all(found[f"backbone.{name}"] == theirs[origin] for name, origin in origins.items())
    left = set(theirs) - set(origins.values())
    assert {name.rpartition(".")[0] for name in left} == {"features.5", "output"}


def test_names_and_shapes_of_unet():
    net = aff.get_model(f"unet_{SMALL}", classes=5)
    expected = {}
    for level, width in enumerate(WIDTHS):
        expected.update(activated(f"decoder.lateral.{level}", width, width))
    for level, width in enumerate(WIDTHS[:-1]):
        expected.update(activated(f"decoder.narrow.{level}", 2 * width, width))
        expected.update(attention(f"decoder.fusions.{level}", width, width // 4))
        for first in (0, 3):
            expected.update(activated(f"decoder.refine.{level}", width, width, 3, first))
    expected.update({"output.weight": (5, 16, 1, 1), "output.bias": (5,)})
    found = {name: item.shape for name, item in net._collect_params_with_prefix().items()}
    assert {n: s for n, s in found.items() if not n.startswith("backbone.")} == expected


@pytest.mark.parametrize("b", [1, 4])
def test_multiply_adds_are_those_of_its_convolutions(b):
    size, width, classes = 64, 16, 7
    kwargs = {"fusion": "Add", "classes": classes}
    backbone = measured(f"cifar_resnet{6 * b + 2}_askc", {**kwargs, "classes": 1}, size)
    cost = measured(f"fpn_cifar_resnet{6 * b + 2}_askc", kwargs, size)
    sizes = [(size // s) ** 2 for s in (1, 2, 4)]
    lateral = sum(width * own * pixels for own, pixels in zip(WIDTHS, sizes))
    head = (9 * width * width + classes * width) * sizes[0]
    additions = width * (sizes[0] + sizes[1])
    left_out = 64  # the classifier's own output layer
    assert cost.multiply_adds == backbone.multiply_adds - left_out + lateral + head + additions
    own = sum(math.prod(shape) for shape in ((width, sum(WIDTHS)), (9, width, width)))
    norms = 4 * width * 4
    outputs = (width + 1) * classes
    assert cost.parameters == backbone.parameters - 65 - 4 * 64 + own + norms + outputs


def test_its_widths_are_the_finest_maps_or_what_is_asked_for():
    for channels, expected in ((None, 32), (40, 40)):
        given = {"channels": channels} if channels else {}
        net = aff.get_model(f"fpn_{SMALL}", channel_times=2, ctx=mx.cpu(), **given)
        maps = net.decoder(*net.backbone(images()))
        sides = [(2, expected, side, side) for side in (16, 8, 4)]
        assert [found.shape for found in maps] == sides


@pytest.mark.parametrize("name", [f.names()[0] for f in FAMILIES if f.kind == "segmentation"])
def test_every_family_of_classifiers_is_a_backbone(name):
    net = aff.get_model(name, fusion="iAFF", backbone_fusion="SEFuse", classes=4)
    height = net.backbone.strides[-1] * 2
    shape = (2, 3, height, 2 * height)
    _, (found,), _ = net(mx.sym.var("data")).infer_shape(data=shape)
    assert found == (2, 4, *shape[2:])
    kinds = {type(stage[-1].attention).__name__ for stage in net.backbone.stages}
    assert "SEFuse" in kinds


def test_a_backbones_blocks_add_unless_another_fusion_is_named():
    net = aff.get_model(f"fpn_{SMALL}", fusion="iAFF")
    assert {type(stage[0].attention).__name__ for stage in net.parts.stages} == {"DirectAdd"}
    assert {type(fuse).__name__ for fuse in net.decoder.fusions} == {"IAFF"}


@pytest.mark.parametrize(
    "name, kwargs, named",
    [
        ("fpn_cifar_resnet9_askc", {}, "6b\\+2"),
        (f"fpn_{SMALL}", {"use_se": True}, "use_se"),
        (f"fpn_{SMALL}", {"channels": 0}, "channels"),
        (f"fpn_{SMALL}", {"channels": 8, "r": 16}, "16"),
        (f"fpn_{SMALL}", {"backbone_fusion": "AFFF"}, "AFFF"),
        (f"unet_{SMALL}", {"channels": 8}, "channels"),
        (SMALL, {"channels": 8}, "channels"),
    ],
)
def test_what_is_refused(name, kwargs, named):
    with pytest.raises(aff.InputError, match=named):
        aff.get_model(name, **kwargs)


@pytest.mark.parametrize(
    "host, given, named",
    [
        ("FPN", {"channels": 0}, "channels"),
        ("FPN", {"channels": "8"}, "channels"),
        ("FPN", {"classes": 0}, "classes"),
        ("UNet", {"r": 0.5}, "r must"),
        ("UNet", {"fusion": "AFFF"}, "AFFF"),
    ],
)
def test_what_its_class_refuses(host, given, named):
    with pytest.raises(aff.InputError, match=named):
        getattr(aff.models, host)(aff.get_model(SMALL), **given)
    with pytest.raises(aff.InputError, match="parts"):
        getattr(aff.models, host)(mx.gluon.nn.HybridSequential())


@pytest.mark.parametrize(
    "given, name, run",
    [
        ({"blocks": 1}, "fpn_cifar_resnet8_askc", "fpn_resnet8-AFF"),
        ({"channels": 32, "r": 2}, "fpn_cifar_resnet32_askc", "fpn_resnet32-w32-r2-AFF"),
        (
            {"model": "unet_inception", "blocks": 2, "backbone_fusion": "iAFF"},
            "unet_cifar_inception8_askc",
            "unet_inception8-iAFF-AFF",
        ),
        ({"model": "fpn_resnext29_32x4d"}, "fpn_cifar_resnext29_32x4d_askc", None),
    ],
)
def test_short_names(given, name, run):
    found, kwargs = network_from({"fusion": "AFF", **given}, "segmentation")
    assert found == name
    aff.get_model(found, **kwargs)
    check_described(found, {**kwargs, "classes": 3})
    assert run is None or short_name(found, {**given, "fusion": "AFF"}) == run


def test_they_are_not_for_images_of_one_class():
    assert "fpn_resnet" in short_names("segmentation")
    for kind in ("cifar", "imagenet"):
        assert "fpn_resnet" not in short_names(kind)
        with pytest.raises(aff.InputError, match="fpn_resnet"):
            network_from({"model": "fpn_resnet"}, kind)


def test_a_backbone_starts_from_a_classifiers_parameters():
    name = "fashion_mnist_aff_resnet8"
    theirs = aff.get_model(name, pretrained=True, root=f"{ROOT}/params")
    backbone = {"backbone_fusion": "AFF", "backbone_r": 2}
    net = aff.get_model("fpn_cifar_resnet8_askc", **backbone, classes=2, ctx=mx.cpu())
    before = net.output.weight.data().asnumpy()
    found = transfer_parameters(net, f"{ROOT}/params/{name}.params")
    assert found.loaded == len(net.backbone.origins) and not found.other and found.kept == 0
    assert all(missing.startswith(("decoder.", "head.")) for missing in found.missing)
    assert {left.rpartition(".")[0] for left in found.left_over} == {"features.5"}
    x = images(28)
    for ours, expected in zip(net.backbone(x), FeatureMaps(theirs)(x)):
        np.testing.assert_array_equal(ours.asnumpy(), expected.asnumpy())
    assert (net.output.weight.data().asnumpy() == before).all()


def test_a_backbone_that_has_parameters_keeps_them_silently(recwarn):
    name = "fashion_mnist_aff_resnet8"
    theirs = aff.get_model(name, pretrained=True, root=f"{ROOT}/params")
    x = images(28)
    expected = [found.asnumpy() for found in FeatureMaps(theirs)(x)]
    net = aff.models.FPN(theirs, classes=2)
    recwarn.clear()
    net.initialize(mx.init.MSRAPrelu(), ctx=mx.cpu())
    assert not recwarn and net(x).shape == (2, 2, 28, 28)
    for found, values in zip(net.backbone(x), expected):
        np.testing.assert_array_equal(found.asnumpy(), values)


def test_the_classifier_below_stays_as_it_was():
    net = aff.get_model("cifar_resnet8_askc", classes=3, ctx=mx.cpu())
    net.initialize(mx.init.MSRAPrelu(), force_reinit=True)
    x = images(16)

    def trained():
        with mx.autograd.record():
            return net(x).asnumpy()

    before = trained()
    segmenter = aff.models.FPN(net, classes=2)
    assert segmenter.backbone.stem[0]._kwargs["use_global_stats"]
    np.testing.assert_array_equal(trained(), before)


def test_its_own_parameters_go_to_one_of_other_classes(tmp_path):
    net = built()
    path = str(tmp_path / "net.params")
    net.save_parameters(path)
    other = aff.models.FPN(aff.get_model(SMALL, fusion="DirectAdd"), "AFF", classes=5)
    other.initialize(ctx=mx.cpu())
    found = transfer_parameters(other, path, [(4, 0)])
    assert not found.missing and not found.other and not found.left_over and found.kept == 1
    assert (other.output.weight.data()[4] == net.output.weight.data()[0]).asnumpy().all()
    x = images()
    ours, theirs = (n.decoder(*n.backbone(x))[0].asnumpy() for n in (other, net))
    np.testing.assert_array_equal(ours, theirs)


def test_it_gives_its_backbones_maps_but_no_vector_of_an_image():
    net = built()
    for found, expected in zip(FeatureMaps(net)(images()), net.backbone(images())):
        np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())
    with pytest.raises(aff.InputError, match="FPN makes no vector"):
        PooledFeatures(net)


def test_its_backbone_can_stand_still():
    net = built()
    parts = parameter_names(net)
    assert list(parts) == ["stem", "stage1", "stage2", "stage3"]
    named = {name for part in parts.values() for name in part}
    assert named == {f"backbone.{name}" for name in net.backbone.origins}
    freeze(net, ["backbone"])
    learning = {n for n, p in net._collect_params_with_prefix().items() if p.grad_req != "null"}
    assert learning and not any(name.startswith("backbone.") for name in learning)


def test_an_image_without_its_batch_is_refused_and_channels_may_be_left():
    net = aff.get_model("fpn_cifar_resnet8_askc", channels=None, classes=2, ctx=mx.cpu())
    with pytest.raises(aff.InputError, match=r"takes images \(N, 3, H, W\), got .*\(3, 8, 8\)"):
        net(mx.nd.ones((3, 8, 8)))
    with pytest.raises(aff.InputError, match="classes must be a whole number"):
        aff.get_model("fpn_cifar_resnet8_askc", classes=None)
