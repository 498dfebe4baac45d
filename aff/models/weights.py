"""The published parameter files, the authors' and our own: what each is, where it lives, how it is
fetched and verified.

``published.json`` beside this module holds all that was published: a record a run, with the git
blob SHA-1 of its file in the public repository YimianDai/open-aff (of our own: in this repository),
and the tables that it stands in.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import urllib.parse
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from .. import compat
from ..utils.download import download, put_aside
from ..utils.errors import InputError, unknown
from ..utils.files import hash_of, read_json, replacing

REPOSITORY = "https://raw.githubusercontent.com/YimianDai/open-aff"
DEFAULT_ROOT = "params"
#: GitHub takes no larger file into a repository.
MAX_BYTES = 100 * 2**20


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
    unsaid : str
        What neither log nor README says, and was assumed.
    log_facts : dict or None
        The published log: where it is, its epochs, its best and last figures.
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
    unsaid: str
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
                f"mirror {base!r}: give an address that starts with http:// or https://"
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
        unsaid=run["unsaid"],
        log_facts=run["log"],
        log_settings=run.get("log_settings", ""),
        continued=run["continued"],
    )


HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
#: All that was published, and our own runs beside it: `runs`, `tables` and `paper_notes`.
PUBLISHED: Dict[str, Any] = read_json(os.path.join(HERE, "published.json"))
#: All published runs, and those of them whose parameters are a file.
RUNS = {run["name"]: _record(run) for run in PUBLISHED["runs"]}
WEIGHTS = {name: record for name, record in RUNS.items() if record.sha1}


def list_published() -> List[str]:
    """Return the names of the published parameter files."""
    return list(WEIGHTS)


def find_weights(name: str) -> WeightsRecord:
    """Return the record of a published file.

    Raises
    ------
    InputError
        For an unknown name; the message lists those that exist.
    """
    if str(name) not in WEIGHTS:
        raise unknown("published parameters", name, WEIGHTS)
    return WEIGHTS[name]


def blob_sha1(path: str) -> str:
    """Return a file's git blob SHA-1, ``sha1("blob <size>\0" + content)``, as ``git hash-object``
    prints it.
    """
    try:
        return hash_of(path, hashlib.sha1(b"blob %d\0" % os.path.getsize(path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def verify(record: WeightsRecord, path: str) -> None:
    """Refuse a file that is not the published one.

    Raises
    ------
    InputError
        With the hashes, and which published file it is where it is another one.
    """
    found = blob_sha1(path)
    if found == record.sha1:
        return
    others = [other.name for other in WEIGHTS.values() if other.sha1 == found]
    why = f"it is {others[0]}" if others else "truncated, altered, or another file"
    raise InputError(
        f"{path} is not the published {record.name}: its git blob SHA-1 is {found}, not "
        f"{record.sha1} ({why})"
    )


def shipped(record: WeightsRecord) -> str:
    """Return where this installation, or the clone that it runs from, has one of our own files.

    Raises
    ------
    InputError
        Where it has none.
    """
    for folder in (PACKAGE, os.path.dirname(PACKAGE)):
        path = os.path.join(folder, DEFAULT_ROOT, record.filename)
        if os.path.isfile(path):
            return path
    raise InputError(
        f"{record.filename} is not in this installation: a clone of the repository has it in "
        f"{DEFAULT_ROOT}/; there, 'git checkout -- {DEFAULT_ROOT}' brings a lost one back"
    )


def fetch(
    name: str,
    root: Optional[str] = None,
    mirror: Optional[str] = None,
    source: Optional[str] = None,
) -> str:
    """Put a published file into a folder, verified.

    A file that is there already is verified and left; a wrong one is kept aside as
    ``<name>.params.refused`` once the right one is here.

    Parameters
    ----------
    name : str
        One of `list_published()`.
    root : str, default 'params'
        The folder; it is created.
    mirror : str, optional
        Address that serves ``<commit>/<path>`` as GitHub's raw files do; the environment variable
        ``AFF_MIRROR`` names one too.
    source : str, optional
        Copy this file instead of downloading one. (Our own files are copied from this installation
        or clone without it.)

    Returns
    -------
    str
        The file's path.

    Raises
    ------
    InputError
        Where it cannot be had or is not the published one.
    """
    record = find_weights(name)
    if record.ours and source is None:
        source = shipped(record)
    root = root or DEFAULT_ROOT
    path = os.path.join(root, record.filename)
    if source is not None:
        verify(record, source)
    if os.path.isfile(path) and blob_sha1(path) == record.sha1:
        return path
    url = record.url(mirror) if source is None else ""
    try:
        os.makedirs(root, exist_ok=True)
        if source is not None:
            with replacing(path) as temporary:
                shutil.copyfile(source, temporary)
                verify(record, temporary)
                if os.path.exists(path):
                    put_aside(path, path)
            return path
    except OSError as error:
        raise InputError(f"{root}: cannot be written to ({error.strerror})") from error
    try:
        download(url, path, lambda part: verify(record, part), MAX_BYTES)
    except InputError as error:
        official = record.url(REPOSITORY)
        what = "that address" if url == official else official
        raise InputError(
            f"{error}. Fetch {what} elsewhere and put the file here with: "
            f"{fetch_command(name, root)} --from FILE"
        ) from error
    return path


def fetch_command(name: str, root: str) -> str:
    """Return the command that fetches a published file into a folder."""
    where = "" if root == DEFAULT_ROOT else f" --root {shlex.quote(root)}"
    return f"python -m aff fetch {name}{where}"
