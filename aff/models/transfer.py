"""Parameters of one network to another: what fine-tuning starts from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mxnet.gluon import HybridBlock, Parameter

from ..utils.errors import InputError, shorten
from ..utils.params_file import ArrayFile
from .features import FeatureMaps
from .parameters import cast_to, set_values
from .parts import output_layer


@dataclass(frozen=True)
class Transfer:
    """What a network was given of a parameter file.

    Parameters
    ----------
    path : str
        The file.
    loaded : int
        Arrays that were taken whole.
    classes, kept : int
        Outputs of the network, and those of them that were taken because their classes have the
        same names.
    missing, other, left_over : list of str
        Parameters that the file lacks, or has in another shape (the output layer's aside), which
        stay as they were; and arrays of the file that the network has no use for.
    """

    path: str
    loaded: int
    classes: int
    kept: int
    missing: List[str]
    other: List[str]
    left_over: List[str]

    def lines(self) -> List[str]:
        """Return what to say of it."""
        outputs = f"{self.kept} of its {self.classes} outputs are those of the same class's name"
        new = f"a new output layer for {self.classes} classes"
        head = new if not self.kept else f"{new}; {outputs}"
        if self.kept == self.classes:
            head = f"the output layer kept: its {self.classes} classes have the same names"
        lines = [f"from {self.path}: {self.loaded} arrays, {head}"]
        findings = (
            ("not in the file, started anew", self.missing),
            ("of another shape there, started anew", self.other),
            ("of the file not used", self.left_over),
        )
        return lines + [
            f"{len(names)} {what}: {shorten(names)}" for what, names in findings if names
        ]


def same_classes(
    ours: Optional[Sequence[str]], theirs: Optional[Sequence[str]]
) -> List[Tuple[int, int]]:
    """Return the outputs of two networks that stand for a class of the same name, a pair each; of a
    name that occurs twice none, unless all names are the same.
    """
    if not ours or not theirs:
        return []
    if list(ours) == list(theirs):
        return [(label, label) for label in range(len(ours))]
    once = [
        {name for name, count in Counter(names).items() if count == 1} for names in (ours, theirs)
    ]
    places = {name: label for label, name in enumerate(theirs)}
    return [(label, places[name]) for label, name in enumerate(ours) if name in once[0] & once[1]]


def transfer_parameters(
    net: HybridBlock, path: str, outputs: Sequence[Tuple[int, int]] = ()
) -> Transfer:
    """Give a network those parameters of a file that have its names and shapes.

    Parameters
    ----------
    net : HybridBlock
        Initialized; what the file does not have stays as it is.
    path : str
        A parameter file, of a network of any number of classes; of a classifier too, whose stem
        and stages a segmentation network takes.
    outputs : sequence of (int, int)
        Outputs to be taken over, the network's with the file's: see `same_classes`. The others stay
        as they are.

    Raises
    ------
    InputError
        For a file that cannot be read, or of which nothing but the output layer fits. The network
        is then as before.
    """
    file = ArrayFile(path)
    parameters = net._collect_params_with_prefix()
    output, layer = output_layer(net)
    head = {name: parameters[name] for name in parameters if name.startswith(f"{output}.")}
    body = {name: parameter for name, parameter in parameters.items() if name not in head}
    theirs = _names_in(file, net, list(body))
    fits = [name for name, item in body.items() if file.shapes.get(theirs[name]) == item.shape]
    missing = [name for name in body if theirs[name] not in file.shapes]
    other = [name for name in body if name not in fits and name not in missing]
    if not fits:
        raise InputError(
            f"{path}: holds nothing of this network: {shorten(missing or other)} cannot be taken; "
            "name the network that its parameters are of"
        )
    values = {name: cast_to(file, theirs[name], parameters[name].dtype) for name in fits}
    rows = _outputs_of(head, file)
    pairs = [(own, their) for own, their in outputs if their < rows]
    if pairs:
        own, their = (list(places) for places in zip(*pairs))
        for name, parameter in head.items():
            values[name] = _mixed(parameter, cast_to(file, name, parameter.dtype), own, their)
    set_values(net, values)
    used = {*(theirs[name] for name in (*fits, *other)), *head}
    return Transfer(
        path=path,
        loaded=len(fits),
        classes=layer.weight.shape[0],
        kept=len(pairs),
        missing=missing,
        other=other,
        left_over=[name for name in file.shapes if name not in used],
    )


def _names_in(file: ArrayFile, net: HybridBlock, names: List[str]) -> Dict[str, str]:
    """Return what a file calls each of a network's parameters: of a segmentation network, its own
    names, or those of the classifier that its backbone is of.
    """
    maps = getattr(net, "backbone", None)
    if not isinstance(maps, FeatureMaps) or any(name in file.shapes for name in names):
        return {name: name for name in names}
    origins = {f"backbone.{name}": origin for name, origin in maps.origins.items()}
    return {name: origins.get(name, name) for name in names}


def _outputs_of(head: Dict[str, Parameter], file: ArrayFile) -> int:
    """Return the outputs of the file's layer, where that differs from the network's in its classes
    alone; else 0.
    """
    shapes = {name: file.shapes.get(name, ()) for name in head}
    alike = all(shapes[name][1:] == item.shape[1:] for name, item in head.items())
    rows = {shape[:1] for shape in shapes.values()}
    return rows.pop()[0] if alike and len(rows) == 1 and () not in rows else 0


def _mixed(
    parameter: Parameter, theirs: np.ndarray, own: List[int], their: List[int]
) -> np.ndarray:
    values = parameter.data(parameter.list_ctx()[0]).asnumpy()
    values[own] = theirs[their]
    return values
