"""Every flag of every command, with nonsense and with sense in random company: always a run, or one
line and exit code 2, never a traceback, and nothing on the disk.

A run's way ends where it would be built; up to there all is real. The slow tests try five times as
many examples; the long form, 5,000 a command:

    AFF_FUZZ_EXAMPLES=5000 python -m pytest tests/cli/test_fuzz.py
"""

import argparse
import contextlib
import importlib
import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aff.cli import main, summary
from aff.cli.common import image_paths, training
from aff.models import pretrained

from ..conftest import PHOTOGRAPH, run_python

EXAMPLES = int(os.environ.get("AFF_FUZZ_EXAMPLES", "20"))

NONSENSE = [
    *("", " ", "0", "-1", "1", "2", "3", "1.5", "nan", "inf", "-inf", "1e999", "1e-400"),
    *("99999999999999999999", "abc", "0,0", "1,2,x", "300,20", "5,", ",", "/nonexistent", "."),
    *("ünïcode", "a b", "--", "auto", "cpu", "DirectAdd", "'", "%s", "{0}", "None", "True"),
]
#: Commands with words that make sense, and their share of the examples.
PLAIN = {
    "evaluate": (["aff-resnet50-v1b", "resnet"], 1.0),
    "list": (["models", "fusions", "published", "nothing"], 0.5),
    "summary": (["resnet50_v1b_askc", "cifar_resnet20_askc"], 1.0),
    "fetch": (["nothing", "all"], 1.0),
    "prepare": (["/nonexistent", "/proc/none"], 1.0),
    "make-masks": (["/nonexistent/instances.json", "/etc/passwd"], 0.5),
    "make-scenes": (["/nonexistent/out", "/proc/none"], 0.25),
    "launch": (["true"], 1.0),
    "bench": (["small", "cifar", "resnet50_v1b_askc", "nothing"], 0.5),
    "experiment": (["ablation", "nothing"], 0.5),
    "tables": ([], 0.5),
    "plot": (["/etc/passwd", "nowhere"], 0.5),
    "cam": (["photo.jpg"], 0.5),
    "browse": (["digits", "imagenet", "/etc", "nowhere.rec"], 1.0),
    "compare": (["/etc", "nowhere"], 0.5),
    "predict": ([PHOTOGRAPH, "aff_resnet50", "it.params"], 1.0),
    "features": ([PHOTOGRAPH, "aff_resnet50", "it.params"], 0.5),
    "export": (["fashion_mnist_aff_resnet8", "nothing", "it.safetensors"], 1.0),
}
#: Commands that take words alone, each with one that makes sense.
WORDS = {"check": "params", "completion": "bash", "recipes": "aff_resnet50", "vectors": "out"}


class Reached(Exception):
    """A run would start now."""


def reached(*_, **__):
    raise Reached


def flags_of(command):
    """Flags of a command, each with whether it takes a value, and values that make sense."""
    return [
        (option, action.nargs != 0, [*map(str, action.choices or []), *sensible(action.default)])
        for action in main.build_parser(command)._actions
        if not isinstance(action, argparse._HelpAction)
        for option in action.option_strings[-1:]
    ]


