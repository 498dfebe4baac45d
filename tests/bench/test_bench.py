"""What `aff bench` measures is what it says."""

import json
import re
from dataclasses import asdict
from functools import partial

import mxnet as mx
import numpy as np
import pytest

from aff.bench import loaders, networks
from aff.bench.networks import Case, inference, peak_memory, training
from aff.bench.progress import Progress
from aff.bench.timing import interleaved, rate
from aff.cli import bench
from aff.cli.bench import find_cases
from aff.cli.main import main
from aff.models.records import WEIGHTS
from aff.nn import fusion as registry
from aff.nn.fusion import form_in_use
from aff.nn.native.operator import why_not
from aff.nn.reference import REFERENCE, make_literal
from aff.training.batching import batch_arguments
from aff.utils.errors import RunError

from ..cli.conftest import config_of

TINY = Case("cifar_resnet8_askc", {"classes": 4}, 4, 8)


@pytest.fixture
def one_call(monkeypatch):
    """Each value is of one call, however short: what is measured is seen, not how fast it is."""
    for module in (loaders, networks):
        monkeypatch.setattr(module, "interleaved", partial(interleaved, seconds=0))
    little = partial(loaders.in_memory, count=loaders.BATCH)
    monkeypatch.setattr(loaders, "in_memory", little)


@pytest.fixture(scope="module")
def little():
    """Peak memory in training the smallest network."""
    return peak_memory(TINY, ["Add"])["Add"]


def test_the_form_of_a_fusion_is_what_its_name_says():
    for name in ("AFF", "iAFF"):
        forms = [form_in_use(TINY.network(name + end, mx.cpu())) for end in ("", ":gluon")]
        assert forms == ["native" if not why_not() else forms[0], forms[1]]
        assert forms[1].startswith("Gluon's operators")
        assert form_in_use(TINY.network(f"{name}:literal", mx.cpu())) == ""
    assert form_in_use(TINY.network("Add:gluon", mx.cpu())) == ""


@pytest.mark.parametrize("fusion", ["AFF", "iAFF"])
def test_the_literal_formulas_are_the_same_function(fusion):
    """Outputs, and gradients of all parameters, in float64."""
    found = []
    x = mx.nd.random.normal(shape=(4, 3, 16, 16), dtype="float64")
    for literal in (False, True):
        net = TINY.network(fusion, mx.cpu())
        if literal:
            assert make_literal(net) == 3
        net.cast("float64")
        net.hybridize(static_alloc=True)
        with mx.autograd.record():
            output = net(x)
            loss = (output * output).sum()
        loss.backward()
        gradients = {
            name: parameter.grad().asnumpy()
            for name, parameter in net._collect_params_with_prefix().items()
            if parameter.grad_req != "null"
        }
        found.append((output.asnumpy(), gradients))
    (ours, ours_gradients), (theirs, theirs_gradients) = found
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert set(ours_gradients) == set(theirs_gradients)
    for name, value in ours_gradients.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(value, theirs_gradients[name], atol=1e-7 * scale + 1e-12)


def test_actions_take_turns_and_first_calls_do_not_count():
    calls = []
    taken = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, 3, 0)
    assert {name: len(values) for name, values in taken.items()} == {"a": 3, "b": 3}
    assert "".join(calls) == "aabb" + "ab" + "ba" + "ab"
    assert rate(10, [2.0, 1.0, 5.0]) == 5


def test_nothing_is_told_while_something_is_timed():
    """What watches the rounds is called before the first call and between rounds only."""
    order = []

    def watch(rounds):
        order.append("begin")
        for number in rounds:
            yield number
            order.append("round")

    actions = {name: lambda name=name: order.append(name) for name in "ab"}
    interleaved(actions, 2, 0, lambda rounds: (order.append("shown"), watch(rounds))[1])
    assert order == ["shown", *"aabb", "begin", *"ab", "round", *"ba", "round"]


def test_a_bar_of_the_rounds_is_drawn_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    watch = Progress(2).begin("small, training")
    drawn = []
    for _ in watch(range(3)):
        drawn.append(capsys.readouterr().err.count("done:"))
    assert drawn == [1, 1, 1]  # none is missing, none comes by itself


def test_a_segmentation_network_trains_on_pixels(one_call):
    case = Case("fpn_cifar_resnet8_askc", {"classes": 3}, 2, 8)
    data, labels = case.batch(3)
    assert data.shape == (2, 3, 8, 8) and labels.shape == (2, 8, 8) and labels.max() == 2
    assert training(case, ["AFF"], mx.cpu(), 1)["AFF"] > 0


