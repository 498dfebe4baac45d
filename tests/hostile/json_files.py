"""Every JSON file of the project with other values in it: settings, states, logs, manifests,
evaluations, lists of exports, configurations.
"""

import json
import os

import mxnet as mx
import numpy as np

import aff
from aff.cli.compare import as_csv, as_text, for_people, for_programs
from aff.data.classes import names_of_classes
from aff.data.images import RecordImages
from aff.data.packed import Packed, is_done, read_manifest
from aff.inference.locate import known_of
from aff.inference.spec import find_spec
from aff.models.parameters import save_parameters
from aff.models.records import WEIGHTS
from aff.paper.curves import read_curve
from aff.paper.outcome import outcome
from aff.paper.scores import Evaluation, evaluated, own_runs
from aff.training.checkpoint import save_checkpoint
from aff.training.comparison import read_run
from aff.training.config import TrainConfig
from aff.training.logger import RunLogger, read_events
from aff.training.run_check import check_run
from aff.training.run_folder import choose
from aff.training.settings_file import changes, describe, read_config
from aff.training.state import EpochRecord, RunState

from ..training.helpers import small_trainer
from ._json import harmful

CONFIG = TrainConfig.from_args(
    {"dataset": "digits", "model": "resnet", "blocks": 1, "channel_times": 1, "fusion": "Add"},
    "cifar",
)
RECORD = EpochRecord(0, 0.1, 1.0, "rmse", 0.5, {"test": 0.3}, {"test": 0.1}, 100.0, 5.0)
WEIGHTS_RECORD = WEIGHTS["cifar100_coarse_aff_resnet32"]
MODEL = (CONFIG.model, CONFIG.model_kwargs)


def settings():
    """What ``settings.json`` of a run holds."""
    facts = {"devices": 1, "class_names": list("0123456789"), "train_images": 7}
    return {**describe(CONFIG, facts), "save_dir": "../begun"}


def events():
    """The events of a run's log."""
    epochs = [{"event": "epoch", "time": 1.0, **vars(RECORD), "epoch": n} for n in range(2)]
    end = {"event": "end", "best_epoch": 1, "chosen_by": "test", "parameters": "x"}
    score = {"test_images": 359, "test_top1_error": 0.3, "test_top5_error": 0.1}
    return [{"event": "start", **settings()}, *epochs, {**end, **score}]


def compared(folder):
    """What `aff compare` makes of a run."""
    run = read_run(folder)
    as_text(for_people([run, run]))
    as_csv(for_programs([run]))


class Files:
    """A run's folders, an exported network and packed images, whose files can be overwritten."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("run", "begun", "logs", "packed", "params", "exports"):
            (folder / name).mkdir()
        net = aff.get_model(CONFIG.model, **CONFIG.model_kwargs, ctx=mx.cpu())
        for name in ("run/best.params", "exports/it.params"):
            save_parameters(net, str(folder / name))
        self.write("run/settings.json", settings())
        self.write("begun/settings.json", settings())
        self.write("logs/settings.json", settings())
        self.trainer = small_trainer()
        self.trainer.create_states()
        self.trainer.step = 6
        checkpoint = folder / "checkpoint-0001"
        state = {**vars(RunState(best_epoch=0, steps_per_epoch=6)), "history": [vars(RECORD)]}
        self.checkpoint = save_checkpoint(str(folder), self.trainer, 1, state)
        assert str(checkpoint) == self.checkpoint
        self.state = json.loads((checkpoint / "state.json").read_text())
        (checkpoint / "SHA256SUMS").unlink()  # as of an earlier version
        (folder / "params" / WEIGHTS_RECORD.filename).touch()
        writer = mx.recordio.MXIndexedRecordIO(
            str(folder / "packed/train.idx"), str(folder / "packed/train.rec"), "w"
        )
        for index in range(4):
            header = mx.recordio.IRHeader(0, float(index % 2), index, 0)
            writer.write_idx(index, mx.recordio.pack_img(header, np.zeros((8, 8, 3), np.uint8)))
        writer.close()
        (folder / "packed/train.lst").touch()

    def write(self, name, value):
        """Write a file, of bytes or as JSON."""
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)

    def load(self):
        """A network by its run's settings."""
        path = str(self.folder / "run")
        find_spec(path, None, {})
        aff.load(path)

    def held(self):
        """A run held to its settings, and checked."""
        check_run(str(self.folder / "run"))
        changes(CONFIG, {"devices": 1}, str(self.folder / "run"))

    def config(self):
        """A configuration of a run, and what is asked of one."""
        config = read_config(str(self.folder / "run" / "settings.json")).check()
        config.name, config.data, config.as_dict()
        config.schedule(10)

    def logs(self):
        """A run's log beside its settings."""
        folder = str(self.folder / "logs")
        choose("x", str(self.folder / "begun"), folder, "auto")
        own_runs(folder)
        for read in (read_curve, outcome, compared):
            try:
                read(folder)
            except aff.InputError:
                continue

    def event_log(self):
        """A log and what reads it."""
        folder = str(self.folder / "logs")
        own_runs(folder)
        readers = (read_curve, outcome, compared, read_events)
        for read in (*readers, lambda path: RunLogger(path).go_back(1)):
            try:
                read(folder)
            except aff.InputError:
                continue

    def result(self):
        """A run whose log is elsewhere."""
        compared(str(self.folder / "begun"))

    def resumed(self):
        """A checkpoint, and an epoch after it."""
        state = RunState.resumed(self.checkpoint, self.trainer, ("test",))
        state.realign(self.trainer, 6)
        for record in state.history:
            record.line(10)
        state.add(EpochRecord(**{**vars(RECORD), "epoch": state.next_epoch}), "test")
        assert state.best() and state.where

    def manifest(self):
        """The manifest of packed images."""
        out = str(self.folder / "packed")
        is_done(out, "train", {"seed": 0})
        read_manifest(out)
        names_of_classes(RecordImages(f"{out}/train.rec"), 2)

    def exported(self):
        """The list of exports beside a parameter file."""
        path = str(self.folder / "exports" / "it.params")
        known_of(path)
        aff.load(path)


