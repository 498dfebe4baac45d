"""The tables: measured columns come from the networks and the logs, reported ones from the data."""

import csv
import io
import json

import pytest

import aff
from aff.cli.main import main
from aff.models.records import WEIGHTS
from aff.models.summary import measured
from aff.paper.scores import own_runs
from aff.paper.tables import paper_table, readme_table

from ..conftest import ROOT


def rows_of(table):
    return {row[0]: dict(zip(table.head, row)) for row in table.rows}


def write_run(
    folder, name="cifar_resnet32_askc", error=0.1234, ended=True, images=10_000, more=(), **data
):
    """The log of a run of AFF-ResNet-32 on CIFAR-100's superclasses."""
    folder.mkdir(parents=True)
    kwargs = {"fusion": "ASKCFuse", "classes": 100, "channel_times": 4, **dict(more)}
    settings = {
        "model": {"name": name, "kwargs": kwargs},
        "data": {"dataset": "cifar100", "labels": "coarse", **data},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    events = [{"event": "start"}]
    if ended:
        end = {"event": "end", "best_epoch": 0, "test_top1_error": error, "test_images": images}
        events.append(end)
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, events)))


def test_the_readmes_tables(tmp_path):
    imagenet = rows_of(readme_table("imagenet", str(tmp_path), str(tmp_path)))
    aff50 = imagenet["AFF-ResNet-50"]
    assert (aff50["reported"], aff50["of the file"], aff50["parameters said"]) == (
        "20.9",
        "20.90",
        "30.3M",
    )
    assert (aff50["parameters"], aff50["trainable"], aff50["GFLOPs"]) == (
        "30.46M",
        "30.35M",
        "4.34",
    )
    assert aff50["file, here"] == aff50["our run"] == "-"
    assert imagenet["SENet-101"]["parameters"] == ""
    second = rows_of(readme_table("imagenet2", str(tmp_path), str(tmp_path)))
    assert [row["reported"] for row in second.values()] == ["20.3", "20.28", "20.2", "19.78"]
    table = readme_table("cifar100", str(tmp_path), str(tmp_path))
    resnet32 = rows_of(table)["AFF-ResNet-32"]
    assert (resnet32["reported"], resnet32["of the file"]) == ("89.3", "89.67")
    assert (resnet32["parameters said"], resnet32["parameters"]) == ("5.0M", "7.92M")
    notes = " ".join(table.notes)
    for part in ("20 superclasses", "7.9M parameters, not 5.0M", "--labels coarse"):
        assert part in notes
    assert "160 epochs at 2 x 120, not 180" in " ".join(readme_table("imagenet").notes)


def test_scores_that_are_here_are_shown(tmp_path):
    name = "cifar100_coarse_aff_resnet32"
    found = {"sha1": WEIGHTS[name].sha1, "top1_error": 0.1035, "samples": 10_000, "data": "it"}
    (tmp_path / f"{name}.params").touch()
    kept = tmp_path / f"{name}.evaluation.json"
    kept.write_text(json.dumps(found))
    write_run(tmp_path / "logs" / "a" / "deep")
    write_run(tmp_path / "logs" / "unfinished", error=0.01, ended=False)
    write_run(tmp_path / "logs" / "fine", error=0.02, labels="fine")
    write_run(tmp_path / "logs" / "other", name="cifar_resnet20_askc", error=0.03)
    write_run(tmp_path / "logs" / "averaged", error=0.04, more={"avg_down": True})
    write_run(tmp_path / "logs" / "stem", error=0.04, more={"deep_stem": True, "start_layer": 3})
    write_run(tmp_path / "logs" / "smoke", error=0.05, images=256)
    write_run(tmp_path / "logs" / "same", error=0.2, more={"start_layer": 1})
    write_run(tmp_path / "logs" / "nan", error=float("nan"))
    write_run(tmp_path / "logs" / "list", more={"channel_times": [4]})
    (tmp_path / "logs" / "damaged").mkdir()
    (tmp_path / "logs" / "damaged" / "settings.json").write_text("{")
    row = rows_of(readme_table("cifar100", str(tmp_path), str(tmp_path / "logs")))["AFF-ResNet-32"]
    assert (row["file, here"], row["our run"]) == ("89.65", "87.66")
    assert len(own_runs(str(tmp_path / "logs"))) == 7
    for other in ({"sha1": "another"}, {"samples": 1}):
        kept.write_text(json.dumps({**found, **other}))
        row = rows_of(readme_table("cifar100", str(tmp_path), "nowhere"))["AFF-ResNet-32"]
        assert (row["file, here"], row["our run"]) == ("-", "-")
    kept.write_text(json.dumps({**found, "top1_error": 7}))
    with pytest.raises(aff.InputError, match="top1_error: .*: evaluate cifar100_coarse"):
        readme_table("cifar100", str(tmp_path), "nowhere")
    (tmp_path / f"{name}.params").unlink()
    readme_table("cifar100", str(tmp_path), "nowhere")


