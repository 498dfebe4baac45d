"""The published runs as data: the command that the authors published, the one that reproduces what
their log says was run, and what the two differ in; and those of our own parameters.

Scores, networks and files are those of :mod:`aff.published`, under the same names. Where a command
was never published, `command` is put together from the log and the network, and `unsaid` names
what neither says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, List, Optional

from ..models.factory import resolve_model
from ..models.weights import PUBLISHED, Published
from ..utils.errors import unknown
from .experiment import grid

CIFAR, IMAGENET = "train_cifar.py", "train_imagenet.py"


@dataclass(frozen=True)
class Recipe:
    """A published run.

    Parameters
    ----------
    name : str
        Name of the published parameters.
    command : str
        Script and flags that reproduce the run.
    published : str, optional
        The command in the authors' README, word for word.
    really : str
        What was run, and where that is known from, where the published command says otherwise or
        there is none; or an empty text.
    unsaid : str
        What neither log nor README says, and was assumed.
    """

    name: str
    command: str
    published: Optional[str] = None
    really: str = ""
    unsaid: str = ""

    @property
    def record(self) -> Published:
        """The parameters that the run gave."""
        return PUBLISHED[self.name]

    @property
    def script(self) -> str:
        """The script's name."""
        return self.command.split()[0]

    @property
    def flags(self) -> List[str]:
        """The script's flags."""
        return self.command.split()[1:]


_CIFAR_RESNET = (
    f"{CIFAR} --model resnet --dataset {{dataset}} --blocks 5 --channel-times 4 --gpus 0 "
    "--start-layer 1 --num-epochs 400 --mode hybrid -j 2 --batch-size 128 --wd 0.0001 --lr {lr} "
    "--lr-decay 0.1 --lr-decay-epoch 300,350"
)
_CIFAR_RESNEXT = (
    f"{CIFAR} --model {{model}} --dataset {{dataset}} --gpus 0,1,2 --num-epochs 640 --mode hybrid "
    "-j 28 --batch-size 128 --wd 0.0001 --lr 0.2 --lr-decay 0.1 --lr-decay-epoch 300,450"
)
_COARSE = (
    "trained and scored on the 20 superclasses (--labels coarse): the published code read them, as "
    "the authors confirm (issue 14)"
)
_IMAGENET_RESNET = (
    f"{IMAGENET} --askc-type {{fusion}} --mixup --mode hybrid --lr 0.075 --lr-mode cosine "
    "--num-epochs {epochs} --batch-size {batch} --num-gpus 2 -j 48 --warmup-epochs 5 --dtype "
    "float16 --use-rec --last-gamma --no-wd --label-smoothing --save-dir {folder} --logging-file "
    "{log}.log"
)
_IMAGENET_RESNEXT = (
    f"{IMAGENET} --askc-type {{fusion}} --model resnext50_32x4d_askc --mode hybrid --lr 0.075 "
    "--lr-mode cosine --num-epochs {epochs} --batch-size 128 --num-gpus {gpus} -j 48 --use-rec "
    "--dtype float16 --warmup-epochs 5 --last-gamma --no-wd --label-smoothing --mixup --save-dir "
    "{folder} --logging-file {log}.log"
)
_ABLATION = (
    f"{IMAGENET} --askc-type {{fusion}} --mode hybrid --lr 0.075 --lr-mode cosine --num-epochs 160 "
    "--batch-size 128 --num-gpus 2 -j 48 --warmup-epochs 5 --dtype float16 --use-rec --last-gamma "
    "--no-wd --save-dir params_{name} --logging-file {name}.log"
)
_ABLATION_UNSAID = (
    "learning rate, batch size and devices: those of the published AFF-ResNet-50 command; the log "
    "shows a plain training accuracy, so neither mixup nor label smoothing"
)
_SECOND_IMAGENET = (
    f"{IMAGENET} --model {{model}} --askc-type {{fusion}} {{structure}} --auto-aug --mixup "
    "--mixup-off-epoch 5 --mode hybrid --lr 0.075 --lr-mode cosine --num-epochs 240 --batch-size "
    "128 --num-gpus 2 -j 48 --warmup-epochs 5 --dtype float16 --use-rec --last-gamma --no-wd "
    "--label-smoothing --save-dir params_{name} --logging-file {name}.log"
)
_SECOND_CIFAR = (
    f"{CIFAR} --model {{model}} --askc-type {{fusion}} {{structure}} --dataset {{dataset}} "
    "--auto-aug --label-smoothing --mixup-off-epoch 40 --num-epochs 640 --mode hybrid --batch-size "
    "128 --wd 0.0001 --lr 0.2 {rate}"
)
_SECOND_UNSAID = (
    "all but the network and what the log shows: the rest is generation 1's, with AutoAugment and "
    "label smoothing"
)
_SECOND_IMAGENET_LOG = "its log: 240 epochs, mixup off for the last 5"
_SECOND_CIFAR_LOG = "its log: 640 epochs, mixup off for the last 40, "
_CONTINUED = (
    "; it went on from trained parameters, which are not named (top-1 error {} after its first "
    "epoch)"
)
#: Flags of the learning rate that CIFAR's logs show, and how they show it.
_SECOND_CIFAR_RATES = {
    "gen2_cifar100_coarse_aff_resnet32": (
        "--cosine",
        "the error falls without steps" + _CONTINUED.format("9.98 %"),
    ),
    "gen2_cifar100_coarse_aff_resnext38_32x4d": (
        "--lr-decay 0.1 --lr-decay-epoch 280,430",
        "the error drops at epochs 280 and 430" + _CONTINUED.format("25.15 %"),
    ),
    "gen2_cifar100_coarse_aff_resnext47_32x4d": (
        "--lr-decay 0.1 --lr-decay-epoch 280,430",
        "the error drops at epochs 280 and, slightly, 430" + _CONTINUED.format("26.64 %"),
    ),
    "gen2_cifar100_fine_aff_resnet32": (
        "--lr-decay 0.1 --lr-decay-epoch 290,440",
        "the error drops at epochs 290 and 440",
    ),
    "gen2_cifar100_fine_aff_resnext47_32x4d": (
        "--lr-decay 0.1 --lr-decay-epoch 290,440",
        "the error drops at epochs 290 and 440",
    ),
}


