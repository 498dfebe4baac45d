"""All that was published, as records: a run each, with its parameter file, and the tables.

``published.json`` beside this module is the one store: names, commands, what each log says,
network, data, labels, scores, the file with its git blob SHA-1 in the public repository
YimianDai/open-aff
(of our own: in this repository), the curve, and the tables that runs stand in.
"""

from __future__ import annotations

import os
import urllib.parse
from dataclasses import dataclass
from typing import Any, Dict, Optional

from .. import compat
from ..utils.download import without_password
from ..utils.errors import InputError
from ..utils.json_file import read_json

REPOSITORY = "https://raw.githubusercontent.com/YimianDai/open-aff"


@dataclass(frozen=True)
class WeightsRecord:
    """A published run, and the parameter file that came of it.

    Parameters
    ----------
    name : str
        What it is called here.
    generation : int
        1, of the paper's first tables, 2, the authors' later re-implementation, or 0, our own.
    dataset : str
        What it was trained on, a name of `aff.data.datasets.DATASETS`.
    label_set : str or None
        For CIFAR-100: ``'coarse'`` where a network of 100 outputs was trained and scored on the 20
        superclasses, or ``'fine'``.
    dtype : str
        Number format that it was trained in.
    commit, path : str
        Where the file lives in the authors' repository; our own have no commit. Of a run whose
        parameters were not published these, and the sums, are empty.
    sha1 : str
        The file's git blob SHA-1.
    shapes_sha1 : str
        Digest of the names and shapes of its arrays (`aff.models.pretrained.shapes_digest`).
    metric, value : str and float
        The reported score, a fraction: ``'top1_error'`` or ``'top1_accuracy'``.
    model, kwargs : str and dict
        The network that it fits, as `aff.get_model` takes it.
    curve : str
        Name of the published training log in ``logs/published/`` (of our own: of the run in
        ``logs/``), or an empty text.
    command : str
        Script and flags that reproduce the run.
    published : str or None
        The command in the authors' README, word for word.
    really : str
        What was run, and where that is known from, where the published command says otherwise or
        there is none; or an empty text.
    log_facts : dict or None
        The published log: where it is, its epochs, their hours, its best and last figures.
    log_settings : str
        Name under which the settings that its log printed are kept (`aff.paper.recipes`).
    continued : dict or None
        What it went on from: the parameters' `file`, the `epoch`, and the `run` that they are of
        where its log was published.
    """

    name: str
    generation: int
    dataset: str
    label_set: Optional[str]
    dtype: str
    commit: str
    path: str
    sha1: str
    shapes_sha1: str
    metric: str
    value: float
    model: str
    kwargs: Dict[str, Any]
    curve: str
    command: str
    published: Optional[str]
    really: str
    log_facts: Optional[Dict[str, Any]]
    log_settings: str = ""
    continued: Optional[Dict[str, Any]] = None

    @property
    def ours(self) -> bool:
        """Whether it comes with this repository, from a run of our own."""
        return not self.generation

    @property
    def log(self) -> str:
        """Where its training log is in the repository, or an empty text."""
        if not self.curve:
            return ""
        return f"logs/{self.curve}" if self.ours else f"logs/published/{self.curve}.csv"

    @property
    def filename(self) -> str:
        """Its name in a folder of parameters."""
        return f"{self.name}.params"

    @property
    def top1_error(self) -> float:
        """The reported top-1 error, a fraction."""
        return self.value if self.metric == "top1_error" else 1 - self.value

    def url(self, mirror: Optional[str] = None) -> str:
        """Return its address, at GitHub or at a mirror of the repository's ``<commit>/<path>``."""
        base = mirror or compat.mirror() or REPOSITORY
        if not base.lower().startswith(("http://", "https://")):
            raise InputError(
                f"mirror {without_password(base)!r}: give an address that starts with http:// or https://"
            )
        return f"{base.rstrip('/')}/{self.commit}/{urllib.parse.quote(self.path)}"


def _record(run: Dict[str, Any]) -> WeightsRecord:
    file, reported, network = run["file"] or {}, run["reported"], run["network"]
    return WeightsRecord(
        name=run["name"],
        generation=run["generation"],
        dataset=run["dataset"],
        label_set=run["label_set"],
        dtype=run["dtype"],
        commit=file.get("commit", ""),
        path=file.get("path", ""),
        sha1=file.get("git_blob_sha1", ""),
        shapes_sha1=file.get("shapes_sha1", ""),
        metric=reported["metric"],
        value=reported["value"],
        model=network["name"],
        kwargs=network["kwargs"],
        curve=run["curve"] or "",
        command=run["command"],
        published=run["published_command"],
        really=run["really"],
        log_facts=run["log"],
        log_settings=run.get("log_settings", ""),
        continued=run["continued"],
    )


HERE = os.path.dirname(os.path.abspath(__file__))
#: All that was published, and our own runs beside it: `runs`, `tables` and `paper_notes`.
PUBLISHED: Dict[str, Any] = read_json(os.path.join(HERE, "published.json"))
#: All published runs, and those of them whose parameters are a file.
RUNS = {run["name"]: _record(run) for run in PUBLISHED["runs"]}
WEIGHTS = {name: record for name, record in RUNS.items() if record.sha1}
