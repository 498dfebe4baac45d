"""What ``train_cifar.py`` says to arguments, machines and installations that cannot serve."""

import mxnet as mx
import pytest

import aff

from ..conftest import ROOT, assert_one_line_error, run_python
from .conftest import config_of, train

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            "--model resnet50",
            "unknown model 'resnet50': did you mean 'resnet'? valid: resnet, resnext29_32x4d",
        ),
        ("--model resnext30_32x4d", "must be 9b+2"),
        ("--model resnext29_32x4d --blocks 3", "--blocks is not for --model resnext29_32x4d"),
        ("--model resnext29_32x4d --channel-times 3", "--channel-times is not for"),
        ("--fusion AAF", "unknown fusion 'AAF'"),
        ("--summary --smoke", "--summary and --smoke are two things to do: give one"),
        ("--dtype float16", "float16 needs a GPU"),
        ("--batch-size 1500", "more than the 1438 training images"),
        ("--labels coarse", "--labels is for cifar100"),
        ("--data-dir /tmp", "come with the package"),
        ("--gpus 0,0 ", "distinct numbers"),
        ("--start-layer 5", "start_layer of cifar_resnet32_askc must be 1 to 4"),
        ("--model resnet29_v1b", "unknown model"),
        ("--model resnet50_v1b_askc", "valid: resnet, resnext29_32x4d"),
        ("--auto-aug", "AutoAugment is for colour images, those of digits are grey"),
        ("--use-se", "--use-se is not for --model resnet"),
        ("--model inception --use-se", "--use-se is not for --model inception"),
        ("--gpus x", "numbers separated by commas"),
        ("--warmup-epochs 500", "--warmup-epochs 500 is more than --num-epochs 400"),
        ("--resume nowhere", "no checkpoint there"),
        ("--val-split 0.0001", "holds out 0"),
        ("--save-dir /proc/none", "cannot go there"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, message, capsys, elsewhere):
    cpus = [] if "--gpus" in arguments else ["--cpus", "1"]
    assert train("--dataset digits", *cpus, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("train_cifar.py: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        "--batch-size 0",
        "--lr -1",
        "--lr nan",
        "--lr 0",
        "--num-epochs 1.5",
        "--dataset mnist",
        "--modle resnet",
        "--num-epoch 4",
        "--lr-decay-epoch 3,x",
        "--lr-decay-epoch 0",
        "--mode fast",
        "--val-split 1",
        "--momentum 2",
        "--cpus 0",
        "-j -1",
        "--blocks",
        "--start-layer 6",
        "--seed -1",
        "extra",
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments, capsys, elsewhere):
    with pytest.raises(SystemExit) as finished:
        train(arguments)
    assert finished.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("train_cifar.py: error: ")
    assert error.count("\n") == 1
    assert not list(elsewhere.iterdir())


def test_as_a_process(tmp_path):
    finished = run_python(
        "train_cifar.py",
        "--dataset",
        "cifar10",
        "--data-dir",
        tmp_path / "none",
        MXNET_GLUON_REPO="http://127.0.0.1:9/",
    )
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert (
        finished.stderr.strip()
        .splitlines()[-1]
        .startswith("train_cifar.py: error: cifar10 is not in")
    )


def test_without_mxnet_the_script_says_how_to_install_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Hide(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, *rest):\n"
        "        return None if name == 'mxnet' else PathFinder.find_spec(name, *rest)\n"
        "sys.meta_path[sys.meta_path.index(PathFinder)] = Hide\n"
    )
    finished = run_python("train_cifar.py", "--help", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert_one_line_error(finished, "train_cifar.py: error: mxnet is not installed for this Python")
    finished = run_python("-m", "aff", "evaluate", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert_one_line_error(finished, "aff evaluate: error: mxnet is not installed for this Python")
    finished = run_python("-c", "import aff; aff.get_model", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "ImportError: mxnet is not installed" in finished.stderr


def test_help_gives_every_default(capsys):
    with pytest.raises(SystemExit):
        train("--help")
    text = " ".join(capsys.readouterr().out.split())
    for expected in ("(default: 300,350", "(default: 0.2", "(default: 5)", "(default: 128"):
        assert expected in text


def test_the_default_network_is_that_of_the_table():
    config = config_of("cifar", [])
    net = aff.get_model(config.model, ctx=mx.cpu(), **config.model_kwargs)
    assert aff.count_parameters(net) == (7897156, 7917456)


@pytest.mark.parametrize("flag", ["--save-dir", "--data-dir", "--resume"])
def test_a_run_is_named_in_utf8(flag, capsys):
    with pytest.raises(SystemExit) as ended:
        train(flag, "run\udcff")
    assert ended.value.code == 2
    assert f"{flag}: takes a name in UTF-8, got 'run\\udcff'" in capsys.readouterr().err
