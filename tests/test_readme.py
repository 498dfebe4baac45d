"""The README's commands are commands, and its Python runs."""

import importlib
import os
import re
import shlex

import pytest

import aff
from aff.cli import tables, train_cifar, train_imagenet
from aff.cli.main import COMMANDS

from .conftest import ROOT

with open(f"{ROOT}/README.md", encoding="utf-8") as file:
    README = file.read()
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)
LINES = [
    line.split("  #")[0] for language, text in FENCED if not language for line in text.splitlines()
]
PYTHON = [text for language, text in FENCED if language == "python"]


def arguments(prefix):
    return [shlex.split(line[len(prefix) :]) for line in LINES if line.startswith(prefix)]


@pytest.mark.parametrize("words", arguments("python -m aff "), ids=" ".join)
def test_commands(words):
    assert words[0] in COMMANDS
    module = importlib.import_module(f"aff.cli.{words[0].replace('-', '_')}")
    module.build_parser("aff").parse_args(words[1:])


@pytest.mark.parametrize("script", [train_cifar, train_imagenet])
def test_training_commands(script):
    name = script.__name__.rsplit(".", 1)[-1]
    commands = arguments(f"python {name}.py ")
    assert len(commands) >= 2
    for words in commands:
        script.build_parser(name).parse_args(words)


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_examples(code, monkeypatch):
    build = aff.get_model

    def get_model(name, pretrained=False, **kwargs):
        return build(name, **kwargs)  # the published files are not here

    monkeypatch.setattr(aff, "get_model", get_model)
    exec(compile(code, "README.md", "exec"), {})


def test_every_command_is_documented():
    assert len(PYTHON) >= 2
    for name in COMMANDS:
        assert f"python -m aff {name}" in README or f"{name.replace('-', '_')}.py" in README


@pytest.mark.parametrize("name", ["imagenet", "cifar100", "experiment"])
def test_tables_are_what_the_command_prints(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    arguments = ["--table", name, "--format", "markdown", "--root", str(tmp_path)]
    assert tables.main([*arguments, "--logs", "logs"]) == 0
    assert capsys.readouterr().out.strip() in README


def test_pictures_are_here():
    pictures = re.findall(r"!\[.+\]\((.+)\)", README)
    assert len(pictures) >= 2
    assert all(os.path.isfile(f"{ROOT}/{path}") for path in pictures)
