"""Fusions of features of one to three dimensions, of more than two, of other widths and sizes."""

import functools

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.models.summary import summarize
from aff.nn import Attentive, flat, sequential
from aff.nn import fusion as registry
from aff.nn.checks import check_fusion

from .formulas import FORMULAS, by_channel, check_gradients, post, randomize, run, two_branches

CHANNELS = 8
SIZES = {1: (7,), 2: (5, 3), 3: (3, 2, 4)}
OTHER = {1: (4,), 2: (2, 6), 3: (2, 4, 1)}
#: Logits of the soft selections, by what they see.
LOGITS = {
    **dict.fromkeys(["ResGlobCha", "ResLocaCha"], lambda f, z: run(f.attention, z)),
    **dict.fromkeys(
        ["ASKCFuse", "ResGlobLocaCha", "ResGlobGlobCha", "ResLocaLocaCha"],
        lambda f, z: run(f.local_att, z) + run(f.global_att, z),
    ),
    "SKFuse": lambda f, z: np.subtract(*np.split(run(f.global_att, z), 2, axis=1)),
    **dict.fromkeys(["HalfASKCFuse", "ConcatASKCFuse"], post),
}
IAFF = "ResGlobLocaforGlobLocaCha"
MANY = [*LOGITS, IAFF, "DirectAdd", "Concat", "AXYforXY"]


def draw(sizes, channels=CHANNELS, dtype="float32"):
    widths = channels if isinstance(channels, (tuple, list)) else [channels] * len(sizes)
    return [
        mx.nd.random.normal(scale=0.3, shape=(2, width, *size), dtype=dtype)
        for width, size in zip(widths, sizes)
    ]


def softmax(logits):
    logits = np.array([*logits, 0 * logits[0]])
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


def of_many(name, block, inputs):
    """The fusion of K inputs in NumPy."""
    total = functools.reduce(np.add, inputs)
    if name == "DirectAdd":
        return total
    if name == "Concat":
        return run(block.fuse, np.concatenate(inputs, axis=1))
    if name == "AXYforXY":
        return two_branches(block, total) * total
    fusions = list(block.fusions)
    if name == IAFF:
        first = [run(f.local_att, total) + run(f.global_att, total) for f in fusions]
        u = sum(w * x for w, x in zip(softmax(np.broadcast_arrays(*first)), inputs))
        logits = [run(f.local_att2, u) + run(f.global_att2, u) for f in fusions]
        return sum(w * x for w, x in zip(softmax(logits), inputs))
    logits = [LOGITS[name](f, total) + 0 * total for f in fusions]
    return len(inputs) * sum(w * x for w, x in zip(softmax(logits), inputs))


def interpolated(z, axis, size):
    """Linear interpolation between the centres of positions, along one axis."""
    old = z.shape[axis]
    place = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
    low = np.floor(place).astype(int)
    part = (place - low).reshape([-1 if i == axis else 1 for i in range(z.ndim)])
    high = np.minimum(low + 1, old - 1)
    return np.take(z, low, axis) * (1 - part) + np.take(z, high, axis) * part


def projected(projection, z):
    for layer in projection:
        weight = layer.weight.data().asnumpy()[:, :, 0, 0]
        z = np.einsum("oc,nc...->no...", weight, z) + by_channel(layer.bias, z)
    return z


def check(block, inputs, expected):
    for hybrid in (False, True):
        block.hybridize(hybrid)
        output = block(*inputs).asnumpy()
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize("ndim", [1, 3])
@pytest.mark.parametrize("name", FORMULAS)
def test_features_of_other_dimensions(name, ndim):
    mx.random.seed(0)
    block = randomize(aff.create_fusion(name, CHANNELS, ndim=ndim))
    inputs = draw([SIZES[ndim]] * 2)
    check(block, inputs, FORMULAS[name](block.fusion, *(z.asnumpy() for z in inputs)))
    block.cast("float64")
    check_gradients(block, draw([SIZES[ndim]] * 2, dtype="float64"))


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("name", MANY)
def test_more_than_two_inputs(name, count):
    mx.random.seed(count)
    block = randomize(aff.create_fusion(name, CHANNELS, inputs=count))
    inputs = draw([SIZES[2]] * count)
    check(block, inputs, of_many(name, block.fusion, [z.asnumpy() for z in inputs]))
    block.cast("float64")
    check_gradients(block, draw([SIZES[2]] * count, dtype="float64"))


