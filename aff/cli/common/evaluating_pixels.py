"""Evaluates segmentation networks for ``aff evaluate``, and reports it."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, Iterator, List, Optional, Tuple

import mxnet as mx
import numpy as np

from ...data.mask_folders import find_evaluation_masks, has_tested_masks
from ...data.mask_loader import MaskEvalLoader
from ...data.masks import MaskedImages
from ...data.scene_sizes import find_size_maps
from ...inference.network import ready_network
from ...inference.spec import EvaluationSpec
from ...inference.view import WholeView
from ...training.amp import create_precision
from ...training.analysis import confusions
from ...training.logger import RunLogger
from ...training.pixel_evaluation import PixelEvaluation, evaluate_pixels
from ...training.progress import Loop
from ...training.scores import PIXELS
from ...training.size_evaluation import SizeCollector
from ...utils.errors import InputError
from ...utils.files import write_json
from ...utils.report import printable, versions
from .evaluation_files import names_of, subject_of
from .evaluation_report import LISTED, NAME, WORST, Wanted, confusion_to, network_lines, trained_on


def create_loader(spec: EvaluationSpec, size: int, workers: int) -> Tuple[MaskEvalLoader, str]:
    """Return the loader of batches of at most so many images, and what to call the data.

    Raises
    ------
    InputError
        Where no folder is named, it holds no masks, or those of other classes.
    """
    if not spec.data_dir:
        raise InputError(f"{spec.params}: name a folder of images and masks with {{data_dir}}")
    names = spec.class_names or list(map(str, range(spec.kwargs["classes"])))
    masks = find_evaluation_masks(spec.data_dir, names, spec.val_split or 0.0)
    stride = WholeView.of_network(spec.model, spec.kwargs).stride
    return MaskEvalLoader(masks, size, stride, workers), f"masks of {masks.source}"


def report_pixels(
    spec: EvaluationSpec,
    devices: List[mx.Context],
    batch_size: int,
    workers: int,
    mode: str,
    root: Optional[str] = None,
    warning: Optional[str] = None,
    wanted: Optional[Wanted] = None,
) -> int:
    """Evaluate a segmentation network and print.

    Parameters
    ----------
    spec : EvaluationSpec
        What.
    devices : list of Context
        Where.
    batch_size, workers : int
        Images of a batch on each device at most, and threads that prepare them.
    mode : str
        ``'optimized'``, ``'hybrid'`` or ``'imperative'``.
    root : str, optional
        Folder of published parameters, of which none is of a segmentation network.
    warning : str, optional
        To be said loudly.
    wanted : Wanted, optional
        What to say and write beyond the scores.
    """
    wanted, log = wanted or Wanted(), RunLogger()
    if wanted.predictions:
        raise InputError(
            "{predictions} names the classes of images, this network gives those of pixels: "
            "'aff predict' writes masks"
        )
    on_gpu = devices[0].device_type == "gpu"
    precision = create_precision(spec.dtype if on_gpu else "float32", devices)
    net = ready_network(spec, devices, precision, mode, root)
    batches, data = create_loader(spec, batch_size * len(devices), workers)
    if warning:
        log.warn(warning)
    progress = partial(log.progress, loop=Loop("evaluate", len(batches)))
    maps = find_size_maps(batches.masks)
    sizes = SizeCollector(batches, maps, spec.kwargs["classes"]) if maps else None
    found = evaluate_pixels(net, batches, devices, precision.dtype, progress, observe=sizes)
    by_size = sizes.results if sizes else {}
    log.text(f"{data}: {PIXELS.phrase(PIXELS.of(found), len(found.counts))}")
    counted = f"{found.samples} images, {found.pixels:,} pixels"
    for line in network_lines(spec, precision.dtype, counted):
        log.text(line)
    for line in remarks(spec, batches.masks, found, by_size):
        log.text(line)
    names = names_of(spec)
    if wanted.per_class:
        for line in class_table(found, names, wanted.json):
            log.text(line)
    if wanted.confusion:
        title = f"{data}: mIoU {100 * found.miou:.2f} %, pixels"
        confusion_to(
            *(wanted.confusion, found.counts, confusions(found.counts), names, title), "pixels"
        )
    if wanted.json:
        subject = subject_of(spec, data, precision.dtype)
        figures = {**summary(found, names), **({"sizes": of_sizes(by_size)} if by_size else {})}
        write_json(wanted.json, {**subject, **figures, "versions": versions()})
    for path in wanted.files().values():
        log.text(f"wrote {path}")
    return 0


def remarks(
    spec: EvaluationSpec,
    masks: MaskedImages,
    found: PixelEvaluation,
    by_size: Dict[str, PixelEvaluation],
) -> Iterator[str]:
    """Yield what else is to be said of scores: whether images of training may be among theirs,
    those by size, and whether classes are missing.
    """
    if not has_tested_masks(spec.data_dir or ""):
        yield from trained_on(spec, masks.order)
    for name, part in by_size.items():
        yield f"pixels of {name} items, or nearest to them: {PIXELS.brief(PIXELS.of(part), 0)}"
    absent = int((found.counts.sum(axis=1) == 0).sum())
    if absent:
        yield (
            f"{absent} of the network's {len(found.counts)} classes are in none of these masks; "
            "where it finds one of them, its IoU is 0, and counts"
        )


def of_sizes(found: Dict[str, PixelEvaluation]) -> Dict[str, Any]:
    """Return scores by the size of the items that are seen, or nearest, as JSON."""
    return {name: {"pixels": part.pixels, **PIXELS.of(part)} for name, part in found.items()}


def class_table(found: PixelEvaluation, names: List[str], json: Optional[str]) -> Iterator[str]:
    """Yield lines of at most 80 columns: the classes that occur, the worst first; `json` is the
    file that has the rest.
    """
    pixels, iou = found.counts.sum(axis=1), found.class_iou
    worst: Dict[int, str] = {}
    shown_names = [printable(name, NAME) for name in names]
    for pair in confusions(found.counts):
        worst.setdefault(pair.label, shown_names[pair.predicted])
    there = sorted(np.flatnonzero(~np.isnan(iou)).tolist(), key=lambda label: iou[label])
    shown = there if len(there) <= LISTED else there[:WORST]
    width = max(len("class"), *(len(shown_names[label]) for label in shown))
    yield ""
    yield f"  {'class':<{width}}       pixels       IoU  taken most often for"
    for label in shown:
        line = f"  {shown_names[label]:<{width}}  {pixels[label]:>11}  {100 * iou[label]:>6.2f} %"
        yield f"{line}  {worst.get(label, '-')}"
    if len(shown) < len(there):
        yield f"  these are the worst; {json or '--json FILE'} has all {len(there)} classes"
    if len(there) < len(names):
        yield f"  {len(names) - len(there)} other classes do not occur, and do not count"


def summary(found: PixelEvaluation, names: List[str]) -> Dict[str, Any]:
    """Return all figures as JSON: scores are fractions, 0 to 1, null of classes that do not occur;
    the matrix's rows are true classes.
    """
    return {
        "images": found.samples,
        "pixels": found.pixels,
        "miou": found.miou,
        "pixel_error": found.pixel_error,
        "classes": [
            {
                "label": label,
                "name": name,
                "pixels": int(found.counts[label].sum()),
                "found": int(found.counts[:, label].sum()),
                "correct": int(found.counts[label, label]),
                "iou": None if np.isnan(iou) else float(iou),
            }
            for label, (name, iou) in enumerate(zip(names, found.class_iou))
        ],
        "confusion": found.counts.tolist(),
    }
