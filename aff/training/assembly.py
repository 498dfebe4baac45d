"""From a run's settings, data and network to what trains it."""

from __future__ import annotations

from typing import Sequence

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


def create_trainer(
    config: TrainConfig,
    data: Data,
    net: HybridBlock,
    devices: Sequence[mx.Context],
    precision: Float32,
    group: ProcessGroup,
) -> Trainer:
    """Create the trainer of a run.

    Parameters
    ----------
    config : TrainConfig
        Its settings.
    data : Data
        Says what is learnt, and how many steps an epoch has.
    net : HybridBlock
        Its network, on the devices.
    devices : sequence of Context
        Where it trains.
    precision : Float32
        Its number format.
    group : ProcessGroup
        The processes that train together.
    """
    return Trainer(
        net,
        devices,
        config.schedule(len(data.train)),
        config.wd,
        data.create_task(precision),
        precision,
        group,
        config.grad_accum_steps,
        _average(config, devices) if config.model_ema else None,
        GradientClipper(config.clip_grad) if config.clip_grad else None,
        config.optimizer,
        config.optimizer_settings,
    )


def _average(config: TrainConfig, devices: Sequence[mx.Context]) -> ModelEma:
    net = create_network(config.model, config.model_kwargs, devices, Float32(), "imperative")
    return ModelEma(net, config.model_ema)