@pytest.mark.parametrize("name", [*LOGITS, IAFF])
def test_a_soft_selection_of_two_is_the_published_block(name):
    mx.random.seed(0)
    plain = randomize(aff.create_fusion(name, CHANNELS))
    inputs = draw([SIZES[2]] * 2)
    many = aff.nn.SoftSelection([plain])
    np.testing.assert_allclose(
        many(*inputs).asnumpy(), plain(*inputs).asnumpy(), rtol=1e-4, atol=1e-5
    )
    weight, rest = many.weights(*inputs)
    np.testing.assert_allclose(weight.asnumpy(), plain.weight(*inputs).asnumpy(), atol=1e-5)
    np.testing.assert_allclose((weight + rest).asnumpy(), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["AFF", "iAFF", "SKFuse"])
def test_the_native_operator_is_of_two_inputs(name):
    """A network that joins three maps computes by Gluon's operators, and says so."""
    told = registry.form_in_use(sequential(aff.create_fusion(name, 8, inputs=3)))
    of_two = "Gluon's operators (the native one is for two inputs)"
    assert told == (of_two if name in ("AFF", "iAFF") else "")


@pytest.mark.parametrize("form", ["gpu", "reference"])
@pytest.mark.parametrize("name", ["AFF", "iAFF", "SKFuse"])
def test_every_form_selects_alike(name, form):
    mx.random.seed(0)
    block = randomize(aff.create_fusion(name, CHANNELS, inputs=3, ndim=3))
    inputs = draw([SIZES[3]] * 3)
    expected = block(*inputs).asnumpy()
    aff.nn.forms.choose_form(block, form)
    check(block, inputs, expected)


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - set(MANY)))
def test_what_is_of_two_inputs_alone(name):
    with pytest.raises(aff.InputError, match=f"{name} is defined for two inputs"):
        aff.create_fusion(name, CHANNELS, inputs=3)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", ["AFF", "iAFF", "Add", "Concat", "SEFuse"])
def test_other_widths_and_sizes(name, ndim):
    mx.random.seed(ndim)
    widths, sizes = (12, CHANNELS), (SIZES[ndim], OTHER[ndim])
    made = {"in_channels": widths, "resize": True, "ndim": ndim}
    block = randomize(aff.create_fusion(name, CHANNELS, **made))
    inputs = draw(sizes, widths)
    first, second = (projected(*z) for z in zip(block.projections, (i.asnumpy() for i in inputs)))
    for axis, size in enumerate(SIZES[ndim], 2):
        second = interpolated(second, axis, size)
    formula = FORMULAS[registry.resolve_fusion(name)]
    check(block, inputs, formula(block.fusion, first, second))
    block.cast("float64")
    check_gradients(block, draw(sizes, widths, "float64"))
    assert not list(block.projections[1])


def test_three_of_other_widths_and_sizes():
    block = randomize(aff.create_fusion("iAFF", 8, inputs=3, in_channels=(4, 8, 6), resize=True))
    block.hybridize()
    assert block(*draw([(6, 6), (3, 3), (12, 2)], (4, 8, 6))).shape == (2, 8, 6, 6)
    assert block(*draw([(4, 5), (8, 1), (4, 5)], (4, 8, 6))).shape == (2, 8, 4, 5)


def test_the_plain_block_is_what_it_was():
    assert type(aff.create_fusion("AFF", 8, ndim=2, inputs=2, in_channels=None)) is aff.nn.AFF
    names = {key.split(".", 1)[1] for key in parameters(aff.create_fusion("AFF", 8, ndim=3))}
    assert names == set(parameters(aff.create_fusion("AFF", 8)))


def parameters(block):
    return block._collect_params_with_prefix()


