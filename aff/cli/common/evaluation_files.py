"""The files of ``aff evaluate``: the confusion matrix, predictions image by image, all for
programs.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Dict, Iterable, List, Sequence

import numpy as np

from ...data.loader import EvaluationLoader
from ...inference.data import DATA
from ...inference.spec import EvaluationSpec
from ...training.analysis import Predictions
from ...training.evaluation import Evaluation
from ...utils.files import replacing, write_json
from ...utils.report import versions


@dataclass(frozen=True)
class Inside:
    """What there is to say of an evaluation.

    Parameters
    ----------
    spec : EvaluationSpec
        What was evaluated.
    predictions : Predictions
        Image by image.
    found : Evaluation
        The errors.
    loader : EvaluationLoader
        Gave the images, and names them.
    data : str
        What to call them.
    dtype : str
        Number format of the network.
    """

    spec: EvaluationSpec
    predictions: Predictions
    found: Evaluation
    loader: EvaluationLoader
    data: str
    dtype: str

    @property
    def classes(self) -> int:
        """Number of the network's outputs."""
        return self.spec.kwargs["classes"]

    @property
    def names(self) -> List[str]:
        """A name for each class."""
        return names_of(self.spec)


def names_of(spec: EvaluationSpec) -> List[str]:
    """Return a name for each class, no two of them the same: equal ones are followed by the
    number.
    """
    names = spec.class_names or [f"class {label}" for label in range(spec.kwargs["classes"])]
    count = Counter(names)
    return [f"{name} {i}" if count[name] > 1 else name for i, name in enumerate(names)]


def subject_of(spec: EvaluationSpec, data: str, dtype: str) -> Dict[str, Any]:
    """Return what was evaluated, as JSON: the network, its parameters, and the data, which are
    called `data`.
    """
    return {
        "network": {"name": spec.model, "kwargs": spec.kwargs, "dtype": dtype},
        "parameters": {
            "file": spec.params,
            "published": spec.weights.name if spec.weights else None,
        },
        "data": {"description": data, **{key: getattr(spec, key) for key in DATA}},
    }


def write_confusion(path: str, counts: np.ndarray, names: Sequence[str]) -> None:
    """Write a confusion matrix as CSV: a head of names, and a row for each true class."""
    rows = ([name, *row] for name, row in zip(names, counts.tolist()))
    _write_csv(path, ["true \\ predicted", *names], rows)


def write_predictions(path: str, inside: Inside) -> None:
    """Write a row for each image, in their order; ranks count from 1."""
    found, names = inside.predictions, inside.names
    head = ["index", "name", "label", "class", "rank", "probability"]
    for place in range(1, found.top.shape[1] + 1):
        head += [f"top{place}", f"top{place}_class", f"top{place}_probability"]

    def row(index: int) -> List[Any]:
        label = int(found.labels[index])
        own = f"{np.exp(found.log_likelihoods[index]):.6g}"
        cells: List[Any] = [index, inside.loader.name(index), label, names[label]]
        cells += [int(found.ranks[index]) + 1, own]
        for place, probability in zip(found.top[index].tolist(), found.probabilities[index]):
            cells += [place, names[place], f"{probability:.6g}"]
        return cells

    _write_csv(path, head, map(row, range(len(found))))


def _write_csv(path: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    # names of files are bytes, which need not be UTF-8
    text = partial(open, mode="w", encoding="utf-8", errors="surrogateescape", newline="")
    with replacing(path) as temporary, text(temporary) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def write_summary(path: str, inside: Inside) -> None:
    """Write all figures as JSON: errors and shares are fractions, 0 to 1, and the negative log
    likelihood is in nats.
    """
    spec, found, predictions = inside.spec, inside.found, inside.predictions
    images, correct = (counts.tolist() for counts in predictions.per_class(inside.classes))
    classes: List[Dict[str, Any]] = [
        {
            "label": label,
            "name": name,
            "images": images[label],
            "correct": correct[label],
            "accuracy": correct[label] / images[label] if images[label] else None,
        }
        for label, name in enumerate(inside.names)
    ]
    write_json(
        path,
        {
            **subject_of(spec, inside.data, inside.dtype),
            **asdict(found),
            "top1_error": found.top1_error,
            "top5_error": found.top5_error,
            "calibration": {
                "expected_calibration_error": predictions.calibration_error,
                "negative_log_likelihood": predictions.negative_log_likelihood,
                "bins": [bin_._asdict() for bin_ in predictions.bins()],
            },
            "classes": classes,
            "confused": [pair._asdict() for pair in predictions.confused()],
            "versions": versions(),
        },
    )
