"""Small runs of segmentation networks."""

from dataclasses import replace

import mxnet as mx

from aff.training.amp import Float32
from aff.training.config import TrainConfig
from aff.training.network import network_for
from aff.training.process_group import ProcessGroup
from aff.training.run import Run
from aff.training.sources import open_source

from .helpers import Ticking


def config_for(data, folder, **settings):
    """The settings of a run on the images and masks of a folder, which goes on with what is
    there.
    """
    return replace(
        TrainConfig.from_args({"model": "fpn_cifar_resnet8_askc"}, "segmentation"),
        **{
            "data_dir": str(data),
            "num_epochs": 3,
            "batch_size": 4,
            "crop_size": 16,
            "scale": [0.8, 1.25],
            "lr": 0.05,
            "save_period": 2,
            "num_workers": 0,
            "save_dir": str(folder),
            "logging_dir": str(folder / "logs"),
            "resume": "auto",
            **settings,
        },
    )


def mask_run(data, folder, devices=1, tick=lambda: None, **settings):
    """A run as `config_for` has it; `tick` is called before each batch, and at the end of all."""
    config = config_for(data, folder, **settings)
    source, contexts = open_source(config), [mx.cpu(i) for i in range(devices)]
    config = config.for_classes(source.classes)
    loaded = source.load(config, contexts, ProcessGroup())
    loaded = replace(
        loaded,
        train=Ticking(loaded.train, tick),
        evals={part: Ticking(batches, tick) for part, batches in loaded.evals.items()},
    )
    return Run(config, loaded, network_for(config, contexts, Float32()))