def test_figures_of_a_network(one_call, little):
    trained = training(TINY, ["Add", "AFF", "AFF:literal"], mx.cpu(), 1)
    assert list(trained) == ["Add", "AFF", "AFF:literal"]
    assert min(trained.values()) > 0
    inferred = inference(TINY, ["Add"], mx.cpu(), 1)
    assert set(inferred) == {"Add", "Add, optimized"}
    assert 0.1 < little < 4


@pytest.mark.slow
def test_memory_grows_with_the_batch(little):
    assert peak_memory(Case("cifar_resnet8_askc", {}, 512, 32), ["Add"])["Add"] > 1.5 * little


@pytest.mark.slow
def test_a_network_that_does_not_train_is_said():
    with pytest.raises(RunError, match="cifar_resnet8_askc with Add does not train here: .*norm"):
        peak_memory(Case("cifar_resnet8_askc", {"norm_kwargs": {"norm": 1}}, 4, 8), ["Add"])


def run(capsys, *arguments):
    code = main(["bench", *map(str, arguments), "--cpus", "1"])
    return code, capsys.readouterr()


def test_the_command(capsys, tmp_path, one_call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "found.json"
    code, said = run(
        capsys,
        *("cifar_resnet8_askc", "--rounds", 1, "--batch-size", 4, "--input-size", 16),
        *("--only", "training", "inference", "loaders", "--fusions", "Add", "iAFF:literal"),
        *("--json", path),
    )
    assert code == 0, said.err
    for part in (
        "loaders, in memory",
        "Gluon's transforms, one thread",
        "cifar_resnet8_askc: cifar_resnet8_askc, batch 4, 16 pixels",
        "iAFF:literal, optimized",
        "bottleneck: the ",
    ):
        assert part in said.out
    found = json.loads(path.read_text())
    rates = found["networks"]["cifar_resnet8_askc"]["training"]
    line = next(line for line in said.out.splitlines() if line.startswith("  Add  "))
    assert f" {rates['Add']:.1f} (1.00)" in line
    name = "cifar_resnet8_askc"
    assert said.err.splitlines() == [
        "measuring 1 of 3: loaders, in memory",
        f"measuring 2 of 3: {name}, training (Add, iAFF:literal)",
        f"measuring 3 of 3: {name}, inference (Add, iAFF:literal)",
    ]
    assert all(len(line) <= 80 for line in said.out.splitlines())
    assert found["networks"]["cifar_resnet8_askc"]["case"]["batch_size"] == 4


def test_a_network_of_photographs_is_compared_with_the_loaders_of_files(
    monkeypatch, capsys, one_call
):
    monkeypatch.setattr(loaders, "PHOTOS", 8)
    segmenter = Case("fpn_cifar_resnet8_askc", {}, 1, 64)
    assert bench.kinds_of_loaders({"x": segmenter}) == {}
    loaded = bench.measure_loaders({"x": Case("resnet50_v1b_askc", {}, 1, 64)}, 1, Progress(1))
    assert list(loaded) == ["from files, 64 pixels"]
    for name in ("folders, -j 0", ".rec file, -j 1", "ImageRecordIter, 1 threads"):
        assert name in loaded["from files, 64 pixels"]
    assert any(name.endswith("with all of these") for name in loaded["from files, 64 pixels"])
    assert min(loaded["from files, 64 pixels"].values()) > 0


@pytest.mark.parametrize(
    "trained, expected",
    [
        (10.0, "the network: -j 2 gives 100 images/s, with all of today's recipe 50, 10.0 and 5.0"),
        (80.0, "the loader, with today's recipe: -j 2 gives 100 images/s"),
        (400.0, "the loader: -j 2 gives 100 images/s"),
    ],
)
def test_the_bottleneck(trained, expected):
    loaded = {
        "in memory": {
            "-j 1": 90.0,
            "-j 2": 100.0,
            "-j 2, with erasing": 500.0,
            "-j 2, with all of these": 50.0,
            "Gluon's transforms, one thread": 1e6,
        }
    }
    said = bench.bottleneck({"AFF": 1.0, "Add": trained}, TINY, loaded)
    assert expected in said
    assert said.endswith(f"times the {trained:.0f} that Add trains")


def test_memory_of_a_fusion_of_ones_own(tmp_path, monkeypatch, capsys):
    """The process that is measured imports it too; one that fails leaves the other figures."""
    (tmp_path / "bench_fusions.py").write_text(
        "import aff\nfrom aff.nn import DirectAdd\n"
        "aff.register_fusion('Mine')(type('Mine', (DirectAdd,), {}))\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("_FUSIONS", "_ALIASES"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    arguments = ["bench", "small", "--import", "bench_fusions", "--only", "memory", "training"]
    monkeypatch.setattr(bench, "training", lambda case, fusions, *_: dict.fromkeys(fusions, 1.0))
    flags = ["--fusions", "Mine", "--batch-size", "4", "--rounds", "1", "--cpus", "1"]
    assert main([*arguments, *flags]) == 0
    assert re.search(r"Mine +1\.0 \(1\.00\) +\d\.\d\d GB", capsys.readouterr().out)
    monkeypatch.setattr(bench, "peak_memory", fails)
    assert main([*arguments, *flags, "--json", "it.json"]) == 0
    said = capsys.readouterr()
    assert "memory: it does not fit" in said.err and "Mine" in said.out
    assert json.loads((tmp_path / "it.json").read_text())["command"].startswith("aff bench small")


def fails(*_):
    raise RunError("it does not fit")


def test_todays_recipe_is_what_is_measured(one_call, monkeypatch):
    """Part by part, by the flags that switch it on."""
    made = []
    loader = loaders.TrainLoader

    def watched(*args, **settings):
        made.append(settings)
        return loader(*args, **settings)

    monkeypatch.setattr(loaders, "TrainLoader", watched)
    rates = loaders.in_memory([0], 1)
    parts = ["RandAugment", "erasing", "CutMix", "all of these"]
    assert list(rates)[:-1] == ["-j 0", *(f"-j 0, with {part}" for part in parts)]
    flags = "--rand-aug 2 9 --random-erasing 0.25 --cutmix-alpha 1 --mixup-cutmix-prob 1"
    config = config_of("cifar", ["--dataset", "cifar10", *flags.split()])
    on = batch_arguments(config, 1)["extras"]
    everything = [settings["extras"] for settings in made if settings["extras"].cutmix_alpha]
    assert asdict(everything[-1]) == {**asdict(on), "rand_aug": tuple(on.rand_aug)}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["no_such_network"], "unknown model 'no_such_network'"),
        (["small", "--fusions", "Ad"], "unknown fusion 'Ad': did you mean 'Add'"),
        (["small", "--only", "training", "--fusions", "Ad:literal"], "unknown fusion 'Ad'"),
        (["small", "--only", "training", "--fusions", "SEFuse:literal"], "SEFuse:literal"),
        (["small", "--fusions", "Add", "SEFuse:literal"], "SEFuse:literal: aff.nn.reference has"),
        (["small", "--json", "nowhere/it.json"], "--json nowhere/it.json: "),
        (["small", "--json", "it.txt"], "--json it.txt: "),
        (["small", "--runtimes", "--only", "memory"], "--only: not beside --runtimes"),
        (["small", "--runtimes", "--batch-size", "8"], "--batch-size: not beside --runtimes"),
        (["small", "--runtimes", "--gpus", "0"], "--gpus: not beside --runtimes"),
        (["small", "--runtimes", "--fusions", "AFF:gluon"], "AFF:gluon: no runtime but mxnet"),
        (
            ["fpn_cifar_resnet14_askc", "--only", "loaders"],
            "--only loaders: nothing of these networks",
        ),
    ],
)
def test_mistakes(capsys, arguments, message, monkeypatch):
    """All are told before anything is measured."""
    monkeypatch.delitem(REFERENCE, "SEFuse")
    code, said = run(capsys, *arguments)
    assert (code, said.err.count("\n"), said.out) == (2, 1, "")
    assert message in said.err


def test_a_published_name_is_the_published_network():
    for name, case in find_cases(["cifar10_aff_resnet32", "gen2_aff_resnet50"], [], {}).items():
        record = WEIGHTS[name]
        assert (case.model, {**case.kwargs, "fusion": "ASKCFuse"}) == (record.model, record.kwargs)


def test_it_measures_one_device(capsys):
    assert main(["bench", "small", "--cpus", "2"]) == 2
    assert "measures one device" in capsys.readouterr().err
