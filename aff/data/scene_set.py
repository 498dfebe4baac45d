"""A folder of scenes: training and test scenes from Fashion-MNIST's own training and test images,
each with its mask and a map of sizes, and a manifest that says how they were made.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

import numpy as np
from PIL import Image

from ..utils.errors import InputError
from ..utils.files import replacing_folder
from .datasets import find_dataset
from .datasets.base import DataSet
from .loader import prefetch
from .made_folder import open_made, refuse_others, write_made
from .mask_file import SUFFIX, encode_mask
from .mask_folders import IMAGES, MASKS
from .scenes import PARTS, SIZES, Scene, SceneSettings, by_class, draw_scene

SIDES = "sides"
FOLDERS = (IMAGES, MASKS, SIDES)
MADE_BY = "aff make-scenes"
BACKGROUND = "background"
Progress = Callable[[Iterable, int, str], Iterable]


@dataclass(frozen=True)
class ScenePart:
    """What the manifest says of a part.

    Parameters
    ----------
    scenes : int
        How many there are.
    contents : str
        SHA-256 of all scenes' pixels, labels and sides, in order: it is the same on every machine,
        where compressed files may not be.
    objects : dict of str to dict of str to int
        Items of which a pixel is seen, by class and by size (`SIZES`).
    pixels : dict of str to int
        Pixels of each class.
    """

    scenes: int
    contents: str
    objects: Dict[str, Dict[str, int]]
    pixels: Dict[str, int]


@dataclass(frozen=True)
class SceneManifest:
    """What a folder of scenes says of itself.

    Parameters
    ----------
    made_by : str
        `MADE_BY`.
    command : str
        The command that made it.
    settings : SceneSettings
        What the scenes were drawn by.
    bounds : list of int
        The least sides, in pixels, of a middle and of a large item.
    items : dict of str to str
        SHA-256 of the images and labels of Fashion-MNIST's parts.
    parts : dict of str to ScenePart
        Those that are made.
    """

    made_by: str
    command: str
    settings: SceneSettings
    bounds: List[int]
    items: Dict[str, str]
    parts: Dict[str, ScenePart]


def make_scenes(
    out: str,
    settings: SceneSettings,
    data: DataSet,
    command: str,
    workers: int,
    progress: Progress,
) -> Dict[str, Tuple[ScenePart, bool]]:
    """Write scenes as a folder of images and masks, which :mod:`aff.data.mask_folders` reads:
    ``<part>/images/``, ``<part>/masks/``, ``<part>/sides/``, ``classes.txt`` and the manifest. A
    part is there as a whole or not at all; one that is there already is left.

    Parameters
    ----------
    out : str
        The folder; it exists, and nobody else writes to it.
    settings : SceneSettings
        What they are drawn by.
    data : DataSet
        Fashion-MNIST: its training images are for the training scenes, its test images for the
        test scenes.
    command : str
        For the manifest.
    workers : int
        Threads that draw.
    progress : callable
        Wraps an iterable, given its length and a description.

    Returns
    -------
    dict of str to (ScenePart, bool)
        Each part, and whether it was made now.

    Raises
    ------
    InputError
        For a folder that holds anything but these scenes.
    """
    splits = {part: split for part, split in data.parts().items() if part in PARTS}
    items = {part: by_class(split) for part, split in splits.items()}
    lacking = [part for part in items if not all(map(len, items[part]))]
    if lacking or min(map(len, items.values())) < data.classes:
        raise InputError(f"{data.source}: holds no items of some classes")
    sums = {part: split.sums["contents"] for part, split in splits.items()}
    wanted = SceneManifest(MADE_BY, command, settings, settings.bounds, sums, {})
    manifest = open_made(out, wanted, ("settings", "items"))
    names = [BACKGROUND, *(find_dataset(data.name).class_names(None, data.classes) or ())]
    done = {
        part: entry
        for part, entry in manifest.parts.items()
        if all(_count(out, part, folder) == entry.scenes for folder in FOLDERS)
    }
    results = {part: (entry, False) for part, entry in done.items()}
    for part in PARTS:
        if part in done:
            continue
        known, place = manifest.parts.get(part), os.path.join(out, part)
        if not known or any(_count(out, part, folder) > known.scenes for folder in FOLDERS):
            refuse_others(place)
        with replacing_folder(place) as folder:
            made = _write_part(folder, settings, part, items[part], names, workers, progress)
            done[part], results[part] = made, (made, True)
            write_made(out, replace(wanted, parts=done), names)
    return results


def _count(out: str, part: str, folder: str) -> int:
    path = os.path.join(out, part, folder)
    return len(os.listdir(path)) if os.path.isdir(path) else 0


def _write_part(
    folder: str,
    settings: SceneSettings,
    part: str,
    items: Sequence[np.ndarray],
    names: List[str],
    workers: int,
    progress: Progress,
) -> ScenePart:
    for name in FOLDERS:
        os.makedirs(os.path.join(folder, name))

    def draw(index: int) -> Tuple[Scene, List[bytes]]:
        scene = draw_scene(items, settings, part, index)
        return scene, [_png(scene.pixels), encode_mask(scene.labels), encode_mask(scene.sides)]

    digest = hashlib.sha256()
    objects: Counter = Counter()
    pixels = np.zeros(len(names), np.int64)
    count = settings.scenes[part]
    drawn = prefetch(draw, count, workers)
    for index, (scene, files) in enumerate(progress(drawn, count, f"draw {part}")):
        for name, content in zip(FOLDERS, files):
            with open(os.path.join(folder, name, f"{index:05}{SUFFIX}"), "wb") as file:
                file.write(content)
        for array in (scene.pixels, scene.labels, scene.sides):
            digest.update(array.tobytes())
        pixels += np.bincount(scene.labels.ravel(), minlength=len(names))
        for label, side in scene.objects:
            objects[names[label], SIZES[int(np.digitize(side, settings.bounds))]] += 1
    return ScenePart(
        scenes=count,
        contents=digest.hexdigest(),
        objects={name: {size: objects[name, size] for size in SIZES} for name in names[1:]},
        pixels=dict(zip(names, pixels.tolist())),
    )


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
