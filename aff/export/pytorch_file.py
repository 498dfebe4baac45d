"""A network as one self-contained PyTorch file and its parameters, and such parameters back.

The file is put together of the modules in ``aff/export/pytorch``: those that the network's family
needs, in order, without what they import from one another.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import os
import textwrap
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Set, Tuple

import numpy as np

from ..models.family import FUSIONS
from ..models.parameters import Misfit, misfits
from ..models.registry import build_network, find_family, full_arguments
from ..utils.errors import InputError
from ..utils.files import open_to_readers
from ..utils.json_file import parse_json, typed
from ..utils.libraries import library
from ..utils.opening import ANY_SIZE, MB, check_regular, open_regular, read_text, unreadable
from .graph import Arrays
from .source import KEY, Source

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch")
#: The modules that each classifier's file is put together of, behind those of all; the last one
#: holds its `Network`.
PARTS: Dict[str, Tuple[str, ...]] = {
    "cifar_resnet{}_askc": ("cifar_stem", "preact", "cifar_resnet"),
    "resnet{}_v1b_askc": ("imagenet_stem", "resnet_v1b"),
    "cifar_resnext{}_32x4d_askc": ("cifar_stem", "resnext_block", "cifar_resnext"),
    "resnext{}_32x4d_askc": ("imagenet_stem", "resnext_block", "resnext"),
    "cifar_inception{}_askc": ("cifar_stem", "preact", "cifar_inception"),
}
#: What a segmentation network's pattern begins with, and its class in the module `segmenter`.
HOSTS = {"fpn_": "FPN", "unet_": "UNet"}
#: BatchNorm's parameters here and in PyTorch.
RENAMED = {"gamma": "weight", "beta": "bias"}
STANDARD = ("argparse", "functools", "math", "os", "sys")
MAX_HEADER = 16 * MB


@dataclass(frozen=True)
class TorchForm:
    """How a network's file is put together of the modules of ``aff.export.pytorch``.

    Parameters
    ----------
    parts : tuple of str
        The modules of its kind; the last one holds a classifier's `Network`.
    host : str
        Of a segmentation network its class in the module `segmenter`, which is made of that
        `Network`; else empty.
    started : str
        The module of its first parameters.
    """

    parts: Tuple[str, ...]
    host: str
    started: str

    def network(self) -> Callable[..., Any]:
        """Return what makes the network of the arguments of `architecture`."""
        modules = f"{__package__}.pytorch"
        classifier = importlib.import_module(f"{modules}.{self.parts[-1]}").Network
        if not self.host:
            return classifier
        host = getattr(importlib.import_module(f"{modules}.segmenter"), self.host)
        return functools.partial(host, classifier)


def torch_form(model: str) -> TorchForm:
    """Return how a network is put together in PyTorch.

    Raises
    ------
    InputError
        For a network that has no PyTorch form here.
    """
    pattern = find_family(model)[0].pattern
    prefix = next((prefix for prefix in HOSTS if pattern.startswith(prefix)), "")
    parts = PARTS.get(pattern[len(prefix) :])
    if parts is None:
        raise InputError(f"{model} has no PyTorch form here: export it to onnx or symbol")
    xavier = not prefix and parts[0] == "cifar_stem"
    return TorchForm(parts, HOSTS.get(prefix, ""), "xavier" if xavier else "msra")


def architecture(model: str, kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Return the arguments of a network's `Network` in PyTorch.

    Raises
    ------
    InputError
        For a network, a fusion or a normalisation that has no PyTorch form here.
    """
    torch_form(model)
    family, depth = find_family(model)
    known = _fusions()
    for name in (kwargs[key] for key in FUSIONS if key in kwargs):
        if name not in known:
            raise InputError(f"fusion {name} has no PyTorch form here: export it to onnx or symbol")
    found = {**full_arguments(model, kwargs), "last_gamma": kwargs.get("last_gamma", False)}
    if found.pop("norm_layer", None) or found.pop("norm_kwargs", None):
        raise InputError("a network with another normalisation has no PyTorch form here")
    takes = {**family.arguments}
    return {
        "blocks": family.blocks(depth),
        **{name: value for name, value in found.items() if name in takes and value is not None},
    }


