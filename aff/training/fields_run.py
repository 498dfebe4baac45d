"""The settings of how a run trains: what each means, its kind, its defaults, and what resuming may
do with it; :mod:`.fields_data` and :mod:`.fields_files` have the others.

A field added here is a flag of the training scripts, a key of ``settings.json`` and subject to the
rule of resuming; what is left to do is to act on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from ..utils.values import epochs, float_range, int_range, names, rand_aug, recorded
from .amp import DTYPES
from .lr_scheduler import MODES
from .optimizers import OPTIMIZERS
from .setting import FIXED, FREE, OF_IMAGES, SWITCH, setting


@dataclass(frozen=True)
class OptimizationSettings:
    """How a run trains."""

    num_epochs: int = setting(
        int_range(1),
        400,
        "epochs to train",
        imagenet=180,
        second={"cifar": 640, "imagenet": 240},
        segmentation=300,
    )
    batch_size: int = setting(
        int_range(1), 128, "images of a batch on each device", segmentation=32
    )
    grad_accum_steps: int = setting(
        int_range(1, 4096),
        1,
        "batches whose gradients are summed before each step of the optimizer: 2 on one device "
        "learns as two devices do",
    )
    lr: float = setting(
        float_range(0, open_minimum=True),
        0.2,
        "learning rate after the warm-up",
        imagenet=0.075,
        segmentation=0.01,
    )
    lr_mode: str = setting(
        MODES,
        "step",
        "how the learning rate falls after the warm-up: in steps, or as (1 - t)^2, or as half a "
        "cosine, to 0",
        second={"imagenet": "cosine"},
        segmentation="poly",
    )
    optimizer: str = setting(
        tuple(OPTIMIZERS),
        "nag",
        "Nesterov's accelerated gradient (nag), plain momentum (sgd), AdamW, LAMB or AdaGrad; the "
        "usual learning rate is for the usual one",
        resume=FIXED,
        segmentation="adagrad",
    )
    momentum: float = setting(float_range(0, 1), 0.9, "of Nesterov's accelerated gradient, or sgd")
    loss: str = setting(
        ("ce", "soft-iou"),
        "ce",
        "what is minimised: cross-entropy, or one minus the soft intersection over union, for "
        "objects that are small beside the background",
        only="segmentation",
    )
    beta1: float = setting(float_range(0, 0.9999), 0.9, "of adamw and lamb: decay of the mean")
    beta2: float = setting(
        float_range(0, 0.999999), 0.999, "of adamw and lamb: decay of the mean square"
    )
    epsilon: float = setting(
        float_range(0, 1),
        0.0,
        "of adamw, lamb and adagrad: what is added to the root of the mean square (adagrad: to the "
        "sum of squares, under the root); 0: the usual, 1e-8, 1e-6 and 1e-7",
    )
    wd: float = setting(float_range(0), 1e-4, "weight decay")
    no_wd: bool = setting(SWITCH, False, "no weight decay on biases, beta and gamma")
    lr_decay: float = setting(
        float_range(0, 1, open_minimum=True), 0.1, "factor of the learning rate at each step"
    )
    lr_decay_epoch: List[int] = setting(
        epochs,
        [300, 350],
        "epochs, separated by commas, before which the learning rate decays",
        imagenet=[40, 60],
        second={"cifar": [300, 450]},
    )
    lr_decay_period: int = setting(
        int_range(0),
        0,
        "epochs between decays, in place of a list of them; 0: that list",
        only="imagenet",
    )
    warmup_epochs: int = setting(
        int_range(0), 0, "epochs of linear warm-up", second={"cifar": 10, "imagenet": 5}
    )
    warmup_lr: float = setting(float_range(0), 0.0, "learning rate that the warm-up starts from")
    mixup: bool = setting(
        SWITCH,
        True,
        "train with mixup",
        only=OF_IMAGES,
        imagenet=False,
        second={"cifar": False},
        segmentation=False,
    )
    mixup_alpha: float = setting(
        float_range(0, open_minimum=True),
        1.0,
        "mixup weights are drawn from Beta(alpha, alpha)",
        only=OF_IMAGES,
        imagenet=0.2,
    )
    mixup_off_epoch: int = setting(
        int_range(0),
        20,
        "number of epochs at the end that train without mixup",
        only=OF_IMAGES,
        imagenet=0,
        second={"cifar": 40, "imagenet": 5},
    )
    cutmix_alpha: float = setting(
        float_range(0),
        0.0,
        "train with CutMix, whose share of an image that stays is drawn from Beta(alpha, alpha), "
        "in the epochs of mixup; 0: without",
        only=OF_IMAGES,
    )
    mixup_cutmix_prob: float = setting(
        float_range(0, 1),
        0.5,
        "where both are on, share of the batches that CutMix mixes",
        only=OF_IMAGES,
    )
    random_erasing: float = setting(
        float_range(0, 1),
        0.0,
        "probability that a box of an image is erased, by noise",
        only=OF_IMAGES,
    )
    rand_aug: List[int] = setting(
        rand_aug,
        [],
        "augment by N operations of RandAugment at magnitude M, 0 to 10, such as 2 9; in place of "
        "AutoAugment",
        only=OF_IMAGES,
    )
    label_smoothing: float = setting(
        float_range(0, 0.99),
        0.0,
        "smooth labels by this much, 0.1 where the flag has no value",
        only=OF_IMAGES,
    )
    auto_aug: bool = setting(
        SWITCH,
        False,
        "augment by AutoAugment's policy for this kind of images too (colour images)",
        only=OF_IMAGES,
    )
    early_stop: int = setting(
        int_range(0),
        0,
        "end the run after so many epochs without a better score on the part that chooses the best "
        "epoch; 0: never",
    )
    dtype: str = setting(
        DTYPES,
        "float32",
        "number format; float16 (with a loss scale) needs a GPU",
        resume=FIXED,
        second={"imagenet": "float16"},
    )
    clip_grad: float = setting(
        float_range(0),
        0.0,
        "largest norm of a step's gradient, of all parameters together; a longer one is scaled "
        "down to it; 0: any",
    )
    model_ema: float = setting(
        float_range(0, 0.999999),
        0.0,
        "decay of a moving average of the network, of parameters and of BatchNorm's statistics, "
        "which is evaluated beside it and saved as best-ema.params, such as 0.9999; 0: none",
    )
    mode: str = setting(
        ("hybrid", "imperative"),
        "hybrid",
        "run the network compiled, or operator by operator",
        resume=FREE,
    )
    seed: int = setting(int_range(0), 0, "of initialisation, data order, augmentation and mixup")
    val_split: float = setting(
        float_range(0, 0.9),
        0.0,
        "fraction of the training images of each class to hold out and choose the best epoch by; "
        "at 0 the test set (ImageNet: the validation images) chooses, as in the published code, "
        "which flatters the best epoch",
        resume=FIXED,
    )
    train_fraction: float = setting(
        float_range(0, 1, open_minimum=True),
        1.0,
        "fraction of the training images of each class to train on, drawn by the seed, of those "
        "that are not held out: for questions of how much data is needed",
        resume=FIXED,
    )
    finetune: Optional[str] = setting(
        recorded,
        None,
        "start from these parameters, with a new output layer for the data's classes (a class of "
        "the same name keeps its output): the NAME of published ones, a run's folder, or a file. "
        "The network is theirs, unless other flags name one",
        "fine-tuning",
        FREE,
    )
    freeze: List[str] = setting(
        names,
        [],
        "parts of the network that stand still, separated by commas: stem, stage1 and so on, or "
        "backbone for all but the output layer; their BatchNorms keep their running statistics",
        "fine-tuning",
    )
    head_lr_mult: float = setting(
        float_range(0, open_minimum=True),
        1.0,
        "factor of the learning rate in the output layer",
        "fine-tuning",
    )
    teacher: Optional[str] = setting(
        recorded,
        None,
        "learn from the outputs of this network too: published parameters by name, one of 'aff "
        "list models' with a file of parameters, or a network of GluonCV's",
        "distillation",
        only="imagenet",
    )
    teacher_params: Optional[str] = setting(
        recorded, None, "its parameters", "distillation", only="imagenet"
    )
    temperature: float = setting(
        float_range(0, open_minimum=True),
        20.0,
        "that softens both networks' outputs",
        "distillation",
        only="imagenet",
    )
    hard_weight: float = setting(
        float_range(0, 1), 0.5, "share of the labels in the loss", "distillation", only="imagenet"
    )
