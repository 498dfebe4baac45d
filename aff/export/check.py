"""The proof that an exported network computes what ours does: both on the same images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..data.datasets import DataSet, find_dataset, load_dataset
from ..data.datasets.fetch import offline
from ..data.transforms import normalize
from ..utils.errors import InputError
from .networks import Network
from .source import Source

#: Images of each batch: several sizes, one of a single image.
BATCHES = (1, 5, 10)
#: Part of the largest logit by which an exported network may differ, by number format.
TOLERANCE = {"float32": 1e-4, "float16": 2e-2}
#: Where our own float32 differs by more than this part of the tolerance from our float64, the
#: network amplifies rounding, and is compared in float64.
AMPLIFIES = 0.25
SEED = 0


@dataclass(frozen=True)
class Check:
    """What a comparison found.

    Parameters
    ----------
    images, inputs : int and str
        How many images of what.
    absolute, relative : float
        Largest difference of a logit, and as a part of the largest logit.
    agreement : float
        Fraction of images with the same first class.
    tolerance : float
        What `relative` may be.
    rounding : float
        Of our own float32: largest difference from our float64, as a part of the largest logit; 0
        where it was not needed.
    compared_in : str
        Number format of the comparison.
    """

    images: int
    inputs: str
    absolute: float
    relative: float
    agreement: float
    tolerance: float
    rounding: float = 0.0
    compared_in: str = "float32"

    @property
    def passed(self) -> bool:
        """Whether the networks are the same."""
        return bool(self.relative <= self.tolerance)

    def figures(self) -> Dict[str, Any]:
        """Return all of it as JSON."""
        return {**asdict(self), "passed": self.passed}

    def line(self) -> str:
        """Return it as one line."""
        amplified = (
            f" (in {self.compared_in}: this network amplifies rounding, its own float32 is "
            f"{self.rounding:.1e} away)"
            if self.rounding
            else ""
        )
        return (
            f"{self.images} inputs ({self.inputs}): largest difference {self.absolute:.2e}, "
            f"{self.relative:.1e} of the largest logit{amplified}; {100 * self.agreement:.0f} % "
            f"agree in the first class; at most {self.tolerance:.0e}: "
            f"{'passed' if self.passed else 'FAILED'}"
        )


def check_inputs(source: Source) -> Tuple[List[np.ndarray], str]:
    """Return batches of normalised images, and what they are: test images of the data set where it
    is kept in memory and its files are here, else noise of both signs.
    """
    size, count = source.input_size, sum(BATCHES)
    data, told = None, "noise"
    found = _data_of(source)
    if found and found.size == size:
        chosen = np.linspace(0, len(found.tested) - 1, count).astype(int)
        data = normalize(found.tested.images[chosen], found.mean, found.std)
        told = f"test images of {found.name}"
    if data is None:
        pixels = np.random.default_rng(SEED).integers(0, 256, (count, 3, size, size))
        data = source.normalized(pixels.astype(np.float32))
    return np.split(data, np.cumsum(BATCHES)[:-1]), told


def _data_of(source: Source) -> Optional[DataSet]:
    """Return the data set, where it is kept in memory and its files are here."""
    if not source.dataset or find_dataset(source.dataset).load is None:
        return None
    try:
        with offline():
            return load_dataset(source.dataset, source.data_dir, source.label_set)
    except InputError:
        return None


def compare(
    net: HybridBlock,
    theirs: Network,
    source: Source,
    float16: bool = False,
    theirs_in_double: Optional[Network] = None,
) -> Check:
    """Compare an exported network with ours.

    Parameters
    ----------
    net : HybridBlock
        Ours, on a CPU, in float32. It is in float64 afterwards where it amplifies rounding.
    theirs : callable
        The exported network.
    source : Source
        What it is.
    float16 : bool, default False
        Whether it computes, or keeps its parameters, in float16.
    theirs_in_double : callable, optional
        It in float64, where its runtime can.
    """
    batches, told = check_inputs(source)
    ours = _compute(net, batches, "float32")
    found = np.concatenate([theirs(batch) for batch in batches])
    if found.shape != ours.shape:
        raise InputError(f"the exported network gives {found.shape}, ours {ours.shape}")
    tolerance = TOLERANCE["float16" if float16 else "float32"]
    check = _figures(ours, found, told, tolerance)
    if check.passed or float16 or not np.isfinite(found).all():
        return check
    net.cast("float64")
    exact = _compute(net, batches, "float64")
    rounding = float(np.abs(ours - exact).max() / np.abs(exact).max())
    if rounding < AMPLIFIES * tolerance:
        return check
    if theirs_in_double:
        found = np.concatenate([theirs_in_double(batch) for batch in batches])
        return _figures(exact, found, told, tolerance, rounding, "float64")
    # No float64 there: it may be as far from the exact values as ours is, and no further.
    bound = max(tolerance, 4 * rounding)
    return _figures(exact, found, told, bound, rounding, "float32 against our float64")


def _compute(net: HybridBlock, batches: List[np.ndarray], dtype: str) -> np.ndarray:
    return np.concatenate([net(mx.nd.array(batch, dtype=dtype)).asnumpy() for batch in batches])


def _figures(ours, theirs, told, tolerance, rounding=0.0, compared_in="float32") -> Check:
    absolute = float(np.abs(ours - theirs).max())
    return Check(
        images=len(ours),
        inputs=told,
        absolute=absolute,
        relative=float(absolute / max(np.abs(ours).max(), 1e-30)),
        agreement=float((ours.argmax(1) == theirs.argmax(1)).mean()),
        tolerance=tolerance,
        rounding=rounding,
        compared_in=compared_in,
    )
