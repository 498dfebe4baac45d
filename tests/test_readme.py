"""The README's commands are commands, and its Python runs."""

import importlib
import re
import shlex

import pytest

import aff
from aff.commands import train_cifar, train_imagenet
from aff.commands.main import COMMANDS

from .conftest import ROOT

with open(f"{ROOT}/README.md", encoding="utf-8") as file:
    README = file.read()
BLOCKS = re.findall(r"^```\n(.*?)^```", README, re.S | re.M)
LINES = [line.split("  #")[0] for block in BLOCKS for line in block.splitlines()]
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.S | re.M)


def arguments(prefix):
    return [shlex.split(line[len(prefix) :]) for line in LINES if line.startswith(prefix)]


@pytest.mark.parametrize("words", arguments("python -m aff "), ids=" ".join)
def test_commands(words):
    assert words[0] in COMMANDS
    module = importlib.import_module(f"aff.commands.{words[0].replace('-', '_')}")
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
