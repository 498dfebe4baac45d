"""``aff make-scenes``: a set for segmentation whose scales are known, from Fashion-MNIST."""

from __future__ import annotations

import shlex
from typing import List, Optional

from ..compat import available_cpus
from ..data.datasets import load_dataset
from ..data.made_folder import MANIFEST
from ..data.scene_set import FOLDERS, MADE_BY, make_scenes
from ..data.scenes import PARTS, SIZES, SceneSettings
from ..utils.files import folder_for_files
from ..utils.lock import locked
from ..utils.values import int_range, nonempty
from .common.parser import Parser
from .common.progress import progress

GROUP, HELP = "data", "scenes with masks, of Fashion-MNIST's items at sizes you choose"
DESCRIPTION = (
    "Draw scenes for segmentation: items of Fashion-MNIST's ten classes at many sizes, in random "
    "colours, overlapping on textured backgrounds, with exact masks. Training and test scenes have "
    f"their own items. OUT gets train/ and test/ with {', '.join(f'{name}/' for name in FOLDERS)}, "
    f"classes.txt, and {MANIFEST} of settings, counts and checksums. The same seed gives the same "
    "scenes on every machine. What is done already is left."
)
USUAL = SceneSettings()
LARGEST = 255  # of sides, which a PNG file of 8 bits tells


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument("out", metavar="OUT", type=nonempty, help="folder that the scenes go to")
    parser.add_argument(
        "--scales",
        type=int_range(4, LARGEST),
        nargs=2,
        metavar=("MIN", "MAX"),
        default=USUAL.scales,
        help=f"least and largest side of an item, in pixels, up to {LARGEST}; three equal ratios "
        f"of them are {', '.join(SIZES)}",
    )
    parser.add_argument(
        "--objects",
        type=int_range(1, 100),
        nargs=2,
        metavar=("MIN", "MAX"),
        default=USUAL.objects,
        help="least and largest number of items in a scene",
    )
    parser.add_argument(
        "--size", type=int_range(16, 1024), default=USUAL.size, help="height and width of a scene"
    )
    for part in PARTS:
        parser.add_argument(
            f"--{part}",
            type=int_range(1, 99_999),
            default=USUAL.scenes[part],
            help=f"number of {part} scenes",
        )
    parser.add_argument(
        "--seed", type=int_range(0), default=USUAL.seed, help="of all that is drawn"
    )
    parser.add_argument("--data-dir", type=nonempty, default=None, help="folder of Fashion-MNIST")
    parser.add_argument(
        "-j",
        "--num-workers",
        type=int_range(1, 256),
        default=available_cpus(),
        help="threads that draw",
    )


def run(
    out: str,
    scales: List[int],
    objects: List[int],
    size: int,
    train: int,
    test: int,
    seed: int,
    data_dir: Optional[str],
    num_workers: int,
) -> int:
    """Draw what is not there yet."""
    settings = SceneSettings(scales, seed, size, objects, {"train": train, "test": test})
    data = load_dataset("fashion-mnist", data_dir)
    flags = {"scales": scales, "objects": objects, "size": [size], "train": [train]}
    flags.update({"test": [test], "seed": [seed]})
    words = [word for name, values in flags.items() for word in (f"--{name}", *map(str, values))]
    command = shlex.join([*MADE_BY.split(), "OUT", *words])
    with folder_for_files(out), locked(out, "OUT"):
        made = make_scenes(out, settings, data, command, num_workers, progress)
    for part, (entry, is_new) in made.items():
        counts = [f"{sum(of[name] for of in entry.objects.values()):,} {name}" for name in SIZES]
        print(
            f"{part}: {entry.scenes:,} scenes, items {', '.join(counts)}, "
            f"SHA-256 {entry.contents}{'' if is_new else ' (done already)'}"
        )
    return 0
