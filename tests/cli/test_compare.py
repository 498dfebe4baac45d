"""``aff compare``: real runs, ended, stopped early and cut short, for people and for programs."""

import csv
import io
import json
import shutil

import pytest

from aff.training.comparison import differing, read_run
from aff.utils.errors import InputError
from aff.utils.lock import locked

from .conftest import QUICK, exit_code, trained_in

RUNS = {
    "plain": "--num-epochs 2 --fusion DirectAdd",
    "averaged": "--num-epochs 3 --fusion ASKCFuse --model-ema 0.9 --rand-aug 1 5 --no-mixup",
    "patient": "--num-epochs 9 --fusion DirectAdd --early-stop 1 --lr 5 --seed 2",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with ``params/`` and ``logs/`` of the runs."""
    root = tmp_path_factory.mktemp("runs")
    for name, flags in RUNS.items():
        own = f"--save-dir params/{name} --logging-dir logs/{name}"
        trained_in(root, f"{QUICK} --batch-size 64 --val-split 0.8 {flags} {own}")
    return root


@pytest.fixture
def here(runs, tmp_path, monkeypatch):
    """A copy of them to work in."""
    shutil.copytree(runs, tmp_path / "it")
    monkeypatch.chdir(tmp_path / "it")
    return tmp_path / "it"


@pytest.mark.parametrize("name", RUNS)
def test_what_came_out_is_what_the_run_says(here, name):
    """By its log, and by its result alone."""
    result = json.loads((here / "params" / name / "result.json").read_text())
    for place in ("logs", "params"):
        run = read_run(f"{place}/{name}")
        assert run.state == ("stopped early" if result["stopped_early"] else "ended")
        assert (run.epochs, run.parts) == (result["epochs"], ["val", "test"])
        for found, told in ((run.best, "best"), (run.last, "last"), (run.average, "average")):
            if result[told] is None:
                assert found is None
                continue
            told_so = {"miou": {}, "pixel_error": {}, **result[told]}
            assert vars(found) == {key: told_so[key] for key in vars(found)}
        assert run.seconds == pytest.approx(result["seconds"], abs=0.01)
        assert (run.images_per_sec is None) == (place == "params")
        shutil.rmtree(here / "logs" / name, ignore_errors=True)


def test_parameters_lead_to_the_log(here):
    for name in RUNS:
        by_log, by_parameters = (read_run(f"{place}/{name}") for place in ("logs", "params"))
        assert vars(by_parameters) == {**vars(by_log), "folder": f"params/{name}"}


def test_settings_that_differ(here):
    found = [read_run(f"logs/{name}") for name in RUNS]
    names = ["fusion", "mixup", "rand_aug", "lr", "seed", "early_stop", "model_ema"]
    assert sorted(differing(found)) == sorted(names)
    assert differing(found[:1]) == []
    assert found[1].settings["fusion"] == "ASKCFuse"
    path = here / "logs" / "plain" / "settings.json"
    settings = json.loads(path.read_text())
    del settings["training"]["model_ema"]  # as an earlier version wrote it
    settings["training"]["model_kwargs"]["avg_down"] = True
    path.write_text(json.dumps(settings))
    assert differing([read_run("logs/plain"), found[0]]) == ["avg_down"]


def cut(here, name, epochs):
    """Leave a run as one that was killed after so many epochs."""
    path = here / "logs" / name / "train.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: 1 + epochs]))
    for place in ("logs", "params"):
        (here / place / name / "result.json").unlink()


def test_runs_that_have_not_ended(here, capsys):
    cut(here, "averaged", 1)
    cut(here, "plain", 0)
    run = read_run("logs/averaged")
    assert (run.state, run.epochs, run.num_epochs) == ("not ended", 1, 3)
    assert run.best == run.last
    run = read_run("logs/plain")
    assert (run.state, run.epochs, run.best) == ("not ended", 0, None)
    with locked("logs/averaged", "it"):
        assert read_run("logs/averaged").state == "running"
        assert exit_code(["compare", "logs/averaged", "logs/plain"]) == 0
    said = capsys.readouterr().out
    assert "1 of 3, running" in said and "0 of 2, not ended" in said
    shutil.rmtree(here / "logs")
    assert read_run("params/plain").state == "not ended"


def test_a_run_that_goes_on_has_not_ended(here):
    with (here / "logs" / "plain" / "train.jsonl").open("a") as file:
        file.write('{"event": "start"}\n')
    assert read_run("logs/plain").state == "not ended"


def test_the_table(here, capsys, monkeypatch):
    """Wide, a line a run; on a terminal of 80 columns, a column a run."""
    argv = ["compare", *(f"logs/{name}" for name in RUNS)]
    assert exit_code(argv) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == [*RUNS]
    result = json.loads((here / "logs" / "averaged" / "result.json").read_text())
    averaged = rows[1].split()
    for told, part in (("best", "val"), ("last", "test"), ("average", "test")):
        assert f"{100 * result[told]['top1_error'][part]:.2f}" in averaged
    assert averaged[1] == "AFF" and {"no", "1,5", "0.9"} <= {*averaged}
    assert "stopped early" in rows[2]
    monkeypatch.setenv("COLUMNS", "80")
    assert exit_code(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == [*RUNS]
    labels = [line[:22].strip() for line in lines[1:]]
    assert labels == [head[at : at + len(label)] for label in labels for at in [head.index(label)]]


def test_names_are_told_apart(here, capsys):
    assert exit_code(["compare", "logs/plain", "params/plain", "logs/patient/"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["logs/plain", "params/plain", "patient"]


def test_a_table_for_programs(here, capsys):
    argv = ["compare", *(f"logs/{name}" for name in RUNS), "--csv"]
    assert exit_code(argv) == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["run"] for row in rows] == [f"logs/{name}" for name in RUNS]
    for name, row in zip(RUNS, rows):
        result = json.loads((here / "logs" / name / "result.json").read_text())
        for told in ("best", "last"):
            for part in ("val", "test"):
                for kind in ("top1_error", "top5_error"):
                    assert float(row[f"{told}_{part}_{kind}"]) == result[told][kind][part]
        assert json.loads(row["rand_aug"]) == result["settings"]["rand_aug"]
        assert float(row["model_ema"]) == result["settings"]["model_ema"]
        assert row["fusion"] == result["settings"]["model_kwargs"]["fusion"]
        assert int(row["num_epochs"]) == result["settings"]["num_epochs"]
    assert rows[0]["average_test_top1_error"] == ""
    assert exit_code([*argv, "-"]) == 0
    assert capsys.readouterr().out == text
    assert exit_code([*argv, "it.csv"]) == 0
    assert capsys.readouterr().out == "wrote it.csv\n"
    assert (here / "it.csv").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "RUN"),
        (["nowhere"], "nowhere: no run's folder"),
        (["logs"], "logs: no run's folder: it holds no settings.json"),
        (["logs/plain", "--csv", "logs/plain"], "--csv logs/plain"),
        (["logs/plain", "--csv", "it.txt"], "--csv it.txt: the file's name ends in .csv"),
        (["logs/plain", "--csv", "no/it.csv"], "--csv no/it.csv"),
    ],
)
def test_mistakes(arguments, message, here, capsys):
    before = sorted(here.iterdir())
    assert exit_code(["compare", *arguments]) == 2
    said = capsys.readouterr()
    assert (said.err.count("\n"), message in said.err, said.out) == (1, True, ""), said.err
    assert sorted(here.iterdir()) == before


def test_runs_of_pixels_beside_others(here, capsys):
    """The best is the highest mIoU."""
    shutil.copytree("logs/plain", "logs/pixels")
    (here / "logs" / "pixels" / "result.json").unlink()
    log = here / "logs" / "pixels" / "train.jsonl"
    epochs = [json.loads(line) for line in log.read_text().splitlines() if '"epoch"' in line]
    kept = {key: epochs[0][key] for key in ("lr", "train_loss", "train_value", "seconds")}
    kept.update(event="epoch", train_metric="pixel_error")
    lines = [
        json.dumps({**kept, "epoch": number, "miou": {"val": miou}, "pixel_error": {"val": error}})
        for number, (miou, error) in enumerate(((0.25, 0.4), (0.5, 0.2), (0.375, 0.1)))
    ]
    log.write_text("\n".join([*lines, ""]))
    assert exit_code(["compare", "logs/pixels", "logs/plain"]) == 0
    head, pixels, plain = capsys.readouterr().out.splitlines()
    assert "val mIoU" in head and "test error" in head
    assert {"50.00", "37.50", "1"} <= {*pixels.split()} and "-" in plain.split()
    assert exit_code(["compare", "logs/pixels", "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["best_val_miou"], row["best_val_pixel_error"]) == ("0.5", "0.2")
    assert "best_val_top1_error" not in row


def test_times_are_told_in_hours(here, capsys):
    """However long; the largest that a log may say, too."""
    log = here / "logs" / "plain" / "train.jsonl"
    epoch = json.loads(next(line for line in log.read_text().splitlines() if '"epoch"' in line))
    lines = [json.dumps({**epoch, "epoch": number, "seconds": 1e12}) for number in range(100)]
    (here / "logs" / "plain" / "result.json").unlink()
    for seconds, told in ((97_384.4, "27:03:04"), (0.4, "0:00:00")):
        log.write_text(json.dumps({**epoch, "seconds": seconds}) + "\n")
        assert exit_code(["compare", "logs/plain"]) == 0
        assert told in capsys.readouterr().out.split()
    log.write_text("\n".join([*lines, ""]))
    assert exit_code(["compare", "logs/plain"]) == 0


def change(path, **values):
    """Put other values into a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_files_of_others(here, capsys):
    log, settings = (here / "logs" / "plain" / name for name in ("train.jsonl", "settings.json"))
    epoch = next(line for line in log.read_text().splitlines() if '"epoch"' in line)
    for errors, message in (({}, "epoch 7 has no scores"), ({"up": 2}, "top1_error.up")):
        log.write_text(json.dumps({**json.loads(epoch), "epoch": 7, "top1_error": errors}))
        with pytest.raises(InputError, match=message):
            read_run("logs/plain")
    other = {**json.loads(epoch), "top1_error": {"test": 0.5}, "top5_error": {"test": 0.5}}
    log.write_text(f"{epoch}\n{json.dumps({**other, 'epoch': 1})}\n")
    with pytest.raises(InputError, match="epoch 1 has no val score"):
        read_run("logs/plain")
    log.unlink()
    change(here / "logs" / "plain" / "result.json", best={"epoch": -1})
    with pytest.raises(InputError, match="best.epoch"):
        read_run("logs/plain")
    training = json.loads(settings.read_text())["training"]
    kwargs = {"fusion": ["\x1b[31m"], "\x1b[32m\n": {"a": "\x1b[33m"}}
    change(
        settings, training={**training, "model": "mine", "model_kwargs": kwargs, "lr": "\x1b[1m"}
    )
    (here / "logs" / "plain" / "result.json").unlink()
    for more in ([], ["--csv"]):
        assert exit_code(["compare", "logs/plain", "logs/patient", *more]) == 0
        assert "\x1b" not in capsys.readouterr().out
    change(settings, training={**training, "num_epochs": "many"})
    with pytest.raises(InputError, match="num_epochs"):
        read_run("logs/plain")
