"""``train_imagenet.py`` from the published commands to an evaluation of what it saved."""

import json
import re
import shutil

import mxnet as mx
import pytest

import aff
from aff.cli.main import main as aff_main

from ..conftest import assert_one_line_error, run_python
from .conftest import QUICK_IMAGENET as QUICK
from .conftest import lines_of
from .conftest import train_imagenet as train

WEIGHTS = [
    "--askc-type ASKCFuse --mixup --mode hybrid --lr 0.075 --lr-mode cosine --num-epochs 180 "
    "--batch-size 128 --num-gpus 2 -j 48 --warmup-epochs 5 --dtype float16 --use-rec --last-gamma "
    "--no-wd --label-smoothing --save-dir params_resnet50_v1b_best_AFF --logging-file "
    "resnet50_v1b_best_AFF.log",
    "--askc-type ResGlobLocaforGlobLocaCha --mixup --mode hybrid --lr 0.075 --lr-mode cosine "
    "--num-epochs 180 --batch-size 128 --num-gpus 2 -j 48 --warmup-epochs 5 --dtype float16 "
    "--use-rec --last-gamma --no-wd --label-smoothing --save-dir params_resnet50_v1b_best_iAFF "
    "--logging-file resnet50_v1b_best_iAFF.log",
    "--askc-type ASKCFuse --model resnext50_32x4d_askc --mode hybrid --lr 0.075 --lr-mode cosine "
    "--num-epochs 240 --batch-size 128 --num-gpus 2 -j 48 --use-rec --dtype float16 "
    "--warmup-epochs 5 --last-gamma --no-wd --label-smoothing --mixup --save-dir "
    "params_resnext50_32x4d_aff_best --logging-file resnext50_32x4d_aff_best.log",
    "--askc-type ResGlobLocaforGlobLocaCha --model resnext50_32x4d_askc --mode hybrid --lr 0.075 "
    "--lr-mode cosine --num-epochs 240 --batch-size 128 --num-gpus 2 -j 48 --use-rec --dtype "
    "float16 --warmup-epochs 5 --last-gamma --no-wd --label-smoothing --mixup --save-dir "
    "params_resnext50_32x4d_iaff_best --logging-file resnext50_32x4d_iaff_best.log",
]
COUNTS = ["30,459,304", "35,308,456", "29,946,280", "34,795,432"]


@pytest.mark.parametrize("command", WEIGHTS)
def test_a_published_command_says_at_once_what_this_machine_lacks(command, capsys, elsewhere):
    assert train(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--num-gpus 2: this machine has" in error
    assert "append --num-gpus 0 --dtype float32" in error
    assert train(f"{command} --num-gpus 0") == 2
    assert "float16 needs a GPU" in capsys.readouterr().err
    assert train(f"{command} --num-gpus 0 --dtype float32 --rec-train none.rec") == 2
    assert "none.rec: no such file" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("command, count", zip(WEIGHTS, COUNTS))
def test_a_published_command_shows_its_network_anywhere(command, count, capsys, elsewhere):
    assert train(f"{command} --summary") == 0
    assert count in capsys.readouterr().out
    assert list(elsewhere.iterdir()) == []


@pytest.mark.numeric
def test_a_published_command_trains_on_the_cpu(records, capsys, elsewhere):
    changes = "--num-gpus 0 --dtype float32 --cpus 2 --batch-size 4 --input-size 64 -j 2"
    lr = "--lr 0.001 --num-epochs 1 --warmup-epochs 0 --mixup-off-epoch 0"
    assert train(f"{WEIGHTS[0]} {records} {changes} --save-dir small {lr}") == 0
    out = capsys.readouterr().out
    assert "9 training images" in out and "7 validation images" in out and "2 classes" in out
    assert lines_of(out, "mixup") == ["alpha 0.2 in epochs 0 to 0"]
    assert "best epoch 0, chosen by the validation set itself" in out
    assert (elsewhere / "resnet50_v1b_best_AFF.log").read_text().count("\n") >= 5
    settings = json.loads((elsewhere / "small" / "settings.json").read_text())
    assert settings["model"]["kwargs"]["last_gamma"] is True
    assert settings["training"]["no_wd"] is True


def test_flags_without_effect_are_said(folders, photos, capsys, elsewhere):
    flags = "--mixup-alpha 1 --lr-mode poly --lr-decay-epoch 3 --warmup-lr 0.1 --temperature 2"
    assert train(f"{QUICK} {folders} {photos} --smoke {flags}") == 0
    lines = lines_of(capsys.readouterr().out, "not")
    assert len(lines) == 4
    for line, flag, why in zip(
        lines,
        ("--mixup-alpha", "--warmup-lr", "--lr-decay-epoch", "--temperature"),
        ("mixup", "--warmup-epochs", "poly", "--teacher"),
    ):
        assert flag in line.split()
        assert why in line.split(flag)[1]


def last_error(capsys):
    """Errors of the last epoch as training printed them, e.g. ``42.86 %``."""
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("last epoch"))
    return re.search(r"top-1 error (\S+ %)", line).group(1)