def sensible(default):
    """Values near a default."""
    if isinstance(default, (int, float)):
        return [str(default), str(default // 2 or 1), str(default + 1)]
    return [str(default)] if default and default is not argparse.SUPPRESS else ["1", "2"]


def arguments(command, words=()):
    """Command lines of up to four flags and two words."""

    def flag(choice):
        option, takes_value, values = choice
        if not takes_value:
            return st.just([option])
        good, bad = st.sampled_from(values), st.sampled_from(NONSENSE)
        return st.one_of(good, good, good, bad).map(lambda value: [option, value])

    flags = flags_of(command)
    assert flags
    one = st.sampled_from(flags).flatmap(flag)
    word = st.sampled_from([*words * 3, *NONSENSE]).map(lambda value: [value])
    lists = st.lists(one, max_size=4)
    if words:
        lists = st.tuples(lists, st.lists(word, max_size=2)).map(lambda pair: pair[0] + pair[1])
    return lists.map(lambda parts: [part for group in parts for part in group])


def words(command):
    """Command lines of up to two words."""
    word = st.sampled_from([WORDS[command], *NONSENSE])
    return st.lists(word, max_size=2).map(lambda argv: [command, *argv])


def outcome(argv):
    """Exit code and error output of a command, or None where its run would start."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main.main(argv)
        except Reached:
            return None, ""
        except SystemExit as exit_:
            code = exit_.code
    return code, errors.getvalue()


def check(argv, folder, *others):
    """The errors are those of the command, or of one of the others that it hands on to."""
    before = sorted(os.listdir(folder))
    code, errors = outcome(argv)
    assert code in (None, 0, 2), (argv, errors)
    if code == 2:
        assert errors.count("\n") == 1, (argv, errors)
        said = [f"{name}: error: " for name in (f"aff {argv[0]}", *others)]
        start = next((start for start in said if errors.startswith(start)), None)
        assert start, (argv, errors)
        assert len(errors) > len(start) + 10, (argv, errors)
    assert "Traceback" not in errors
    assert sorted(os.listdir(folder)) == before, (argv, "left files behind")


@pytest.fixture(scope="module", autouse=True)
def nothing_runs():
    """Where a run, a table, a download or a job would start, the way ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "network_for", reached)
        patch.setattr(training, "print_summary", reached)
        patch.setattr(pretrained, "fetch", reached)
        patch.setattr(image_paths, "load", reached)
        for name, ways in {
            "launch": ("submit",),
            "summary": ("print_summary",),
            "fetch": ("fetch",),
            "list": ("costs",),
            "bench": ("measure_loaders", "measure_network", "compare_runtimes"),
            "export": ("export_network", "from_pytorch"),
            "vectors": ("write_vectors",),
            "experiment": ("start",),
            "make_scenes": ("make_scenes",),
            "plot": ("draw",),
            "cam": ("load_network",),
            "browse": ("open_source",),
            "tables": ("build",),
        }.items():
            for way in ways:
                patch.setattr(importlib.import_module(f"aff.cli.{name}"), way, reached)
        yield


def fuzz(strategy, share=1.0):
    return lambda test: settings(
        max_examples=int(EXAMPLES * share),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )(given(argv=strategy)(test))


@fuzz(arguments("train-cifar"))
def test_train_cifar(elsewhere, argv):
    check(["train-cifar", "--dataset", "digits", *argv], elsewhere)


@fuzz(arguments("train-imagenet"))
def test_train_imagenet(elsewhere, data, argv):
    given_data = ["--data-dir", str(data)] if "--data-dir" not in argv else []
    check(["train-imagenet", *given_data, "--batch-size", "4", *argv], elsewhere)


@fuzz(arguments("train-seg"))
def test_train_seg(elsewhere, masked, argv):
    given_data = ["--data-dir", str(masked)] if "--data-dir" not in argv else []
    check(["train-seg", *given_data, "--batch-size", "2", *argv], elsewhere)


@pytest.mark.parametrize("command", PLAIN)
def test_command(elsewhere, command):
    words_of_it, share = PLAIN[command]

    @fuzz(arguments(command, words_of_it), share)
    def try_it(argv):
        check([command, *argv], elsewhere)

    try_it()


@fuzz(arguments("train", ["aff_resnet50", "cifar10_aff_resnet32", "nothing"]), 0.5)
def test_train(elsewhere, argv):
    check(["train", *argv], elsewhere, "aff train-cifar", "aff train-imagenet")


@fuzz(st.sampled_from(sorted(WORDS)).flatmap(words))
def test_commands_without_flags(elsewhere, argv):
    check(argv, elsewhere)


def test_no_command_is_left_out():
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    for name in main.list_commands():
        assert name in WORDS or name in PLAIN or f'check(["{name}", ' in text


CONTRADICTIONS = [
    ("train-cifar", "--warmup-epochs 9 --num-epochs 5"),
    ("train-cifar", "--lr-decay-epoch 5,3,x"),
    ("train-cifar", "--batch-size 100000"),
    ("train-cifar", "--cpus 64 --batch-size 128"),
    ("train-cifar", "--gpus 0,0"),
    ("train-cifar", "--resume-epoch 3"),
    ("train-cifar", "--resume-states x"),
    ("train-cifar", "--resume-params nowhere"),
    ("train-cifar", "--resume-changed"),
    ("train-cifar", "--resume-params x --resume-epoch 400"),
    ("train-imagenet", "--resume-params nowhere --resume-epoch 180"),
    ("train-imagenet", "--resume-states x"),
    ("train-imagenet", "--accept-pickled-states"),
    ("train-imagenet", "--use-rec --data-dir ."),
    ("train-imagenet", "--rec-train x"),
    ("train-imagenet", "--num-gpus 2"),
    ("train-imagenet", "--num-gpus 0 --dtype float16"),
    ("train-imagenet", "--teacher nonsense"),
    ("train-imagenet", "--teacher-params x"),
    ("train-imagenet", "--kvstore dist_sync"),
    ("train-imagenet", "--max-bad-records 2"),
    ("train-imagenet", "--crop-ratio 0"),
    ("train-imagenet", "--batch-size 10"),
    ("train-seg", "--data-dir nowhere"),
    ("train-seg", "--crop-size 30"),
    ("train-seg", "--scale 2 1"),
    ("train-seg", "--batch-size 10"),
    ("train-seg", "--model resnet"),
    ("train-seg", "--mixup"),
    ("train-seg", "--val-split 0.9 --batch-size 2"),
]


@pytest.mark.parametrize("command, text", CONTRADICTIONS)
def test_contradictions(command, text, elsewhere, data, masked):
    base = ["--dataset", "digits"] if command == "train-cifar" else []
    if command == "train-seg" and "--data-dir" not in text:
        base = ["--data-dir", str(masked)]
    if command == "train-imagenet" and "--data-dir" not in text and "rec" not in text.split()[0]:
        base = ["--data-dir", str(data)]
    code, errors = outcome([command, *base, *text.split()])
    assert code == 2, errors
    assert errors.count("\n") == 1
    assert not os.listdir(elsewhere)


def test_the_summary_is_a_way_that_ends(elsewhere):
    assert summary.print_summary is reached
    assert outcome(["summary", "resnet50_v1b_askc"]) == (None, "")


@pytest.mark.slow
def test_with_more_examples():
    finished = run_python(
        *("-m", "pytest", __file__, "-m", "not slow", "-p", "no:cacheprovider"),
        AFF_FUZZ_EXAMPLES="100",
    )
    assert finished.returncode == 0, finished.stdout
