"""Small networks and loops for the training tests."""

import mxnet as mx

import aff
from aff.data import TrainLoader
from aff.training.lr_scheduler import create_schedule
from aff.training.trainer import Trainer, hybridize


def small_loop(
    devices=1,
    seed=0,
    fusion="AFF",
    lr=0.1,
    steps=(4, 6),
    soft_targets=False,
    precision=None,
    schedule=None,
    frozen_bn=False,
    hybrid=True,
    **settings,
):
    """A loop over an AFF ResNet-8 for 4 classes, initialized from `seed`."""
    mx.random.seed(seed)
    contexts = [mx.cpu(i) for i in range(devices)]
    kwargs = {"norm_kwargs": {"use_global_stats": True}} if frozen_bn else {}
    net = aff.get_model("cifar_resnet8_askc", fusion=fusion, classes=4, ctx=contexts, **kwargs)
    if hybrid:
        hybridize(net)
    return Trainer(
        net,
        contexts,
        schedule or create_schedule(lr, *steps, mode="cosine"),
        soft_targets=soft_targets,
        precision=precision,
        **settings,
    )


def parameters(loop):
    """Values of all parameters by structural name."""
    return {
        name: value.data(loop.devices[0]).asnumpy()
        for name, value in loop.net._collect_params_with_prefix().items()
    }


def mixed_batches(data, workers=0):
    """Training batches with mixup in the first two epochs and label smoothing."""
    return TrainLoader(data, 6, 0, workers, mixup_alpha=1.0, mixup_until=2, smoothing=0.1)