@pytest.mark.numeric
def test_training_and_both_evaluations_agree(folders, records, photos, data, capsys, elsewhere):
    common = f"{QUICK} {photos}"
    assert train(f"{common} {folders} --num-epochs 1 --save-dir run --save-frequency 1") == 0
    error = last_error(capsys)
    assert aff_main(["evaluate", "--params", "run/epoch-0001.params", "--cpus", "1"]) == 0
    out = capsys.readouterr().out
    assert f"top-1 error {error}" in out and "of 7 wrong" in out
    only = f"{common} --eval-only --params run/epoch-0001.params"
    for source in (folders, records):
        assert train(f"{only} {source} --lr 1 --resume auto") == 0
        said = capsys.readouterr().out
        assert f"top-1 error {error}" in said
        unused = said[said.index("not used") : said.index("with --eval-only")]
        assert "--lr" in unused and "--resume" in unused and "--params" not in unused
    arguments = ["evaluate", "--params", "run/epoch-0001.params", "--rec-val", f"{data}/val.rec"]
    assert aff_main(arguments) == 0
    assert f"top-1 error {error}" in capsys.readouterr().out
    (elsewhere / "other.idx").write_text("0\t0\n")
    assert train(f"{only} {records} --rec-val-idx other.idx") == 2
    assert "other.idx: does not fit" in capsys.readouterr().err
    assert aff_main([*arguments, "--rec-val-idx", f"{data}/val.idx"]) == 0
    assert f"top-1 error {error}" in capsys.readouterr().out


@pytest.mark.numeric
def test_folders_and_records_and_any_number_of_threads_train_alike(
    folders, records, photos, elsewhere
):
    common = (
        f"{QUICK} {photos} --num-epochs 1 --mixup --label-smoothing --save-frequency 1 --auto-aug"
    )
    for name, source in (("a", folders), ("b", f"{records} -j 0"), ("c", f"{records} -j 3")):
        assert train(f"{common} {source} --save-dir {name}") == 0
    contents = {(elsewhere / name / "epoch-0001.params").read_bytes() for name in "abc"}
    assert len(contents) == 1


@pytest.mark.numeric
@pytest.mark.parametrize("fifty", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_resume_goes_on_to_the_same_end(folders, photos, fifty, capsys, elsewhere):
    network = "" if fifty else photos
    common = (
        f"{QUICK} {folders} {network} --lr-mode poly --warmup-epochs 1 --save-frequency 1 --mixup"
    )
    assert train(f"{common} --num-epochs 2 --save-dir whole") == 0
    assert train(f"{common} --num-epochs 2 --save-dir parts") == 0
    (elsewhere / "parts" / "epoch-0002.params").unlink()
    shutil.rmtree(elsewhere / "parts" / "checkpoint-0002")
    assert train(f"{common} --num-epochs 2 --resume parts") == 0
    assert "after epoch 0" in lines_of(capsys.readouterr().out, "resume")[0]
    names = ("whole/epoch-0002.params", "parts/epoch-0002.params")
    assert len({(elsewhere / name).read_bytes() for name in names}) == 1
    assert train(f"{common} --num-epochs 2 --lr 0.5 --resume parts") == 2
    assert "lr 0.001 -> 0.5" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, parts",
    [
        ("--num-layers 152", ["resnet152_v1b_askc"]),
        ("--deep-stem --stem-width 32 --avg-down --fusion Add", ["25,629,512", "AvgPool2D"]),
        ("--model resnext50_32x4d_askc --use-se", ["32,477,272"]),
        ("--input-size 64 --start-layer 1", ["(64, 32, 32)", "start_layer 1"]),
    ],
)
def test_summaries(flags, parts, capsys):
    assert train(f"--summary {flags}") == 0
    out = capsys.readouterr().out
    for part in parts:
        assert part in out


def test_the_script_itself(tmp_path):
    finished = run_python("train_imagenet.py", "--num-gpus", 2, "--data-dir", tmp_path)
    assert_one_line_error(finished, "train_imagenet.py: error:", "--num-gpus 2")


@pytest.fixture
def teacher(elsewhere):
    """Parameters of a small GluonCV network of two classes."""
    import gluoncv

    net = gluoncv.model_zoo.get_model("resnet18_v1b", classes=2)
    mx.random.seed(3)
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.save_parameters("teacher.params")
    return "--teacher resnet18_v1b --teacher-params teacher.params"


@pytest.mark.numeric
def test_distillation(folders, photos, teacher, capsys, elsewhere):
    common = f"{QUICK} {folders} {photos} --num-epochs 1 --save-frequency 1"
    assert train(f"{common} --save-dir plain") == 0
    for name, flags in (("hard", "--hard-weight 1"), ("soft", "--hard-weight 0 --temperature 4")):
        assert train(f"{common} --save-dir {name} {teacher} {flags}") == 0
    plain, hard, soft = (
        (elsewhere / name / "epoch-0001.params").read_bytes() for name in ("plain", "hard", "soft")
    )
    assert plain == hard
    assert plain != soft
    capsys.readouterr()
    assert train(f"{common} --teacher resnet18_v1b --teacher-params none --save-dir x") == 2
    assert "none: cannot be read: no such file" in capsys.readouterr().err
    assert not (elsewhere / "x").exists()


def test_a_teacher_of_other_classes(folders, photos, capsys, elsewhere):
    net = aff.get_model("photo_resnet8", fusion="Add", classes=3, ctx=mx.cpu())
    net.save_parameters("three.params")
    flags = "--teacher photo_resnet8 --teacher-params three.params"
    assert train(f"{QUICK} {folders} {photos} {flags}") == 2
    assert "three.params does not fit" in capsys.readouterr().err
