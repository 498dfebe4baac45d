"""``aff list``: the networks, the fusions, and the published parameters."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..data.datasets import find_dataset
from ..models.records import WEIGHTS, WeightsRecord
from ..models.registry import find_family, list_networks
from ..models.summary import measured
from ..models.weights import DEFAULT_ROOT
from ..nn.fusion import describe_fusions, fusion_names, fusion_title, resolve_fusion
from ..utils.errors import InputError
from ..utils.screen import Row, columns, fold
from .common.parser import Parser
from .common.shared_flags import add_fusion_argument, add_root_argument

COSTS = ["network", "input", "trainable M", "parameters M", "GFLOPs"]
GROUP, HELP = "look", "networks, fusions and published parameters"
DESCRIPTION = (
    "List the networks with their parameters and multiply-adds at the usual input "
    "size, the fusions, and the published parameters."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "what", nargs="?", choices=SECTIONS, default=None, help="one of the lists, instead of all"
    )
    add_fusion_argument(parser)
    add_root_argument(parser)


def costs(model: str, kwargs: Dict[str, Any], size: Optional[int] = None) -> Tuple[str, str, str]:
    """Return trainable and all parameters, in millions, and multiply-adds, in thousand millions, at
    `size` pixels (by default the family's).
    """
    cost = measured(model, kwargs, size)
    return (
        f"{cost.trainable / 1e6:.2f}",
        f"{cost.parameters / 1e6:.2f}",
        f"{cost.multiply_adds / 1e9:.3f}",
    )


def list_networks_of(fusion: Optional[str], root: Optional[str]) -> str:
    """Return the networks in their usual depths: those that classify images, then those that
    classify every pixel.
    """
    fusion = resolve_fusion(fusion or "ASKCFuse")
    names = [*list_networks("imagenet"), *list_networks("cifar")]
    published = [sum(record.model == name for record in WEIGHTS.values()) for name in names]
    rows = [[*row, count] for row, count in zip(_cost_rows(names, fusion), published)]
    title = fold(
        f"Networks with {fusion_names(fusion)} (parameters in millions; GFLOPs: multiply-adds of "
        "one image; CIFAR ResNets exist in every depth 6b+2, ResNeXts in every 9b+2, Inceptions in "
        "every 3b+2)",
        indent=0,
    )
    pixels = fold(
        "Segmentation networks over all of these, here over the smallest of each kind: feature "
        "pyramids and U-Nets, the fusion in their long skips alone",
        indent=0,
    )
    others = columns(COSTS, _cost_rows(list_networks("segmentation"), fusion))
    return "\n".join([title, columns([*COSTS, "published files"], rows), "", pixels, others])


def _cost_rows(names: List[str], fusion: str) -> List[Row]:
    return [[name, find_family(name)[0].size, *costs(name, {"fusion": fusion})] for name in names]


def list_fusions_of(fusion: Optional[str], root: Optional[str]) -> str:
    """Return the fusions with their aliases."""
    rows = [[name, ", ".join(aliases), text] for name, aliases, text in describe_fusions()]
    return "Fusions of x, the body's output, and residual, the shortcut\n" + columns(
        ["fusion", "alias", "what it is"], rows, prose=True
    )


def data_label(record: WeightsRecord) -> str:
    """Return a record's data set, and its labels where there are several."""
    return f"{record.dataset} {record.label_set}" if record.label_set else record.dataset


def list_published_of(fusion: Optional[str], root: Optional[str]) -> str:
    """Return the published parameter files, and which of them are here."""
    root = root or DEFAULT_ROOT
    rows: List[Row] = []
    for record in WEIGHTS.values():
        here = os.path.isfile(os.path.join(root, record.filename))
        rows.append(
            [
                record.name,
                "here" if here else "",
                record.generation or "ours",
                data_label(record),
                f"{100 * record.top1_error:.2f}",
                fusion_title(record.kwargs["fusion"]),
                *costs(record.model, record.kwargs, find_dataset(record.dataset).size)[1:],
                record.model,
            ]
        )
    title = fold(
        "Parameters that the authors published, and ours, which come with this repository (errors "
        f"as reported; 'aff fetch NAME' gets a file into {root}/)",
        indent=0,
    )
    head = ["published parameters", "", "gen.", "data", "top-1 error %", "fusion", "params M"]
    return f"{title}\n{columns([*head, 'GFLOPs', 'network'], rows)}"


SECTIONS: Dict[str, Callable[[Optional[str], Optional[str]], str]] = {
    "models": list_networks_of,
    "fusions": list_fusions_of,
    "published": list_published_of,
}


def run(what: Optional[str], root: Optional[str], fusion: Optional[str] = None) -> int:
    """Print the lists."""
    for flag, value, section in (
        ("--fusion", fusion, "models"),
        ("--root", root, "published"),
    ):
        if value and what not in (None, section):
            raise InputError(f"{flag} is for the list of {section}, not of {what}")
    for name in [what] if what else SECTIONS:
        print(SECTIONS[name](fusion, root), end="\n" if what else "\n\n", flush=True)
    return 0
