"""Folders of images and masks, and COCO's annotations, damaged or made to do harm."""

import json

import numpy as np

from aff.data.coco import read_coco
from aff.data.coco_set import CocoManifest, CocoPart
from aff.data.made_folder import read_made
from aff.data.mask_file import decode_mask, encode_mask
from aff.data.mask_folders import mask_parts
from aff.data.scene_set import MADE_BY, SceneManifest, ScenePart
from aff.data.scene_sizes import find_size_maps
from aff.data.scenes import SceneSettings

from ..data.masked import write_masked
from ._json import harmful
from .folders import KINDS
from .params import mutated

NAMES = (
    *("train/images/000.png", "train/masks/000.png", "classes.txt"),
    *("voc/ImageSets/Segmentation/train.txt", "voc/SegmentationClass/000.png"),
)
SIZE = (12, 9)
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
    "categories": [{"id": 3, "name": "stop sign"}, {"id": 4, "name": "dog"}],
    "annotations": [
        {"image_id": 1, "category_id": 3, "segmentation": [[1, 1, 8, 1, 8, 9, 1, 9]]},
        {
            "image_id": 1,
            "category_id": 4,
            "iscrowd": 1,
            "segmentation": {"size": [*SIZE], "counts": [50, 8, 50]},
        },
        {
            "image_id": 1,
            "category_id": 4,
            "segmentation": {"size": [*SIZE], "counts": "b1X2"},
        },
    ],
}
MANIFESTS = (
    SceneManifest(
        MADE_BY, "it", SceneSettings(), [8, 9], {"train": "x"}, {"train": ScenePart(1, "x", {}, {})}
    ),
    CocoManifest("it", ["background", "dog"], {"train": CocoPart("x", 1, {"dog": 3}, ["a.jpg"])}),
)


def read_folder(folder):
    """All that is read of a folder."""
    for masks in mask_parts(str(folder)).values():
        masks.order()
        masks.count_pixels()
        assert masks.sums
        for index in range(len(masks)):
            pixels, labels = masks.read(index)
            assert pixels.shape[:2] == labels.shape == tuple(masks.sizes[index])


def read_annotations(path):
    """All that is read of COCO's annotations; images are not so large that they could not be."""
    coco = read_coco(str(path))
    for image in coco.images:
        if image.width * image.height < 1 << 20:
            coco.mask(image)


def divide(scenes, labels):
    """What is made of sizes."""
    maps = find_size_maps(scenes)
    if maps:
        maps.divide(labels, 0)


def tries(folder, rng, times):
    """Every kind of file under every name; then what is in the files, changed."""
    for part in ("train", "val"):
        write_masked(folder / part, 2)
    write_masked(folder / "voc", 2, images="JPEGImages", masks="SegmentationClass")
    (folder / "voc/ImageSets/Segmentation").mkdir(parents=True)
    for part, name in (("train", "000"), ("val", "001")):
        (folder / f"voc/ImageSets/Segmentation/{part}.txt").write_text(f"{name}\n")
    (folder / "classes.txt").write_text("ground\nroad\nsky\n")
    for name in NAMES:
        path = folder / name
        before = path.read_bytes()
        for kind, make in KINDS.items():
            path.unlink()
            make(str(path))
            yield kind, lambda: read_folder(folder / "voc" if "voc" in name else folder)  # noqa: B023
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
                path.touch()
            (folder / f"{name}.fifo").unlink(missing_ok=True)
        path.write_bytes(before)
    (folder / "train" / "sides").mkdir()
    (folder / "train/sides/000.png").write_bytes(encode_mask(np.zeros((24, 32), np.uint8)))
    scenes, labels = mask_parts(str(folder))["train"], np.zeros((24, 32), np.uint8)
    mask = encode_mask(np.arange(108, dtype=np.uint8).reshape(SIZE))
    annotations, manifest = folder / "instances.json", folder / "manifest.json"
    for number in range(times):
        content = mutated(mask, rng)
        yield "mutated masks", lambda: decode_mask(content, "it")  # noqa: B023
        annotations.write_bytes(harmful(COCO, rng))
        yield "annotations", lambda: read_annotations(annotations)
        said = MANIFESTS[number % 2]
        manifest.write_bytes(harmful(json.loads(json.dumps(said, default=vars)), rng))
        yield "manifests", lambda: read_made(str(folder), said.made_by, type(said))  # noqa: B023
        yield "manifests", lambda: divide(scenes, labels)
