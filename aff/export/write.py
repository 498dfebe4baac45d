"""An export from beginning to end: the files, the check, and what is said of them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from mxnet.gluon import HybridBlock

from ..utils.errors import InputError, RunError
from ..utils.files import (
    exclusive_file,
    folder_for_files,
    sync_path,
    write_json,
)
from ..utils.libraries import library
from ..utils.opening import hash_of
from ..utils.report import versions
from .check import Check, compare
from .graph import parameter_arrays
from .networks import (
    EXPORTS,
    ONNX,
    PYTORCH,
    SYMBOL,
    Network,
    as_function,
    open_onnx,
    open_symbol,
    read_entries,
)
from .onnx_file import OPSET, write_onnx
from .pytorch_file import torch_source, write_safetensors
from .source import Source
from .symbol_file import write_symbol


@dataclass(frozen=True)
class Options:
    """How a network is exported.

    Parameters
    ----------
    opset : int, default 13
        Of ONNX.
    preprocessing : bool, default False
        Whether the ONNX network takes pixels and normalises them.
    float16 : bool, default False
        Float16: of PyTorch's parameters, of ONNX's computation.
    """

    opset: int = OPSET
    preprocessing: bool = False
    float16: bool = False


@dataclass(frozen=True)
class Written:
    """Files of an export in a folder: the first one names it.

    Parameters
    ----------
    names : list of str
        The files.
    open : callable
        Gives the network in its own runtime, and in float64 where that can.
    """

    names: List[str]
    open: Callable[[], Tuple[Network, Optional[Network]]]


def _to_pytorch(folder: str, net: HybridBlock, source: Source, options: Options) -> Written:
    weights, script = f"{source.name}{PYTORCH}", f"{source.name}.py"
    text = torch_source(source)
    arrays = parameter_arrays(net)
    write_safetensors(os.path.join(folder, weights), arrays, source, options.float16)
    with open(os.path.join(folder, script), "w", encoding="utf-8") as file:
        file.write(text)

    def opened() -> Tuple[Network, Optional[Network]]:
        library("torch")
        module = load_script(os.path.join(folder, script))

        def in_double(data: np.ndarray) -> np.ndarray:
            return as_function(module.create().double())(data.astype("float64"))

        return as_function(module.create()), in_double

    return Written([weights, script], opened)


def _to_onnx(folder: str, net: HybridBlock, source: Source, options: Options) -> Written:
    name = f"{source.name}{ONNX}"
    path = os.path.join(folder, name)
    write_onnx(path, net, source, options.opset, options.preprocessing, options.float16)
    return Written([name], lambda: (open_onnx(path), None))


def _to_symbol(folder: str, net: HybridBlock, source: Source, options: Options) -> Written:
    names = [f"{source.name}{SYMBOL}", f"{source.name}-0000.params"]
    graph, params = (os.path.join(folder, name) for name in names)
    write_symbol(graph, params, net)
    return Written(names, lambda: (open_symbol(graph), None))


TARGETS = {"pytorch": _to_pytorch, "onnx": _to_onnx, "symbol": _to_symbol}


def load_script(path: str):
    """Run a ``NAME.py`` that was written here, and return it as a module."""
    spec = importlib.util.spec_from_file_location("aff_exported", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def export_network(
    build: Callable[[], HybridBlock],
    source: Source,
    target: str,
    out: str,
    options: Optional[Options] = None,
    check: bool = True,
) -> Tuple[List[str], Optional[Check]]:
    """Export a network to a folder, and check that what came out computes the same.

    Parameters
    ----------
    build : callable
        Gives the network with its parameters, in float32 on the CPU; called once, or twice with a
        check.
    source : Source
        What it is.
    target : str
        ``'pytorch'``, ``'onnx'`` or ``'symbol'``.
    out : str
        The folder; files of other exports in it stay.
    options : Options, optional
        How.
    check : bool, default True
        Whether to compare.

    Returns
    -------
    paths : list of str
        The files, and `EXPORTS`.
    check : Check or None
        What the comparison found.

    Raises
    ------
    InputError
        Where a library is missing, or the network has no such form.
    RunError
        Where the check fails; nothing is then written.
    """
    options = options or Options()
    _refuse(target, options)
    with folder_for_files(out), _beside(out) as folder:
        read_entries(out)
        written = TARGETS[target](folder, build(), source, options)
        found = None
        if check:
            theirs, double = written.open()
            found = compare(build(), theirs, source, options.float16, double)
            if not found.passed:
                raise RunError(f"{source.name} to {target}: {found.line()}; nothing was written")
        entries = _entries(folder, written, source, target, options, found)
        refuse_others(out, written.names)
        for name in written.names:
            os.replace(os.path.join(folder, name), os.path.join(out, name))
        keep_entries(out, entries)
    return [os.path.join(out, name) for name in [*written.names, EXPORTS]], found


def refuse_others(folder: str, names: Sequence[str]) -> None:
    """Refuse to write files in the place of what no export has written.

    Raises
    ------
    InputError
        Which names the first.
    """
    entries = read_entries(folder)
    sums = (entry.get("sha256") for entry in entries.values() if isinstance(entry, dict))
    ours = set(entries).union(*(named for named in sums if isinstance(named, dict)))
    for name in names:
        place = os.path.join(folder, name)
        if os.path.isdir(place):
            raise InputError(f"{place}: is a folder: name another with {{out}}")
        if name not in ours and os.path.lexists(place):
            raise InputError(
                f"{place}: is there already, and was not made by 'aff export': name another folder "
                "with {out}"
            )


def keep_entries(folder: str, entries: Dict[str, Any]) -> None:
    """Say of files what there is to say, in `EXPORTS` beside them; what it says of others stays."""
    with exclusive_file(os.path.join(folder, f".{EXPORTS}.lock"), lambda _: None):
        listing = os.path.join(folder, EXPORTS)
        write_json(listing, {"files": {**read_entries(folder), **entries}})
    sync_path(folder)


@contextlib.contextmanager
def _beside(out: str) -> Iterator[str]:
    """Give a folder on the disk of another, for files before they are whole."""
    try:
        temporary = tempfile.TemporaryDirectory(prefix=".aff-export-", dir=out)
    except OSError as error:
        raise InputError(f"{out}: files cannot go there: {error.strerror}") from error
    with temporary as folder:
        yield folder


def _refuse(target: str, options: Options) -> None:
    if options.preprocessing and target != "onnx":
        raise InputError(f"{{with_preprocessing}} is for onnx, not {target}")
    if options.opset != OPSET and target != "onnx":
        raise InputError(f"{{opset}} is for onnx, not {target}")
    if options.float16 and target == "symbol":
        raise InputError(
            "{float16} is for pytorch and onnx: mxnet computes in float16 on GPUs alone, where "
            "net.cast('float16') makes it of the float32 export"
        )


def _entries(
    folder: str,
    written: Written,
    source: Source,
    target: str,
    options: Options,
    check: Optional[Check],
) -> Dict[str, Any]:
    """Return what is said of an export, under its first file's name."""
    how: Dict[str, Any] = {"target": target, "float16": options.float16}
    if target == "onnx":
        how.update(opset=options.opset, preprocessing=options.preprocessing)
    sums = {name: hash_of(os.path.join(folder, name), hashlib.sha256()) for name in written.names}
    described = {**source.description(), "versions": versions_of_all()}
    said = check.figures() if check else "not made"
    return {written.names[0]: {**described, **how, "sha256": sums, "check": said}}


def versions_of_all() -> Dict[str, str]:
    """Return the versions of what exports are made with, of what there is of it."""
    found = versions()
    for name in ("onnx", "onnxruntime", "safetensors", "torch"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
