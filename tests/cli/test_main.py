"""``aff`` itself: versions, help, what was meant, a reader that is gone; ``aff completion``."""

import platform
import shlex
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

import aff
from aff.cli.common.parser import closest_flag
from aff.cli.main import build_parser, list_commands, main
from aff.paper.recipes import RECIPES

from ..conftest import run_python
from .conftest import exit_code


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["help"], ["trian"]])
def test_what_needs_no_network_imports_no_mxnet(arguments):
    code = (
        f"import sys; from aff.cli.main import main; main({arguments!r}); "
        "print(sorted({'mxnet', 'gluoncv', 'cv2', 'matplotlib'} & {*sys.modules}))"
    )
    finished = run_python("-c", code)
    assert finished.stdout.splitlines()[-1] == "[]", finished.stderr


def test_the_version_names_what_it_stands_on(capsys):
    assert main(["--version"]) == 0
    said = capsys.readouterr().out
    assert said == (
        f"aff {aff.__version__}, mxnet {mx.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}\n"
    )


@pytest.mark.parametrize("name", ["list", "train-imagenet"])
def test_help_of_a_command(name, capsys):
    assert exit_code(["help", name]) == 0
    said = capsys.readouterr().out
    assert exit_code([name, "--help"]) == 0
    assert capsys.readouterr().out == said
    assert said.startswith(f"usage: aff {name} ")


def test_help_names_every_command(capsys):
    assert main(["help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in list_commands())


@pytest.mark.parametrize(
    "arguments, meant",
    [
        (["trian"], "'train'"),
        (["help", "evalute"], "'evaluate'"),
        (["--fusion", "AFF"], "a COMMAND comes first"),
        (["train-cifar", "--epochs", "5"], "--num-epochs?"),
        (["train-cifar", "--epochs=5"], "--num-epochs?"),
        (["train-imagenet", "--learning-rate", "1"], "--lr?"),
        (["train", "aff_resnet50", "--print", "--epochs", "5"], "--num-epochs?"),
        (["evaluate", "--parms", "x"], "--params?"),
    ],
)
def test_what_was_meant_is_said(arguments, meant, capsys):
    assert exit_code(arguments) == 2
    error = capsys.readouterr().err
    assert meant in error
    assert error.count("\n") == 1


def test_a_flag_like_none_suggests_none():
    flags = build_parser("train-cifar")._option_string_actions
    for word in ("--foo", "--", "-", "other", "---"):
        assert closest_flag(word, flags) is None


@pytest.mark.parametrize("arguments", ["--help", "--version", "train --help", "recipes", "trian"])
def test_a_reader_that_is_gone(arguments, tmp_path):
    command = f"{shlex.quote(sys.executable)} -m aff {arguments}"
    script = f"( {command}; echo $? >&2 ) | true"
    finished = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    *said, code = finished.stderr.splitlines()
    assert said == ([] if arguments != "trian" else said[:1])
    assert code in ("0", "1", "2")


@pytest.fixture(scope="module")
def completion(tmp_path_factory):
    """The script, as ``aff completion bash`` writes it."""
    finished = run_python("-m", "aff", "completion", "bash")
    path = tmp_path_factory.mktemp("completion") / "aff"
    path.write_text(finished.stdout)
    return path


def completed(path, *words):
    """What bash offers for the last of the words."""
    code = f"source {path}; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _aff"
    finished = subprocess.run(
        ["bash", "-c", f'{code}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not finished.stderr
    return finished.stdout.split()


def test_commands_are_completed(completion):
    words = {*list_commands(), "help", "--help", "--version"}
    assert {*completed(completion, "aff", "")} == words
    assert completed(completion, "aff", "eva") == ["evaluate"]
    assert {*completed(completion, "aff", "help", "")} == {*list_commands()}


def test_flags_are_those_of_the_parsers(completion):
    for name in list_commands():
        flags = {*build_parser(name)._option_string_actions}
        assert {*completed(completion, "aff", name, "-")} == flags


@pytest.mark.parametrize(
    "words, offered",
    [
        (["train-cifar", "--seed", "1", "--mode", ""], {"hybrid", "imperative"}),
        (["train-cifar", "--dataset", "cifar"], {"cifar10", "cifar100"}),
        (["evaluate", "--fusion", "Direct"], {"DirectAdd"}),
        (["evaluate", "--params", ""], set()),  # files, which the shell knows
        (["list", ""], {"models", "fusions", "published"}),
        (["train", "cifar10_aff"], {name for name in RECIPES if name.startswith("cifar10_aff")}),
        (["nothing", ""], set()),
    ],
)
def test_values_are_completed(completion, words, offered):
    assert {*completed(completion, "aff", *words)} == offered


def test_zsh_takes_the_same_script(capsys):
    assert main(["completion", "zsh"]) == 0
    said = capsys.readouterr().out
    assert "bashcompinit" in said and "complete -o default -F _aff aff" in said


@pytest.mark.parametrize("where", ["list_commands", "run_command"])
def test_ctrl_c_ends_in_one_line_wherever_it_comes(where, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"aff.cli.main.{where}", interrupted)
    assert main(["list", "models"]) == 130
    assert capsys.readouterr().err == "aff list: error: interrupted\n"
