"""Small networks, trainers and runs for the training tests."""

import json
import os
import signal

import mxnet as mx

import aff
from aff.data import EvalLoader, TrainLoader
from aff.training.config import TrainConfig
from aff.training.data import Data
from aff.training.lr_scheduler import create_schedule
from aff.training.network import hybridize
from aff.training.run import Run
from aff.training.trainer import Trainer

NETWORK = "cifar_resnet8_askc"
#: Steps of one of its epochs at which `SmallRun` can be told to do something: before each of four
#: batches and at their end, before each of three batches of evaluation and at theirs.
TICKS = 9


def small_network(devices=1, seed=0, fusion="AFF", hybrid=True, **kwargs):
    """An AFF ResNet-8 for 4 classes, initialized from `seed`."""
    mx.random.seed(seed)
    contexts = [mx.cpu(i) for i in range(devices)]
    net = aff.get_model(NETWORK, fusion=fusion, classes=4, ctx=contexts, **kwargs)
    if hybrid:
        hybridize(net)
    return net


def small_trainer(
    devices=1,
    seed=0,
    fusion="AFF",
    lr=0.1,
    steps=(4, 6),
    schedule=None,
    frozen_bn=False,
    hybrid=True,
    **settings,
):
    """A trainer of a `small_network`; `steps` are epochs and steps of each."""
    kwargs = {"norm_kwargs": {"use_global_stats": True}} if frozen_bn else {}
    net = small_network(devices, seed, fusion, hybrid, **kwargs)
    schedule = schedule or create_schedule(lr, *steps, mode="cosine")
    return Trainer(net, [mx.cpu(i) for i in range(devices)], schedule, **settings)


def parameters(trainer):
    """Values of all parameters by structural name."""
    return {
        name: value.data(trainer.devices[0]).asnumpy()
        for name, value in trainer.net._collect_params_with_prefix().items()
    }


def mixed_batches(data, workers=0):
    """Training batches with mixup in the first two epochs and label smoothing."""
    return TrainLoader(data, 6, 0, workers, mixup_alpha=1.0, mixup_until=2, smoothing=0.1)


class Ticking:
    """A loader that calls `tick` before each batch, and at the end."""

    def __init__(self, loader, tick):
        self.loader, self.tick = loader, tick

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def __len__(self):
        return len(self.loader)

    def _through(self, batches):
        for batch in batches:
            self.tick()
            yield batch
        self.tick()

    def epoch(self, epoch, start=0):
        return self._through(self.loader.epoch(epoch, start))

    def __iter__(self):
        return self._through(self.loader)


def after(ticks, do):
    """A tick that calls `do` once so many have passed."""
    left = iter([False] * ticks + [True])
    return lambda: do() if next(left, False) else None


def stop():
    """What the system does when the user asks the run to stop."""
    os.kill(os.getpid(), signal.SIGTERM)


def small_run(data, folder, epochs=4, devices=1, tick=lambda: None, wrap=None, **settings):
    """A run of a `small_network` in a folder, which goes on with what is there.

    Parameters
    ----------
    tick : callable
        Is called at each of the `TICKS` of an epoch.
    wrap : callable, optional
        Is given 'train' or 'test' and the part's loader; gives another in its place.
    """
    config = TrainConfig(
        model=NETWORK,
        model_kwargs={"fusion": "ASKCFuse", "classes": 4},
        **{
            "num_epochs": epochs,
            "batch_size": 6,
            "lr": 0.1,
            "lr_mode": "cosine",
            "mixup_off_epoch": epochs - 2,
            "save_period": 2,
            "save_dir": str(folder),
            "logging_dir": str(folder / "logs"),
            "resume": "auto",
            **settings,
        },
    )
    wrap = wrap or (lambda _, loader: loader)
    train = Ticking(wrap("train", mixed_batches(data)), tick)
    test = Ticking(wrap("test", EvalLoader(data, data.test, 4)), tick)
    return Run(config, Data(train, {"test": test}), small_network(devices))


def facts(state):
    """What of a run's history does not depend on the machine's speed."""
    return [
        (r.epoch, r.lr, r.train_loss, r.train_value, r.top1_error, r.top5_error)
        for r in state.history
    ]


def events(folder):
    """The events of a run's log."""
    with open(folder / "logs" / "train.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
