"""What ``aff evaluate`` says and writes beyond the errors, where flags ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterator, Optional, Sequence

import numpy as np

from ...export.networks import is_exported, runtime_of
from ...inference.spec import EvaluationSpec
from ...nn.fusion import fusion_names
from ...training.analysis import Confusion, PredictionCollector
from ...training.evaluation import Observer
from ...utils.errors import InputError
from ...utils.files import check_destinations
from ...utils.report import printable
from ...viz.confusion_figure import draw
from .evaluation_files import Inside, write_confusion, write_predictions, write_summary

#: The most classes that are all listed; of more, the `WORST`. As many pairs of classes as `PAIRS`.
LISTED, WORST, PAIRS = 100, 20, 10
#: Columns of a class's name in a table.
NAME = 24
FORMATS = {"confusion": ("csv", "png"), "predictions": ("csv",), "json": ("json",)}


@dataclass(frozen=True)
class Wanted:
    """What flags ask for: tables of the classes, and the names of files."""

    per_class: bool = False
    confusion: Optional[str] = None
    predictions: Optional[str] = None
    json: Optional[str] = None

    def __bool__(self) -> bool:
        return self.per_class or bool(self.files())

    def files(self) -> Dict[str, str]:
        """Return the files by the field that names each."""
        named = {field: getattr(self, field) for field in FORMATS}
        return {field: path for field, path in named.items() if path}

    def check(self) -> None:
        """Refuse names before anything is evaluated.

        Raises
        ------
        InputError
            For one that cannot be written, or two of the same file.
        """
        check_destinations({field: (path, FORMATS[field]) for field, path in self.files().items()})


def network_lines(spec: EvaluationSpec, dtype: str, counted: str) -> Iterator[str]:
    """Yield lines that say what was evaluated, in which number format, and what was counted."""
    if dtype != spec.dtype:
        yield f"trained in {spec.dtype}, evaluated in {dtype}, which is what a CPU has"
    runtime = f", run by {runtime_of(spec.params)}" if is_exported(spec.params) else ""
    fusion = fusion_names(spec.kwargs["fusion"])
    yield f"{spec.model} with {fusion}, parameters {spec.params}{runtime}; {counted}, each once"


def trained_on(spec: EvaluationSpec, order: Callable[[], str]) -> Iterator[str]:
    """Yield what is to be said of a folder without a part to test on, where images of training may
    be among those that are counted: of another folder than that of which the run held a part out,
    or of one that an exported file does not name, all are; and the run's own may have changed.

    Parameters
    ----------
    spec : EvaluationSpec
        What is evaluated.
    order : callable
        Gives a sum that tells the images that are counted from others.
    """
    apart = "; of the run's own folder 'aff evaluate RUN' counts the held-out part alone"
    if spec.unsplit:
        yield (
            f"note: {spec.data_dir} has no val/ or test/: all its images are counted, also those "
            f"that the network may have been trained on{apart if is_exported(spec.params) else ''}"
        )
    elif spec.held_out and order() != spec.held_out:
        yield (
            f"note: the images of {spec.data_dir or spec.rec_val} are others than when the run "
            "held a part out: some that are counted now may be among those that it was trained on"
        )


def confusion_to(
    path: str,
    counts: np.ndarray,
    confused: Sequence[Confusion],
    names: Sequence[str],
    title: str,
    unit: str = "images",
) -> None:
    """Write a confusion matrix in the form that the file's name ends in."""
    if path.lower().endswith(".csv"):
        write_confusion(path, counts, names)
    else:
        draw(counts, confused, names, path, title, unit)


def observer(spec: EvaluationSpec, collector: Optional[PredictionCollector]) -> Observer:
    """Return what is given each batch of an evaluation: it refuses logits that are not the
    network's (of an exported file that does not say what it is), and collects where it is to.
    """

    def observe(logits: np.ndarray, labels: np.ndarray) -> None:
        outputs, classes = logits.shape[1], spec.kwargs["classes"]
        if outputs != classes:
            raise InputError(
                f"{spec.params} is a network of {outputs} classes, {spec.dataset} needs {classes}"
            )
        if collector:
            collector(logits, labels)

    return observe


def tell(wanted: Wanted, inside: Inside, say: Callable[[str], None]) -> None:
    """Say and write what is wanted of an evaluation."""
    found = inside.predictions
    say(
        f"expected calibration error {100 * found.calibration_error:.2f} %, mean negative log "
        f"likelihood {found.negative_log_likelihood:.4f}"
    )
    if wanted.per_class:
        for line in class_table(inside, wanted.json):
            say(line)
    if wanted.confusion:
        counts = found.confusion(inside.classes)
        title = f"{inside.data}: {100 * (1 - inside.found.top1_error):.2f} % right"
        confusion_to(wanted.confusion, counts, found.confused(), inside.names, title)
    if wanted.predictions:
        write_predictions(wanted.predictions, inside)
    if wanted.json:
        write_summary(wanted.json, inside)
    for path in wanted.files().values():
        say(f"wrote {path}")


def class_table(inside: Inside, json: Optional[str]) -> Iterator[str]:
    """Yield lines of at most 80 columns: the classes that have images, the worst first, and the
    pairs that are confused most; `json` is the file that has the rest.
    """
    images, correct = inside.predictions.per_class(inside.classes)
    confused, names = (
        inside.predictions.confused(),
        [printable(name, NAME) for name in inside.names],
    )
    worst: Dict[int, str] = {}
    for pair in confused:
        worst.setdefault(pair.label, f"{names[pair.predicted]} ({pair.images})")
    there = [label for label in range(inside.classes) if images[label]]
    there.sort(key=lambda label: (correct[label] / images[label], -images[label]))
    shown = there if len(there) <= LISTED else there[:WORST]
    yield ""
    width = max(len("class"), *(len(names[label]) for label in shown))
    yield f"  {'class':<{width}}  images   accuracy  taken most often for"
    for label in shown:
        accuracy = f"{100 * correct[label] / images[label]:.2f} %"
        line = f"  {names[label]:<{width}}  {images[label]:>6}  {accuracy:>9}"
        yield f"{line}  {worst.get(label, '-')}"
    whole = f"{json or '--json FILE'} has all"
    if len(shown) < len(there):
        yield f"  these are the worst; {whole} {len(there)} classes"
    empty = inside.classes - len(there)
    if empty:
        yield f"  {empty} other classes have no images"
    if not confused:
        return
    yield ""
    yield "  images  of class  confused most: class -> what it was taken for"
    for pair in confused[:PAIRS]:
        share = f"{100 * pair.images / images[pair.label]:.2f} %"
        yield f"  {pair.images:>6}  {share:>8}  {names[pair.label]} -> {names[pair.predicted]}"
    if len(confused) > PAIRS:
        yield f"  these are the worst; {whole} {len(confused)} pairs"