def test_scores_of_the_papers_ablation_that_are_here_are_shown(tmp_path, capsys):
    record = WEIGHTS["aff_resnet50_nomixup"]
    found = {"sha1": record.sha1, "top1_error": 0.22, "samples": 50_000, "data": "it"}
    (tmp_path / record.filename).touch()
    (tmp_path / f"{record.name}.evaluation.json").write_text(json.dumps(found))
    for error, r in ((0.25, 2), (0.24, 2), (0.2, 4)):  # the last is not of the paper's ratio
        folder, more = tmp_path / "logs" / str(error), {"channel_times": 1, "r": r}
        write_run(folder, name="cifar_resnet14_askc", error=error, more=more)
    write_run(tmp_path / "logs" / "wide", name="cifar_resnet14_askc", error=0.1)
    row = rows_of(paper_table("table3", str(tmp_path), str(tmp_path / "logs")))[
        "Global + Local (AFF)"
    ]
    assert (row["our runs, b=1 to 4"], row["file, here"]) == (
        ["-", "76.00", "-", "-"],
        "78.00",
    )
    more = {"channel_times": 1, "fusion": "XplusAYforY", "r": 2}  # which has no use for a ratio
    write_run(tmp_path / "logs" / "ms", name="cifar_resnet14_askc", error=0.3, more=more)
    row = rows_of(paper_table("table4", str(tmp_path), str(tmp_path / "logs")))["MS-SENet"]
    assert row["our runs, b=1 to 4"] == ["-", "70.00", "-", "-"]
    arguments = ["--table", "table3", "--format", "csv", "--root", str(tmp_path)]
    assert main(["tables", *arguments, "--logs", str(tmp_path / "logs")]) == 0
    last = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))[-1]
    assert (last["our runs, b=2"], last["our runs, b=3"], last["MFLOPs, b=1"]) == (
        "0.7600",
        "-",
        "13.6",
    )
    assert (last["b=1"], last["of the file"]) == ("0.763", "0.7838")  # for programs: fractions


def test_costs_are_counted():
    cost = measured("cifar_resnet8_askc", {"fusion": "DirectAdd", "classes": 10}, 28)
    net = aff.get_model("cifar_resnet8_askc", fusion="DirectAdd", classes=10)
    assert (cost.trainable, cost.parameters) == aff.count_parameters(net)
    assert (
        cost.multiply_adds < measured("cifar_resnet8_askc", {"fusion": "DirectAdd"}).multiply_adds
    )


@pytest.mark.parametrize("form", ["text", "markdown", "csv"])
def test_formats(form, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["tables", "--table", "imagenet", "--format", form]) == 0
    out = capsys.readouterr().out
    assert "iAFF-ResNeXt-50-32x4d" in out
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert rows[-1]["reported"] == "20.2"
        assert rows[-1]["table"].startswith("ImageNet, top-1 error")
    else:
        assert "wrapped its last batch round" in " ".join(out.split())


@pytest.mark.parametrize("flag", ["--logs", "--root"])
def test_a_folder_that_is_not_there(flag, capsys):
    assert main(["tables", flag, "nowhere"]) == 2
    assert f"{flag} nowhere: no such folder" in capsys.readouterr().err


def test_all_tables(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["tables"]) == 0
    out = capsys.readouterr().out
    for part in ("Table 3", "Table 4", "Table 6", "ImageNet, top-1", "CIFAR-100, acc", "Fashion"):
        assert part in out
