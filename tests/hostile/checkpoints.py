"""Checkpoints that were altered: a run does not go on from one, and ``aff check`` says which."""

import json
import shutil
from functools import partial

from aff.models.parameters import save_parameters
from aff.training.checkpoint import BEST, NET, list_checkpoints, save_checkpoint
from aff.training.run_check import check_run
from aff.training.state import RunState
from aff.utils.errors import InputError
from aff.utils.sums import SUMS

from ..training.helpers import small_trainer
from .json_files import RECORD, settings

STEPS = 6


def train(folder, seed):
    """Leave a run's two checkpoints, and give its trainer."""
    trainer = small_trainer(seed=seed)
    trainer.create_states()
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(settings()))
    for epochs in (1, 2):
        trainer.step = STEPS * epochs
        history = [{**vars(RECORD), "epoch": epoch} for epoch in range(epochs)]
        state = {**vars(RunState(best_epoch=0, steps_per_epoch=STEPS)), "history": history}
        best = NET if epochs == 1 else str(folder / BEST)
        save_parameters(trainer.net, str(folder / BEST))
        save_checkpoint(str(folder), trainer, epochs, state, best={BEST: best})
    return trainer


def flip(path, rng):
    """Flip a bit."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path, rng):
    """Cut the file anywhere."""
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def step(checkpoint, number):
    """Give the state another step, of a checkpoint without sums."""
    (checkpoint / SUMS).unlink()
    path = checkpoint / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "step": number}))


def held(folder, checkpoint, trainer):
    """Neither a run nor the check takes the checkpoint, and both name it."""
    try:
        RunState.resumed(str(checkpoint), trainer)
    except InputError as error:
        assert checkpoint.name in str(error), f"names another file: {error}"
    else:
        raise AssertionError("a run goes on from it")
    damaged = [part.name for part in check_run(str(folder)).damaged]
    assert str(checkpoint) in damaged, f"aff check finds {damaged}"


def tries(folder, rng, times):
    """One alteration each, of a file or between two."""
    trainer = train(folder / "run", 0)
    train(folder / "other", 1)
    copy = folder / "copy"
    names = ("net.params", "optimizer.params", "state.json", "best.params", SUMS)
    for _ in range(times):
        shutil.copytree(folder / "run", copy)
        earlier, checkpoint = map(copy.joinpath, ("checkpoint-0001", "checkpoint-0002"))
        assert [str(earlier), str(checkpoint)] == list_checkpoints(str(copy))
        other = folder / "other" / checkpoint.name
        at = rng.choice(names)
        apart = rng.choice(("optimizer.params", "state.json", SUMS))
        what, alter = rng.choice(
            [
                ("a flipped bit", partial(flip, checkpoint / at, rng)),
                ("cut", partial(cut, checkpoint / at, rng)),
                ("a file is missing", (checkpoint / rng.choice(names[:4])).unlink),
                (
                    "another run's net",
                    partial(shutil.copy, other / "net.params", checkpoint),
                ),
                (
                    "another step's file",
                    partial(shutil.copy, earlier / apart, checkpoint),
                ),
                ("a step that is none", partial(step, checkpoint, rng.randrange(-9, 0))),
                ("another step", partial(step, checkpoint, rng.randrange(13, 10**6))),
            ]
        )
        alter()
        yield what, partial(held, copy, checkpoint, trainer)
        shutil.rmtree(copy)
