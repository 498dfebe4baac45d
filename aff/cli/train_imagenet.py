"""``train_imagenet.py``: train an ImageNet network with any fusion, evaluate it every epoch, keep
the best.
"""

from __future__ import annotations

import argparse
from typing import Any, Optional

from ..inference.data import DATA
from ..inference.spec import EvaluationSpec
from ..models.naming import DEFAULT_MODELS
from ..models.parameters import count_outputs
from ..training.config import NETWORK
from ..utils.errors import InputError, spell
from ..utils.screen import fold
from ..utils.values import nonempty
from .common.config_flags import add_config_arguments
from .common.evaluating import report
from .common.parser import Parser
from .common.shared_flags import add_imagenet_network_arguments
from .common.spellings import spelling_of
from .common.training import choose, configure, spelled, train

GROUP, HELP = "train", "train an ImageNet network (the script train_imagenet.py)"
DESCRIPTION = (
    "Train an ImageNet ResNet or ResNeXt whose later stages join by attentional feature fusion, on "
    "ImageNet or any images in the same form."
)
KEEPS_COMMAND = True
#: Settings that an evaluation alone uses.
USED = {
    *(*NETWORK, *DATA, "use_rec", "rec_train", "rec_train_idx", "config", "generation", "imports"),
    *("gpus", "num_gpus", "cpus", "batch_size", "num_workers", "mode", "dtype", "command"),
}
spelling = spelling_of("imagenet")


def add_arguments(parser: Parser) -> None:
    """Add the script's flags; every one acts."""
    add_imagenet_network_arguments(parser, DEFAULT_MODELS["imagenet"])
    add_config_arguments(parser, "imagenet")
    other = parser.add_argument_group("evaluation alone")
    other.add_argument(
        "--eval-only",
        action="store_true",
        default=argparse.SUPPRESS,
        help="evaluate --params on the validation images (default: False)",
    )
    other.add_argument(
        "--params", type=nonempty, default=argparse.SUPPRESS, help="parameter file to evaluate"
    )


def run(params: Optional[str] = None, eval_only: bool = False, **given: Any) -> int:
    """Train, or evaluate parameters, as was given."""
    if eval_only and not params:
        raise InputError("{eval_only} needs {params}")
    if params and not eval_only:
        raise InputError("{params} needs {eval_only}")
    if not params:
        return train("imagenet", given)
    for key in ("smoke", "summary"):
        if given.get(key):
            raise InputError(f"{{eval_only}} and {{{key}}} are two things to do: give one")
    config = configure("imagenet", given)
    unused = [spelling(key) for key in spelled(given, "imagenet") if key not in USED]
    if unused:
        print(fold(f"not used  {', '.join(unused)} with {spelling('eval_only')}"))
    devices, warning = choose(config)
    warning = spell(warning, spelling) if warning else None
    config = config.for_classes(count_outputs(params))
    spec = EvaluationSpec(
        config.model, config.model_kwargs, params, dtype=config.dtype, **config.data
    )
    return report(spec, devices, config.batch_size, config.num_workers, config.mode, None, warning)