def network_flags(record: Published) -> str:
    """The flags that name a published network's structure."""
    flags = []
    for key, value in resolve_model(record.name)[1].items():
        flag = f"--{key.replace('_', '-')}"
        if key in ("deep_stem", "avg_down", "use_se") and value:
            flags.append(flag)
        elif key in ("stem_width", "channel_times", "start_layer"):
            flags.append(f"{flag} {value}")
    return " ".join(flags)


def _imagenet(name: str, run: dict, published: dict, really: str) -> Recipe:
    template = _IMAGENET_RESNEXT if "resnext" in name else _IMAGENET_RESNET
    return Recipe(
        name,
        template.format(**{**published, **run}),
        template.format(**published),
        f"its log: {really}",
    )


def _first() -> List[Recipe]:
    """Generation 1."""
    aff, iaff = "ASKCFuse", "ResGlobLocaforGlobLocaCha"

    def said(fusion, stem, epochs, **more):
        return {"fusion": fusion, "folder": f"params_{stem}", "log": stem, "epochs": epochs, **more}

    resnet = _CIFAR_RESNET.format(dataset="cifar100", lr=0.2)
    resnext = "resnext38_32x4d"
    recipes = [
        _imagenet(
            "aff_resnet50",
            {"epochs": 160, "batch": 120},
            said(aff, "resnet50_v1b_best_AFF", 180, batch=128),
            "160 epochs at 2 x 120, not 180 at 2 x 128",
        ),
        _imagenet(
            "iaff_resnet50",
            {"batch": 96},
            said(iaff, "resnet50_v1b_best_iAFF", 180, batch=128),
            "2 x 96, not 2 x 128",
        ),
        _imagenet(
            "aff_resnext50_32x4d",
            {"epochs": 160, "gpus": 4},
            said(aff, "resnext50_32x4d_aff_best", 240, gpus=2),
            "160 epochs at 4 x 128, not 240 at 2 x 128",
        ),
        _imagenet(
            "iaff_resnext50_32x4d",
            {"epochs": 160, "gpus": 4},
            said(iaff, "resnext50_32x4d_iaff_best", 240, gpus=2),
            "160 epochs at 4 x 128, not 240 at 2 x 128",
        ),
        Recipe("cifar100_coarse_aff_resnet32", f"{resnet} --labels coarse", resnet, _COARSE),
    ]
    for name, fusion in (
        ("aff_resnet50_nomixup", aff),
        ("globglob_resnet50", "ResGlobGlobCha"),
        ("localoca_resnet50", "ResLocaLocaCha"),
    ):
        command = _ABLATION.format(fusion=fusion, name=name)
        epochs = (
            "epochs 65 to 159 of 160, a run that was resumed" if fusion == aff else "160 epochs"
        )
        recipes.append(Recipe(name, command, None, f"its log: {epochs}", _ABLATION_UNSAID))
    for name, model, fusion in (
        ("cifar100_coarse_aff_resnext38_32x4d", resnext, aff),
        ("cifar100_coarse_aff_resnext29_32x4d", "resnext29_32x4d", aff),
        ("cifar100_coarse_iaff_resnext38_32x4d", resnext, iaff),
    ):
        command = _CIFAR_RESNEXT.format(model=model, dataset="cifar100")
        published = command if (model, fusion) == (resnext, aff) else None
        if fusion != aff:
            command += f" --askc-type {fusion}"
        unsaid = "" if published else "all but network and epochs: AFF-ResNeXt-38's command"
        recipes.append(Recipe(name, f"{command} --labels coarse", published, _COARSE, unsaid))
    recipes += [
        Recipe(
            "cifar10_aff_resnet32",
            _CIFAR_RESNET.format(dataset="cifar10", lr=0.02),
            really="its log: 400 epochs",
            unsaid="all but network, epochs and learning rate: AFF-ResNet-32's command",
        ),
        Recipe(
            "cifar10_aff_resnext29_32x4d",
            _CIFAR_RESNEXT.format(model="resnext29_32x4d", dataset="cifar10"),
            really="its log: 640 epochs",
            unsaid="all but network and epochs: AFF-ResNeXt-38's command",
        ),
    ]
    return recipes


