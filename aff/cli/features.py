"""``aff features``: images as the vectors that a network's output layer is given."""

from __future__ import annotations

import json
from typing import Any, List

import numpy as np

from ..inference.spec import source_of
from ..utils.files import check_destination, replacing
from ..utils.values import nonempty
from .common.image_paths import add_image_arguments, open_batches, say
from .common.parser import Parser, parse

__all__ = ["add_arguments", "parse", "run"]

#: It takes runs of a user's networks, whose modules `--import` names.
LOADS = True
GROUP, HELP = "evaluate", "images as vectors of a network, for search and for other classifiers"
DESCRIPTION = (
    "Write the pooled vectors that a network's output layer is given, one an image, to a NumPy "
    "file: features (N, D) float32, paths, class_names, and description, JSON of the network. An "
    "image that cannot be read is named and left out, and the exit code is then 1."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=nonempty,
        default="features.npz",
        help="the NumPy file, .npz",
    )
    add_image_arguments(parser)


def run(out: str, **given: Any) -> int:
    """Compute the vectors and write them."""
    check_destination(out, ["npz"])
    predictor, batches = open_batches(**given)
    paths: List[str] = []
    vectors: List[np.ndarray] = []
    for batch in batches:
        if batch:
            vectors.append(predictor.features(np.stack([image.view for image in batch])))
            paths += [image.path for image in batch]
    batches.check_some()
    features = np.concatenate(vectors)
    description = source_of(predictor.spec).description()
    with replacing(out) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            features=features,
            paths=np.array(paths),
            class_names=np.array(predictor.class_names or []),
            description=np.array(json.dumps(description)),
        )
    say(f"wrote {out}: {batches.told()}, vectors of {features.shape[1]}")
    return 1 if batches.unread else 0