def test_published_parameters_fit_features_of_other_dimensions(tmp_path):
    plain = randomize(aff.create_fusion("AFF", CHANNELS))
    plain.save_parameters(str(tmp_path / "fusion.params"))
    block = aff.create_fusion("AFF", CHANNELS, ndim=1)
    block.fusion.load_parameters(str(tmp_path / "fusion.params"))
    x, y = draw([(6,)] * 2)
    expected = plain(x.expand_dims(3), y.expand_dims(3)).squeeze(axis=3)
    np.testing.assert_allclose(block(x, y).asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "made, named",
    [
        ({"ndim": 4}, "ndim"),
        ({"ndim": "2"}, "ndim"),
        ({"ndim": True}, "ndim"),
        ({"inputs": 1}, "inputs"),
        ({"inputs": 2.0}, "inputs"),
        ({"in_channels": 8}, "in_channels"),
        ({"in_channels": (8, 8, 8)}, "in_channels"),
        ({"in_channels": (8, 0)}, "in_channels"),
        ({"in_channels": (8, "8")}, "in_channels"),
        ({"resize": 1}, "resize"),
    ],
)
def test_arguments_that_cannot_be(made, named):
    with pytest.raises(aff.InputError, match=named):
        aff.create_fusion("AFF", 8, **made)


@pytest.mark.parametrize(
    "made, shapes, named",
    [
        ({"inputs": 3}, [(2, 8, 4, 4)] * 2, "inputs=3"),
        ({"ndim": 1}, [(2, 8, 4, 4)] * 2, "ndim=1"),
        ({"in_channels": (8, 4)}, [(2, 8, 4, 4)] * 2, "8, 4 channels"),
        ({"in_channels": (8, 4)}, [(2, 8, 4, 4), (2, 4, 2, 4)], "resize=True"),
        ({"resize": True}, [(2, 8, 4, 4), (1, 8, 2, 2)], "one batch"),
    ],
)
@pytest.mark.parametrize("hybrid", [False, True])
def test_features_that_do_not_fit(made, shapes, named, hybrid):
    block = aff.create_fusion("Add", 8, **made)
    block.initialize()
    block.hybridize(hybrid)
    with pytest.raises(aff.InputError, match=named):
        block(*(mx.nd.zeros(shape) for shape in shapes))


class Neighbours(Attentive):
    """Soft selection by a 3x3 convolution."""

    def __init__(self, channels, r, norm):
        super().__init__()
        with self.name_scope():
            self.attention = sequential(
                mx.gluon.nn.Conv2D(channels, 3, padding=1, in_channels=channels)
            )

    def logits(self, F, z):
        return flat(F, self.attention(z))


def test_fusions_from_outside(monkeypatch):
    monkeypatch.setattr(registry, "_FUSIONS", dict(registry._FUSIONS))
    aff.register_fusion("Neighbours")(Neighbours)
    check_fusion("Neighbours")
    with pytest.raises(aff.InputError, match="ndim=2 alone"):
        aff.create_fusion("Neighbours", 8, ndim=3)
    block = randomize(aff.create_fusion("Neighbours", 8, inputs=3))
    assert block(*draw([(4, 4)] * 3)).shape == (2, 8, 4, 4)

    class Own(Neighbours):
        def hybrid_forward(self, F, x, residual):
            return x * residual

    aff.register_fusion("Own")(Own)
    with pytest.raises(aff.InputError, match="two inputs"):
        aff.create_fusion("Own", 8, inputs=3)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_float16_stays_float16(ndim):
    block = aff.create_fusion("iAFF", 8, ndim=ndim, inputs=3, in_channels=(8, 4, 8), resize=True)
    block.cast("float16")
    output = block(*map(mx.sym.var, "xyz"))
    _, (found,), _ = output.infer_type(x="float16", y="float16", z="float16")
    assert found == np.float16


class Joined(mx.gluon.HybridBlock):
    """A network of one fusion of three features of an image, of other widths and sizes."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.small = mx.gluon.nn.Conv2D(4, 3, 2, 1, in_channels=3)
            self.fusion = aff.create_fusion("iAFF", 8, inputs=3, in_channels=(3, 4, 3), resize=True)

    def hybrid_forward(self, F, x):
        return self.fusion(x, self.small(x), x)


def test_the_count_knows_them():
    rows = {row.name: row for row in summarize(Joined(), 8)}
    assert rows["fusion.projections.1.0"].multiply_adds == 4 * 8 * 16
    assert rows["fusion.fusion"].multiply_adds > 0
    assert rows["fusion.fusion.fusions.1.local_att.0"].multiply_adds == 8 * 2 * 64