def _second() -> List[Recipe]:
    """Generation 2, whose commands were not published."""
    recipes = []
    for record in PUBLISHED.values():
        if record.generation != 2:
            continue
        template, really, rate = _SECOND_IMAGENET, _SECOND_IMAGENET_LOG, ""
        if record.dataset != "imagenet":
            rate, shown = _SECOND_CIFAR_RATES[record.name]
            template, really = _SECOND_CIFAR, _SECOND_CIFAR_LOG + shown
        command = template.format(
            name=record.name,
            model=record.model,
            fusion=record.kwargs["fusion"],
            structure=network_flags(record),
            dataset=record.dataset,
            rate=rate,
        )
        if record.label_set == "coarse":
            command += " --labels coarse"
            really += f"; {_COARSE}"
        recipes.append(Recipe(record.name, command, None, really, _SECOND_UNSAID))
    return recipes


def _own() -> List[Recipe]:
    """Runs of our own experiment whose parameters come with this repository."""
    cells = {cell.name: cell for cell in grid()}
    return [
        Recipe(
            record.name,
            " ".join([CIFAR, *cells[os.path.basename(record.curve)].settings]),
            unsaid="run on one thread of a CPU: with more, sums round otherwise",
        )
        for record in PUBLISHED.values()
        if record.ours
    ]


RECIPES: Dict[str, Recipe] = {r.name: r for r in (*_first(), *_second(), *_own())}


def find_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises
    ------
    InputError
        For an unknown name; the message lists those that exist.
    """
    if str(name) not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
