"""``aff check``: what it finds whole, what damaged, and where it says to go on."""

import shutil

import pytest

from .conftest import exit_code, held_by_another, trained_in


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """A folder in which two epochs were trained, in ``params/run``."""
    flags = "--fusion DirectAdd --batch-size 10 --num-epochs 2 --save-period 1"
    return trained_in(tmp_path_factory.mktemp("trained"), f"{small} {flags} --save-dir params/run")


@pytest.fixture
def run(trained, elsewhere):
    """A copy of that run."""
    for name in ("params", "logs"):
        shutil.copytree(trained / name, elsewhere / name)
    return elsewhere / "params" / "run"


def checked(capsys, folder="params/run"):
    """Exit code, output and error of the command."""
    capsys.readouterr()
    code = exit_code(["check", folder])
    return (code, *capsys.readouterr())


def test_a_whole_run(run, capsys):
    code, said, errors = checked(capsys)
    assert (code, errors) == (0, "")
    assert "done: 2 epochs" in said and "damaged" not in said
    for name in ("settings.json", "checkpoint-0001", "checkpoint-0002", "best.params"):
        assert f"params/run/{name}" in said
    assert "epoch-0001.params" in said and "logs/run/train.jsonl" in said


@pytest.mark.parametrize(
    "damaged, goes_on",
    [
        ("checkpoint-0002/net.params", "--resume params/run/checkpoint-0001"),
        ("checkpoint-0001/optimizer.params", "--resume params/run/checkpoint-0002"),
        ("best.params", "--resume params/run/checkpoint-0002"),
        ("epoch-0002.params", "--resume params/run/checkpoint-0002"),
        ("settings.json", "--resume params/run/checkpoint-0002"),
    ],
)
def test_damage_is_named_and_the_way_out(run, damaged, goes_on, capsys):
    path = run / damaged
    content = path.read_bytes()
    path.unlink()  # it has other names, which stay what they are
    path.write_bytes(content[:-1000] if "epoch-" in damaged else bytes([content[0] ^ 1]) + content)
    code, said, errors = checked(capsys)
    assert code == 2
    assert errors.count("\n") == 1
    assert f"params/run: 1 of 7 parts damaged: params/run/{damaged}" in errors
    assert goes_on in errors
    assert f"damaged  params/run/{damaged}" in said
    assert said.count("damaged  ") == 1


def test_a_log_that_lost_an_epoch(run, elsewhere, capsys):
    path = elsewhere / "logs" / "run" / "train.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in lines if '"epoch": 1' not in line))
    code, _, errors = checked(capsys)
    assert code == 2 and "logs/run/train.jsonl: epoch 1" in errors


def test_what_is_no_run(elsewhere, capsys):
    (elsewhere / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        code, _, errors = checked(capsys, folder)
        assert code == 2 and f"{folder}: no run's folder" in errors


def test_a_run_that_is_being_trained(run, capsys):
    with held_by_another(run):
        code, said, _ = checked(capsys)
    assert code == 0 and said.startswith("process 1 on another ")


def test_checkpoints_without_sums(run, capsys):
    for path in run.glob("checkpoint-*/SHA256SUMS"):
        path.unlink()
    code, said, _ = checked(capsys)
    assert code == 0 and said.count("without sums") == 2
