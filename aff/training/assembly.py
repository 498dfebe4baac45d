"""From a run's settings to its trainer."""

from __future__ import annotations

from typing import Optional, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from .amp import Float32
from .config import TrainConfig
from .data import Data
from .ema import ModelEma
from .grad_clip import GradientClipper
from .network import create_network
from .process_group import ProcessGroup
from .trainer import Trainer


def trainer_for(
    config: TrainConfig,
    data: Data,
    net: HybridBlock,
    devices: Sequence[mx.Context],
    precision: Float32,
    group: Optional[ProcessGroup] = None,
) -> Trainer:
    """Return the trainer of a run: schedule, loss, optimizer and what else acts in a step.

    Parameters
    ----------
    config : TrainConfig
        Its settings.
    data : Data
        Its images.
    net : HybridBlock
        Its network, initialized on the devices.
    devices : sequence of Context
        Where it trains.
    precision : Float32
        The number format.
    group : ProcessGroup, optional
        The processes that train together, of which this is one.
    """
    average = None
    if config.model_ema:
        twin = create_network(config.model, config.model_kwargs, devices, Float32(), "imperative")
        average = ModelEma(twin, config.model_ema)
    return Trainer(
        net,
        devices,
        config.schedule(len(data.train)),
        config.momentum,
        config.wd,
        data.train.soft_targets,
        precision,
        data.loss(precision) if data.loss else None,
        group,
        config.grad_accum_steps,
        average,
        GradientClipper(config.clip_grad) if config.clip_grad else None,
        config.optimizer,
        config.optimizer_settings,
    )
