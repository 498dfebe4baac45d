"""``aff list``, ``aff summary`` and ``aff fetch``."""

import pytest

import aff
from aff.cli.main import main
from aff.models.records import WEIGHTS

from ..conftest import run_python
from .conftest import exit_code


def test_everything_is_listed(capsys, elsewhere):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in [*aff.list_models(), *aff.list_fusions()]:
        assert name in out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert lines["resnet50_v1b_askc"][1:] == ["224", "30.35", "30.46", "4.340", "7"]
    assert lines["aff_resnet50"][3] == "20.90"
    assert lines["cifar10_aff_resnet32"][3:5] == ["3.74", "AFF"]


def test_one_list_with_another_fusion(capsys):
    assert main(["list", "models", "--fusion", "Add"]) == 0
    out = capsys.readouterr().out
    assert "DirectAdd" in out and "25.61" in out and "4.095" in out
    assert "SKFuse" not in out


def test_files_that_are_here_are_marked(capsys, elsewhere):
    (elsewhere / "here").mkdir()
    (elsewhere / "here" / "iaff_resnet50.params").write_text("")
    assert main(["list", "published", "--root", "here"]) == 0
    marked = [line for line in capsys.readouterr().out.splitlines() if " here " in line]
    assert [line.split()[0] for line in marked] == ["iaff_resnet50"]


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["resnet50_v1b_askc", "--fusion", "Add"], ["25,610,152", "25,557,032", "4.095 G"]),
        (["resnet50_v1b_askc"], ["30,459,304", "30,353,960", "4.340 G", "224x224"]),
        (["iaff_resnext50_32x4d"], ["34,795,432", "(34.80M)", "34,622,760"]),
        (["gen2_aff_resnet50", "--depth", "2"], ["conv1.6", "deep_stem True", "2 of 5"]),
        (
            ["resnet50_v1b_askc", "--deep-stem", "--stem-width", "16", "--depth", "2"],
            ["(16, 112, 112)"],
        ),
        (
            ["resnext50_32x4d_askc", "--use-se", "--avg-down", "--depth", "9"],
            ["features.4.0.se.0", "AvgPool2D"],
        ),
        (["cifar_resnet32_askc", "--channel-times", "4"], ["7,917,456", "32x32"]),
        (["cifar_resnet8_askc", "--input-size", "64", "--classes", "7"], ["(16, 64, 64)", "(7,)"]),
        (
            ["fpn_cifar_resnet8_askc", "--channels", "24", "--backbone-fusion", "iAFF"],
            ["128x128", "(24, 128, 128)", "(21, 128, 128)", "101,521", "backbone_fusion iAFF"],
        ),
    ],
)
def test_summaries(arguments, parts, capsys):
    assert main(["summary", *arguments]) == 0
    out = capsys.readouterr().out
    for part in parts:
        assert part in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["summary", "resnet50"], "unknown model 'resnet50'"),
        (["summary", "resnet50_v1b_askc", "--use-se"], "--use-se is not for resnet50_v1b_askc"),
        (["summary", "resnet50_v1b_askc", "--fusion", "AFG"], "did you mean 'AFF'"),
        (["summary", "cifar_resnet9_askc"], "must be 6b+2"),
        (["summary", "gen2_aff_resnet50", "--input-size", "8"], "8 x 8 pixels is too small"),
        (["summary", "resnet50_v1b_askc", "--stem-width", "64"], "it needs deep_stem=True"),
        (["summary", "fpn_cifar_resnet8_askc", "--input-size", "30"], "multiples of 4"),
        (["summary", "cifar_resnet8_askc", "--channels", "30"], "--channels is not for cifar_res"),
        (["list", "--fusion", "x"], "unknown fusion"),
        (["list", "fusions", "--fusion", "AFF"], "--fusion is for the list of models"),
        (["evaluate", "aff_resnet50", "--rec-val", "none.rec"], "'aff prepare' makes such files"),
        (["list", "models", "--root", "x"], "--root is for the list of published"),
        (["evaluate", "cifar10_aff_resnet32", "--input-size", "64"], "--input-size is for imagen"),
        (["fetch", "aff_resnet"], "did you mean 'aff_resnet50'"),
        (["fetch", "aff_resnet50", "iaff_resnet50", "--from", "x"], "--from gives one file"),
        (["fetch", "aff_resnet50", "--from", "none"], "none: cannot be read"),
        (["fetch", "aff_resnet50", "--mirror", "host"], "starts with http:// or https://"),
        (["fetch", "aff_resnet50", "--mirror", "http://127.0.0.1:9"], "no connection"),
        (["evaluate", "aff_resnet5"], "did you mean 'aff_resnet50'"),
        (["evaluate", "aff_resnet50", "--fusion", "Add"], "leave the network's flags out"),
        (["evaluate", "aff_resnet50", "--dataset", "cifar10"], "published for imagenet, not cifar"),
        (["evaluate", "aff_resnet50", "--labels", "fine"], "--labels is for cifar100"),
        (["evaluate", "cifar10_aff_resnet32", "--rec-val", "x"], "--rec-val is for imagenet"),
        (["evaluate", "aff_resnet50", "--data-dir", "none"], "none: cannot be read"),
    ],
)
def test_mistakes_are_said_in_one_line(arguments, message, capsys, elsewhere):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not [path for path in elsewhere.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate"],
        ["evaluate", "aff_resnet50", "--params", "x"],
        ["evaluate", "aff_resnet50", "--rec-val", ""],
        ["fetch"],
        ["fetch", "aff_resnet50", "--from", ""],
        ["fetch", "aff_resnet50", "--root", ""],
        ["fetch", "aff_resnet50", "--from", "x", "--mirror", "http://x"],
        ["summary", "resnet50_v1b_askc", "--fusion", ""],
        ["list", "networks"],
    ],
)
def test_what_is_left_open_is_refused(arguments, capsys):
    assert exit_code(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_internet_fetch_says_where_the_file_is(elsewhere, monkeypatch, capsys):
    monkeypatch.setenv("AFF_MIRROR", "http://127.0.0.1:9")
    assert main(["fetch", "gen2_aff_resnet50"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for part in (WEIGHTS["gen2_aff_resnet50"].commit, "raw.githubusercontent.com", "--from FILE"):
        assert part in error


def test_a_reader_that_has_had_enough(tmp_path):
    finished = run_python(
        "-c",
        "from subprocess import PIPE, Popen; import sys; "
        "p = Popen([sys.executable, '-m', 'aff', 'list', 'fusions'], stdout=PIPE, stderr=PIPE); "
        "p.stdout.close(); print(p.stderr.read().decode())",
        cwd=tmp_path,
    )
    assert finished.stdout.strip() == ""