def _fusions() -> List[str]:
    """Return the fusions that the template has, read without importing it (and torch with it)."""
    for node in _tree("fusion").body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FUSIONS":
            assert isinstance(node.value, ast.Dict)
            return [ast.literal_eval(key) for key in node.value.keys if key]
    raise AssertionError("the template has no FUSIONS")


def _text(part: str) -> str:
    return read_text(os.path.join(TEMPLATE, f"{part}.py"), MB)


def _tree(part: str) -> ast.Module:
    return ast.parse(_text(part))


def torch_source(source: Source) -> str:
    """Return the text of a network's ``NAME.py``."""
    arguments, form = architecture(source.model, source.kwargs), torch_form(source.model)
    does = "segment" if form.host else "classify"
    parts = ["layers", "fusion", "trunk", form.started, *form.parts]
    parts += [*(["segmenter"] if form.host else []), "create", does]
    bodies, imported = zip(*map(_without_imports, parts))
    sizes = {"SIZE": source.input_size, "RESIZED": source.resized}
    values = {
        "ARCHITECTURE": arguments,
        **({} if form.host else sizes),
        "GREY": len(source.mean) == 1,
        "MEAN": [round(value, 4) for value in source.mean],
        "STD": [round(value, 4) for value in source.std],
        "WEIGHTS": f"{source.name}.safetensors",
    }
    described = "\n".join(f"{name} = {_literal(value)}" for name, value in values.items())
    needed = set().union(*imported, ["import functools"] if form.host else [])
    head = "\n\n".join([_head(source), _imports(needed), described])
    names = f"CLASS_NAMES = {_literal(source.class_names)}"
    made = [f"Network = functools.partial({form.host}, Network)"] if form.host else []
    return "\n\n\n".join([head, *bodies[:-2], *made, bodies[-2], names, bodies[-1]]) + "\n"


def _literal(value: Any) -> str:
    """Return a value as source text of lines of at most 100 columns."""
    if isinstance(value, dict):
        lines = [f"    {json.dumps(key)}: {_literal(item)}," for key, item in value.items()]
        return "\n".join(["{", *lines, "}"])
    if isinstance(value, (list, tuple)):
        items = [_literal(item) for item in value]
        line = f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        if len(line) < 80:
            return line
        words = ", ".join(item.replace(" ", "\0") for item in items)  # no break within an item
        text = textwrap.fill(words, 95, break_long_words=False, break_on_hyphens=False)
        return "(\n" + textwrap.indent(text.replace("\0", " "), "    ") + ",\n)"
    quoted = isinstance(value, str) and value.isprintable()
    return json.dumps(value, ensure_ascii=False) if quoted else repr(value)


def _head(source: Source) -> str:
    _, depth = find_family(source.model)
    digest = source.params_sha256
    return (
        f'"""{source.model} with the fusion {source.kwargs["fusion"]}, in PyTorch: "Attentional '
        'Feature\nFusion" (WACV 2021), '
        f"{depth} layers.\n\n"
        f"    python {source.name}.py IMAGE ...     # {_what(source)}\n"
        f"    from {source.name} import create      # net = create()\n\n"
        f"Needs torch, safetensors and Pillow, and beside this file\n{source.name}.safetensors, "
        f"exported from\n{os.path.basename(source.params)} (whose SHA-256 is\n{digest}).\n\n"
        "All fusions are here: ``create(pretrained=False, fusion=NAME)`` builds with another of\n"
        "FUSIONS. Module names are those of the mxnet networks that this was made from, by `aff "
        'export`.\n"""'
    )


