"""The networks are the published ones: names, shapes, counts, outputs, gradients."""

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.inception import CIFARInception
from aff.models.resnet import CIFARResNet, ResNetV1b
from aff.models.resnext import CIFARResNeXt, ResNeXt
from aff.nn import fusion
from aff.training.network import hybridize

from .. import golden

BUILT = golden.ARCHITECTURES
WITH_OUTPUTS = [key for key, entry in BUILT.items() if "logits" in entry]
SMALL = "cifar_resnet14_c1_s1_ASKCFuse"
#: What the quick suite compares: every fusion in the smallest network; of every family and
#: generation one network, plain or fused.
QUICK_OUTPUTS = [key for key in WITH_OUTPUTS if key.startswith("cifar_resnet14")] + [
    "cifar_resnext29_32x4d_ASKCFuse",
    "resnet50_v1b_ASKCFuse",
    "resnext50_32x4d_DirectAdd",
    "gen2_cifar_resnet32_c4_s1_DirectAdd",
    "gen2_cifar_resnext38_32x4d_s1_DirectAdd",
    "gen2_resnext50_32x4d_s3_DirectAdd",
]
QUICK_LOSSES = [SMALL, "cifar_resnet14_c1_s1_ResGlobLocaforGlobLocaCha"]


def but_slow(names, quick):
    """Parameters of a test, of which those that are not among the quick ones are slow."""
    assert set(quick) <= set(names)
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def test_every_published_architecture_is_here():
    assert len(BUILT) == 51
    assert len(WITH_OUTPUTS) == 31


@pytest.mark.parametrize("key", BUILT)
def test_names_shapes_and_counts(key):
    entry = BUILT[key]
    net = aff.get_model(entry["build"]["name"], **entry["build"]["kwargs"])
    shapes = {
        name: list(parameter.shape) for name, parameter in net._collect_params_with_prefix().items()
    }
    assert shapes == entry["params"]
    assert aff.count_parameters(net) == (entry["n_params_trainable"], entry["n_params_total"])


@pytest.mark.numeric
@pytest.mark.parametrize("key", but_slow(WITH_OUTPUTS, QUICK_OUTPUTS))
def test_outputs(key):
    error, bound = golden.logits_error(BUILT[key])
    assert error <= bound


@pytest.mark.numeric
@pytest.mark.parametrize("key", but_slow(WITH_OUTPUTS, QUICK_LOSSES))
def test_training_losses(key):
    errors, bounds = golden.loss_errors(BUILT[key])
    assert (errors <= bounds).all(), (errors, bounds)


@pytest.mark.numeric
def test_gradients():
    entry = BUILT[SMALL]
    _, norms = golden.training_losses(entry)
    expected = entry["grad_norms_step1"]
    ratios = np.array([norms[name] / expected[name] for name in expected])
    np.testing.assert_allclose(ratios / ratios[0], 1, rtol=1e-3)


@pytest.mark.numeric
@pytest.mark.parametrize("change", ["no factor 2", "roles swapped", "local only"])
@pytest.mark.parametrize(
    "key",
    but_slow([SMALL, "cifar_resnext38_32x4d_ASKCFuse", "cifar_resnet32_c4_s1_ASKCFuse"], [SMALL]),
)
def test_the_bound_tells_a_wrong_network(key, change, monkeypatch):
    def wrong(self, F, x, residual):
        initial = x + residual
        weight = F.sigmoid(
            self.local_att(initial)
            if change == "local only"
            else F.broadcast_add(self.local_att(initial), self.global_att(initial))
        )
        x, residual = (residual, x) if change == "roles swapped" else (x, residual)
        joined = x * weight + residual * (1 - weight)
        return joined if change == "no factor 2" else 2 * joined

    monkeypatch.setattr(fusion.AFF, "is_native", lambda self, F: False)
    monkeypatch.setattr(fusion.AFF, "hybrid_forward", wrong)
    error, bound = golden.logits_error(BUILT[key])
    assert error > bound


#: One block a stage of each family.
SMALLEST = {
    "CIFAR ResNet": lambda fusion: CIFARResNet((1, 1, 1), fusion, classes=10),
    "CIFAR ResNeXt": lambda fusion: CIFARResNeXt((1, 1, 1), fusion=fusion, classes=10),
    "CIFAR Inception": lambda fusion: CIFARInception((1, 1, 1), fusion, classes=10),
    "ResNet v1b": lambda fusion: ResNetV1b((1, 1, 1, 1), fusion, classes=10, start_layer=1),
    "ResNeXt": lambda fusion: ResNeXt((1, 1, 1, 1), fusion=fusion, classes=10, start_layer=1),
}


@pytest.mark.parametrize(
    "family, fusion",
    [
        pytest.param(
            family,
            fusion,
            marks=[] if family == "CIFAR ResNet" or fusion == "ASKCFuse" else pytest.mark.slow,
        )
        for family in SMALLEST
        for fusion in aff.list_fusions()
    ],
)
def test_every_family_with_every_fusion(family, fusion, tmp_path):
    net = SMALLEST[family](fusion)
    net.initialize(mx.init.Xavier(), ctx=mx.cpu())
    size = 8 if "CIFAR" in family else 64
    x = mx.nd.random.normal(shape=(2, 3, size, size))
    plain = net(x)
    assert plain.shape == (2, 10)
    assert np.isfinite(plain.asnumpy()).all()
    with mx.autograd.record():
        loss = net(x).square().sum()
    loss.backward()
    for parameter in net.collect_params().values():
        if parameter.grad_req != "null":
            assert np.isfinite(parameter.grad().asnumpy()).all()
            assert np.abs(parameter.grad().asnumpy()).sum() > 0 or parameter.name.endswith("_bias")
    plain = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "net.params"))
    hybridize(net)
    np.testing.assert_allclose(net(x).asnumpy(), plain, rtol=1e-4, atol=1e-4)
    again = SMALLEST[family](fusion)
    aff.load_parameters(again, str(tmp_path / "net.params"))
    np.testing.assert_array_equal(again(x).asnumpy(), plain)