def tries(folder, rng, times):
    """Mutations of each file, and what reads it."""
    files = Files(folder)
    packed = Packed(
        source="x",
        folder="/x",
        classes=["a", "b"],
        sha256="x",
        sha256_of_lists={".idx": "x", ".lst": "x"},
        images=4,
        images_of_class=[2, 2],
        bytes=os.path.getsize(folder / "packed/train.rec"),
        seed=0,
    )
    network = {"name": MODEL[0], "kwargs": MODEL[1]}
    images = {"shape": ["N", 3, 32, 32], "mean": [0.5], "std": [1.0], "shorter_side": None}
    exported = {"network": network, "data": {"dataset": "digits", "labels": None}, "input": images}
    errors = {"epoch": 1, "top1_error": {"test": 0.3}, "top5_error": {"test": 0.1}}
    result = {"best": errors, "last": errors, "average": None, "epochs": 2, "seconds": 3.5}
    flat = {key: CONFIG.as_dict()[key] for key in ("dataset", "lr", "lr_decay_epoch", "mixup")}
    flat = {**flat, "model": "resnet", "blocks": 1, "fusion": "AFF", "deep_stem": False}
    evaluation = vars(Evaluation(WEIGHTS_RECORD.sha1, 0.1, 10_000, "it"))
    kept = f"params/{WEIGHTS_RECORD.name}.evaluation.json"
    cases = {
        "settings.json, loaded": ("run/settings.json", settings(), files.load),
        "settings.json, as a configuration": ("run/settings.json", settings(), files.config),
        "fields, as a configuration": ("run/settings.json", flat, files.config),
        "settings.json, of a resumed run": ("run/settings.json", settings(), files.held),
        "settings.json, beside a log": ("logs/settings.json", settings(), files.logs),
        "result.json": ("begun/result.json", result, files.result),
        "state.json": ("checkpoint-0001/state.json", files.state, files.resumed),
        "manifest.json": ("packed/manifest.json", {"train": vars(packed)}, files.manifest),
        "evaluation.json": (
            kept,
            evaluation,
            lambda: evaluated(WEIGHTS_RECORD, str(folder / "params")),
        ),
        "export.json": ("exports/export.json", {"files": {"it.params": exported}}, files.exported),
    }
    for what, (name, value, read) in cases.items():
        files.write(name, value)
        read()  # untouched, it is read
        for _ in range(times):
            files.write(name, harmful(value, rng))
            yield what, read
        files.write(name, value)
    for _ in range(times):
        lines = [json.dumps(event).encode() for event in events()]
        place = rng.randrange(len(lines))
        lines[place] = harmful(events()[place], rng).replace(b"\n", b" ")
        files.write("logs/train.jsonl", b"\n".join(lines) + b"\n")
        yield "train.jsonl", files.event_log