def _what(source: Source) -> str:
    return "masks of images" if source.per_pixel else "the most probable classes of each image"


def _without_imports(part: str) -> Tuple[str, Set[str]]:
    """Return a module's text without docstring and imports, and the import statements of modules
    that are not parts.
    """
    text, tree = _text(part), _tree(part)
    imported = set()
    last = tree.body[0].end_lineno or 0  # the docstring
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            last = node.end_lineno or 0
            if not getattr(node, "level", 0):
                imported.add(str(ast.get_source_segment(text, node)))
    return "\n".join(text.splitlines()[last:]).strip("\n"), imported


def _imports(statements: Set[str]) -> str:
    """Return import statements as isort has them."""
    ordered = sorted(statements, key=lambda text: (text.startswith("from"), text.lower()))
    standard = [text for text in ordered if text.split()[1] in STANDARD]
    return "\n".join([*standard, "", *(text for text in ordered if text not in standard)])


def torch_names(names: List[str]) -> Dict[str, str]:
    """Return each parameter's key in a state dict: the same path, BatchNorm's last part renamed."""
    found = {}
    for name in names:
        path, _, last = name.rpartition(".")
        found[name] = f"{path}.{RENAMED.get(last, last)}" if path else last
    return found


def write_safetensors(path: str, arrays: Arrays, source: Source, float16: bool = False) -> None:
    """Write parameters by their keys in a state dict, with the description in the header."""
    save_file = library("safetensors.numpy").save_file
    dtype = np.float16 if float16 else np.float32
    keys = torch_names(list(arrays))
    tensors = {keys[name]: array.astype(dtype) for name, array in arrays.items()}
    save_file(tensors, path, metadata={"format": "pt", KEY: json.dumps(source.description())})
    open_to_readers(path)


def read_description(path: str) -> Dict[str, Any]:
    """Return the description in a safetensors file's header; empty where it has none.

    Raises
    ------
    InputError
        For another kind of file.
    """
    with open_regular(path, ANY_SIZE) as file:
        try:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(min(length, MAX_HEADER))
        except OSError as error:
            raise unreadable(path, error) from error
    if len(text) != length:
        raise InputError(f"{path}: not a safetensors file: it ends within its header")
    header = typed(parse_json(text, path), Dict[str, Any], path)
    metadata = typed(header.get("__metadata__") or {}, Dict[str, str], path, "__metadata__")
    return typed(parse_json(metadata.get(KEY, "{}"), path), Dict[str, Any], path, KEY)


def load_tensors(path: str, framework: str) -> Dict[str, Any]:
    """Load a safetensors file's tensors by name, as those of ``'numpy'`` or ``'torch'``.

    Raises
    ------
    InputError
        For a file that is damaged, or of another kind.
    """
    check_regular(path, ANY_SIZE)
    load_file = library(f"safetensors.{framework}").load_file
    try:
        return load_file(path)
    except Exception as error:  # its own kinds of error differ between versions
        raise InputError(f"{path}: not a safetensors file, or a damaged one: {error}") from error


def fitting_tensors(
    path: str, tensors: Dict[str, Any], model: str, kwargs: Dict[str, Any]
) -> Dict[str, Any]:
    """Return a safetensors file's tensors by our names of a network's parameters; PyTorch's counts
    of batches are passed over.

    Raises
    ------
    Misfit
        For tensors of other names or shapes; it names them. Nothing of the network is allocated.
    """
    net = build_network(model, **kwargs)
    keys = torch_names(list(net._collect_params_with_prefix()))
    back = {key: name for name, key in keys.items()}
    others = [key for key in tensors if not key.endswith("num_batches_tracked")]
    found = {back.get(key, key): tensors[key] for key in others}
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    trouble = misfits(net, shapes)
    if trouble:
        raise Misfit(f"{path} does not fit {model}: {'; '.join(trouble)}", shapes)
    return {name: found[name] for name in keys}
