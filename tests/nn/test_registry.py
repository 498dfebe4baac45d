"""What every registered fusion does, and how one is added from outside."""

import mxnet as mx
import pytest

import aff
from aff.models.summary import measured, summarize
from aff.nn import Attentive, flat, local_context
from aff.nn import fusion as registry
from aff.nn.checks import check_fusion
from aff.viz.cam import list_fusion_blocks


@pytest.mark.parametrize("name", aff.list_fusions())
def test_every_fusion_can_stand_in_a_network(name):
    check_fusion(name)


@pytest.fixture
def forget(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_FUSIONS", dict(registry._FUSIONS))
    monkeypatch.setattr(registry, "_ALIASES", dict(registry._ALIASES))


class LocalOnly(Attentive):
    """Soft selection by one local context."""

    def __init__(self, channels, r, norm):
        super().__init__()
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)

    def logits(self, F, z):
        return flat(F, self.local_att(z))


def test_a_fusion_from_outside_is_known_everywhere(forget):
    assert aff.register_fusion("LocalOnly", "LO")(LocalOnly) is LocalOnly
    check_fusion("LO")
    assert "LocalOnly" in aff.list_fusions()
    net = aff.get_model("cifar_resnet8_askc", fusion="LO", classes=10, ctx=mx.cpu())
    assert [name for name, _ in list_fusion_blocks(net)] == [
        f"features.{stage}.0.attention" for stage in (2, 3, 4)
    ]
    aff_cost, own = (
        measured("cifar_resnet8_askc", {"fusion": name}).multiply_adds for name in ("AFF", "LO")
    )
    add = measured("cifar_resnet8_askc", {"fusion": "Add"}).multiply_adds
    assert add < own < aff_cost


@pytest.mark.parametrize(
    "name, title, names",
    [
        ("ASKCFuse", "AFF", "AFF (ASKCFuse)"),
        ("AFF", "AFF", "AFF (ASKCFuse)"),
        ("ResGlobLocaforGlobLocaCha", "iAFF", "iAFF (ResGlobLocaforGlobLocaCha)"),
        ("Add", "Add", "Add (DirectAdd)"),
        ("SEFuse", "SEFuse", "SEFuse"),
    ],
)
def test_what_a_fusion_is_called(name, title, names):
    assert (registry.fusion_title(name), registry.fusion_names(name)) == (title, names)


def test_names_are_taken_once(forget):
    with pytest.raises(ValueError, match="'AFF' is registered already"):
        aff.register_fusion("Mine", "AFF")(LocalOnly)
    with pytest.raises(TypeError, match="no class of a Gluon HybridBlock"):
        aff.register_fusion("Mine")(lambda channels, r, norm: None)


def test_a_join_of_its_own_has_to_say_what_it_weighs():
    def join(F, logits, x, residual):
        return x

    with pytest.raises(TypeError, match="declare what it weighs"):
        type("Odd", (LocalOnly,), {"join": staticmethod(join)})
    odd = type("Odd", (LocalOnly,), {"join": staticmethod(join), "weighs": "both"})
    assert odd.weighs == "both"


class Rounded(LocalOnly):
    """A fusion of an operator that the count does not know."""

    def hybrid_forward(self, F, x, residual):
        return F.round(x + residual)


def test_an_operator_that_the_count_does_not_know_is_an_error(forget):
    aff.register_fusion("Rounded")(Rounded)
    net = aff.get_model("cifar_resnet8_askc", fusion="Rounded")
    with pytest.raises(aff.InputError, match="multiply-adds of the operator round"):
        summarize(net, 32)


def test_a_fusion_may_declare_its_own_multiply_adds(forget):
    class Declared(Rounded):
        def own_multiply_adds(self, shape):
            return 1000 * shape[0]

    aff.register_fusion("Declared")(Declared)
    net = aff.get_model("cifar_resnet8_askc", fusion="Declared")
    rows = {row.name: row for row in summarize(net, 32)}
    assert rows["features.2.0.attention"].multiply_adds == 16_000


def test_what_cannot_stand_in_a_network_is_said(forget):
    class Half(LocalOnly):
        def hybrid_forward(self, F, x, residual):
            return F.slice_axis(x + residual, axis=1, begin=0, end=8)

    aff.register_fusion("Half")(Half)
    with pytest.raises((AssertionError, mx.MXNetError, ValueError)):
        check_fusion("Half")
