"""The run's log: text, JSON lines."""

import json

from aff.training.logger import RunLogger


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
