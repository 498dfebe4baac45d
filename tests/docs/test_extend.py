"""docs/extend.md, followed as it stands."""

import os
import re
import shlex
import shutil
import sys

import pytest

from aff.cli.main import build_parser, import_extensions, main, run_command
from aff.data import datasets
from aff.models import registry
from aff.nn import fusion
from aff.utils.params_file import ArrayFile

from ..conftest import ROOT, run_python

with open(f"{ROOT}/docs/extend.md", encoding="utf-8") as page:
    PAGE = page.read()
SECTIONS = dict(re.findall(r"^## (A [a-z ]+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
SMALL = shlex.split("--cpus 1 --smoke --batch-size 8 --blocks 1 --channel-times 1")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
LINES = [
    line for language, block in FENCE.findall(PAGE) if not language for line in block.splitlines()
]
COMMAND = next(block for _, block in FENCE.findall(PAGE) if "aff hello" in block)


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """The page's modules, in an empty folder; what they register is gone after the test."""
    for text in re.findall(r"^```python\n(# (my_\w+)\.py\n.*?)^```", PAGE, re.M | re.S):
        (tmp_path / f"{text[1]}.py").write_text(text[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fusion, "_FUSIONS", dict(fusion._FUSIONS))
    monkeypatch.setattr(fusion, "_ALIASES", dict(fusion._ALIASES))
    monkeypatch.setattr(registry, "FAMILIES", list(registry.FAMILIES))
    before = dict(datasets.DATASETS)
    yield tmp_path
    datasets.DATASETS.clear()
    datasets.DATASETS.update(before)
    for name in [name for name in sys.modules if name.startswith("my_")]:
        del sys.modules[name]


def train_cifar(*arguments):
    return run_command("train-cifar", [*arguments, *SMALL], prog="train_cifar.py")


def test_the_commands_are_commands(modules):
    assert len(LINES) >= 8
    for line in LINES:
        words = shlex.split(line)
        assert words[0] == "python"
        if words[1] == "-m":
            name, arguments = words[3], words[4:]
        else:
            name, arguments = words[1][:-3].replace("_", "-"), words[2:]
        module = arguments[arguments.index("--import") + 1]
        import_extensions([module])
        build_parser(name).parse_args(arguments)


def test_a_fusion_trains_by_name(modules, capsys):
    assert (
        train_cifar("--import", "my_fusions", "--fusion", "LocalOnly", "--dataset", "digits") == 0
    )
    assert "fusion LO (LocalOnly)" in capsys.readouterr().out
    assert main(["list", "fusions", "--import", "my_fusions"]) == 0
    assert re.search(r"LocalOnly +LO +Soft selection by one local", capsys.readouterr().out)
    summary = ["summary", "resnet50_v1b_askc", "--import", "my_fusions", "--fusion", "LO"]
    assert main(summary) == 0
    assert "fusion LO" in capsys.readouterr().out
    check = re.search(r"^```python\n(import my_fusions\n.*?)^```", PAGE, re.M | re.S).group(1)
    exec(check, {})


def test_a_fusion_is_drawn(modules):
    flags = "--import my_fusions --fusion LO --dataset digits --cpus 1 --num-epochs 1 --blocks 1"
    kept = f"{flags} --channel-times 1 --batch-size 700 --save-dir run".split()
    assert run_command("train-cifar", kept, prog="train_cifar.py") == 0
    assert "features.2.0.attention.local_att.0.weight" in ArrayFile("run/best.params").shapes
    command = "cam --import my_fusions --params run/best.params --index 0 1"
    assert main(shlex.split(command)) == 0
    assert (modules / "cam.png").read_bytes().startswith(b"\x89PNG")
    for name in ("predict", "features"):
        command = [name, "--import", "my_fusions", "cam.png", "run"]
        assert main(command) == 0


def test_a_backbone_trains_by_name(modules, capsys):
    arguments = "--import my_networks --model plain8 --dataset digits --cpus 1 --smoke"
    command = [*arguments.split(), "--batch-size", "8"]
    assert run_command("train-cifar", command, prog="train_cifar.py") == 0
    assert "network   plain8, fusion AFF (ASKCFuse)" in capsys.readouterr().out
    assert main(["summary", "plain8", "--import", "my_networks"]) == 0
    assert train_cifar("--import", "my_networks", "--model", "plain9", "--dataset", "digits") == 2
    assert "the depth of plain<depth> must be 6b+2" in capsys.readouterr().err


def test_a_data_set_trains_and_is_evaluated(modules, capsys):
    flags = "--import my_data --dataset stripes --blocks 1 --channel-times 1 --batch-size 20"
    kept = f"{flags} --cpus 1 --num-epochs 1 --lr 0.05 --save-dir run".split()
    assert run_command("train-cifar", kept, prog="train_cifar.py") == 0
    text = capsys.readouterr().out
    assert "data      stripes: 200 train, 50 test images, from its reader" in text
    command = re.search(r"evaluate again .* -m aff (.+)$", text, re.M).group(1)
    assert "--import my_data" in command
    assert main(shlex.split(command)) == 0
    assert "50 images, each once" in capsys.readouterr().out


def test_a_fusion_that_no_network_can_make(modules, capsys):
    text = (modules / "my_fusions.py").read_text()
    (modules / "my_fusions.py").write_text(
        text.replace("self, channels, r, norm", "self, channels")
    )
    assert train_cifar("--import", "my_fusions", "--fusion", "LO", "--dataset", "digits") == 2
    assert "LocalOnly must be made of (channels, r, norm)" in capsys.readouterr().err


def test_a_module_that_is_not_there(modules, capsys):
    assert train_cifar("--import", "my_mistake", "--dataset", "digits") == 2
    error = capsys.readouterr().err
    assert "--import my_mistake: ModuleNotFoundError" in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_setting_and_a_command_in_the_package(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(f"{ROOT}/aff", copy / "aff")
    for script in ("train_cifar.py", "train_imagenet.py"):
        shutil.copy(f"{ROOT}/{script}", copy)
    field = re.search(r"^ +(clip: .*)$", SECTIONS["A setting"], re.M).group(1)
    fields = copy / "aff" / "training" / "fields_run.py"
    marker = "    num_epochs: int"
    fields.write_text(fields.read_text().replace(marker, f"    {field}\n{marker}", 1))
    command = re.search(
        r"^```python\n(\"\"\"``aff hello``.*?)^```", SECTIONS["A command"], re.M | re.S
    )
    (copy / "aff" / "cli" / "hello.py").write_text(command.group(1))
    run = {"cwd": copy, "PYTHONPATH": str(copy)}
    for script in ("train_cifar.py", "train_imagenet.py"):
        assert "--clip CLIP" in run_python(script, "--help", **run).stdout
    flags = "--dataset digits --blocks 1 --channel-times 1 --cpus 1 --num-epochs 1 --batch-size 700"
    again = ["train_cifar.py", *flags.split(), "--save-dir", "run", "--resume", "auto"]
    assert run_python(*again, "--clip", "2", **run).returncode == 0
    assert '"clip": 2.0' in (copy / "run" / "settings.json").read_text()
    refused = run_python(*again, "--clip", "3", **run)
    assert refused.returncode == 2
    assert "clip 2.0 -> 3.0" in refused.stderr
    assert run_python("train_cifar.py", "--clip", "-1", **run).returncode == 2
    assert run_python("-m", "aff", "hello", "you", **run).stdout == "hello, you\n"
    assert "hello          greet somebody" in run_python("-m", "aff", "--help", **run).stdout
    assert os.path.isdir(copy)
