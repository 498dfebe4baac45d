"""Making ``.rec`` files from folders of images or archives: decoded once to be sure, written whole
or not at all, with a manifest that says what they hold.

Records are mxnet's (`mxnet.recordio`), as its im2rec writes them; im2rec itself stops at, or loses
without a word, images that do not decode.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import cv2
import mxnet as mx
import numpy as np

from ..utils.errors import InputError
from ..utils.files import remove, sync_path, write_json
from ..utils.report import printable
from ..utils.sums import sha256
from .archives import ArchiveImages
from .decoding import decode
from .images import FolderImages
from .loader import prefetch
from .packed import ENDINGS, MANIFEST, Packed, Progress, all_of_manifest, is_done
from .recordio import holds

AHEAD = 64
#: Pixels of a side that JPEG's library writes.
MAX_JPEG = 65_500
NO_ROOM = "cannot be written whole: make room on the disk"
Source = Union[FolderImages, ArchiveImages]


@dataclass(frozen=True)
class Packing:
    """How images become records.

    Parameters
    ----------
    resize : int
        Scale the shorter side to so many pixels where it is longer; 0: keep the files as they are.
    quality : int
        Of the JPEG files that scaling writes, 1 to 100.
    seed : int
        Of the order of the training images.
    """

    resize: int = 0
    quality: int = 95
    seed: int = 0

    def effective(self, part: str) -> Dict[str, Optional[int]]:
        """Return what of this has an effect on a part; the rest None."""
        return {
            "resize": self.resize,
            "quality": self.quality if self.resize else None,
            "seed": self.seed if part == "train" else None,
        }

    def content(self, content: bytes, name: str) -> bytes:
        """Return what a record holds of an image file.

        Raises
        ------
        InputError
            For a file that does not decode, or is too long for JPEG.
        """
        pixels = decode(content, name)
        shorter = min(pixels.shape[:2])
        if not self.resize or shorter <= self.resize:
            return content
        height, width = (self.resize * side // shorter for side in pixels.shape[:2])
        if max(height, width) > MAX_JPEG:
            raise InputError(f"{name}: a side of more than {MAX_JPEG} pixels is none of JPEG's")
        scaled = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        return cv2.imencode(".jpg", cv2.cvtColor(scaled, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def pack(
    images: Source, out: str, part: str, how: Packing, workers: int, progress: Progress
) -> Optional[Packed]:
    """Write ``<part>.rec``, ``.idx`` and ``.lst``, and the manifest's entry.

    Parameters
    ----------
    images : FolderImages or ArchiveImages
        What to pack.
    out : str
        The folder; it exists.
    part : str
        ``'train'``, which is shuffled, or ``'val'``, in order.
    how : Packing
        How.
    workers : int
        Threads that decode and scale.
    progress : callable
        Wraps an iterable, given its length and a description.

    Returns
    -------
    dict or None
        The manifest's entry, or None where all is done already.

    Raises
    ------
    InputError
        Where no image decodes, and where files lie there that were not made so.
    """
    wanted: Dict[str, Any] = {**how.effective(part), "source": images.fingerprint()}
    if is_done(out, part, wanted):
        return None
    manifest, places = all_of_manifest(out), [os.path.join(out, part + end) for end in ENDINGS]
    others = [path for path in places if part not in manifest and os.path.lexists(path)]
    if others:
        raise InputError(
            f"{others[0]}: is there already, and was not made by 'aff prepare': move it away, or "
            "name another OUT"
        )
    order = np.arange(len(images))
    if part == "train":
        order = np.random.default_rng(how.seed).permutation(order)
    temporary = {ending: os.path.join(out, f".{part}{ending}.tmp") for ending in ENDINGS}
    for path in temporary.values():  # a link there would lead what is written elsewhere
        remove(path)
    try:
        bad, counts = _write(images, order.tolist(), temporary, how, workers, progress, part)
        if sum(counts) and not holds(temporary[".rec"], sum(counts)):  # of which its writer is mute
            raise InputError(f"{part}.rec: {NO_ROOM}")
        sync_path(temporary[".rec"])
        entry = Packed(
            **wanted,
            folder=printable(os.path.abspath(images.source)),
            images=sum(counts),
            classes=list(images.classes),
            images_of_class=counts,
            bytes=os.path.getsize(temporary[".rec"]),
            sha256=sha256(temporary[".rec"]),
            sha256_of_lists={ending: sha256(temporary[ending]) for ending in ENDINGS[1:]},
            left_out=bad,
        )
        if not entry.images:
            raise InputError(f"{images.source}: none of its {len(images)} images decodes")
        write_json(os.path.join(out, MANIFEST), {**manifest, part: asdict(entry)})
        for path, place in zip(temporary.values(), places):
            os.replace(path, place)
    finally:
        for path in temporary.values():
            remove(path)
    return entry


def _write(
    images: Source,
    order: Sequence[int],
    paths: Dict[str, str],
    how: Packing,
    workers: int,
    progress: Progress,
    part: str,
) -> Tuple[List[str], List[int]]:
    """Write the records; names of the images that do not decode, and images of each class."""
    bad: List[str] = []
    counts = [0] * len(images.classes)
    written = 0
    records = mx.recordio.MXIndexedRecordIO(paths[".idx"], paths[".rec"], "w")
    try:
        with open(paths[".lst"], "w", encoding="utf-8", errors="surrogateescape") as listing:
            packed = _packed(images, order, how, workers)
            for index, content, label in progress(packed, len(order), f"pack {part}"):
                name = images.relative(index)
                if content is None:
                    bad.append(printable(name))
                    continue
                key = written
                written += 1
                header = mx.recordio.IRHeader(0, float(label), key, 0)
                records.write_idx(key, mx.recordio.pack(header, content))
                name = name.replace("\n", r"\n").replace("\r", r"\r")
                listing.write(f"{key}\t{label:.6f}\t{name}\n")
                counts[label] += 1
    except mx.MXNetError as error:
        raise InputError(f"{part}.rec: {NO_ROOM}") from error
    finally:
        records.close()
    return bad, counts


def _packed(
    images: Source, order: Sequence[int], how: Packing, workers: int
) -> Iterator[Tuple[int, Optional[bytes], int]]:
    """Return place, content (None where it cannot be read or decoded) and label of each image, in
    order.
    """

    def load(index: int) -> Tuple[int, Optional[bytes], int]:
        try:
            content, label = images.read(index)
            return index, how.content(content, images.name(index)), label
        except InputError:
            return index, None, -1

    return prefetch(lambda index: load(order[index]), len(order), max(1, workers), AHEAD + workers)
