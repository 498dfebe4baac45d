"""The run's log: text, JSON lines."""

import json

from aff.training.logger import RunLogger
from aff.training.progress import Loop


def test_text_and_events_are_appended(tmp_path, capsys):
    for _ in range(2):
        log = RunLogger(str(tmp_path / "logs"))
        log.text("hello")
        log.warn("careful")
        log.event("epoch", epoch=3)
    lines = (tmp_path / "logs" / "train.log").read_text().splitlines()
    assert [line[20:] for line in lines] == ["hello", "WARNING: careful"] * 2
    events = [
        json.loads(line) for line in (tmp_path / "logs" / "train.jsonl").read_text().splitlines()
    ]
    assert [(event["event"], event["epoch"]) for event in events] == [("epoch", 3)] * 2
    captured = capsys.readouterr()
    assert captured.out.count("hello") == 2
    assert captured.err.count("WARNING: careful") == 2


def test_without_a_folder_it_only_speaks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    log = RunLogger()
    log.text("hello")
    log.event("epoch", epoch=3)
    assert capsys.readouterr().out == "hello\n"
    assert not list(tmp_path.iterdir())


def test_lines_of_batches_tell_loss_and_rate(capsys):
    log = RunLogger(interval=2)
    figures = iter([["loss 2.5", "lr 0.1"]])
    batches = log.progress([("ab", 0)] * 3, Loop("epoch 7", 3, figures=lambda: next(figures)))
    assert len(list(batches)) == 3
    line = capsys.readouterr().out
    assert line.startswith("epoch 7, batch 2 of 3: ")
    assert line.endswith("/s, loss 2.5, lr 0.1, 00:00 left\n")


def test_lines_are_folded_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    line = "  ".join(["epoch 0", *["field 12.34 %"] * 6])
    monkeypatch.setenv("COLUMNS", "60")
    RunLogger(str(tmp_path)).text(line)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(len(part) <= 60 for part in lines)
    assert (tmp_path / "train.log").read_text().splitlines()[0].endswith(line)
