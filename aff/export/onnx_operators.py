"""Operators that mxnet's ONNX exporter does not write, or writes as another function."""

from __future__ import annotations

import functools
from typing import Any, Dict, List

import numpy as np

from ..utils.libraries import library


@functools.lru_cache(maxsize=None)
def teach() -> None:
    """Have mxnet's exporter write bilinear resizing between the centres of pixels to another map's
    size; its own always aligns corners, and needs the size.
    """
    from mxnet.onnx.mx2onnx._export_onnx import MXNetGraph

    MXNetGraph.register("_contrib_BilinearResize2D")(_resize_like)


def _resize_like(node: Dict[str, Any], **kwargs: Any) -> List:
    from mxnet.onnx.mx2onnx._op_translations._op_translations_opset12 import (
        create_tensor,
        get_inputs,
    )

    name, (data, like), attributes = get_inputs(node, kwargs)
    if attributes["mode"] != "like" or attributes["align_corners"] != "False":
        raise AttributeError(f"{name} resizes otherwise than bilinearly to another map's size")
    make = library("onnx").helper.make_node
    for key, place in (("0", 0), ("2", 2), ("4", 4)):
        create_tensor(np.array([place]), f"{name}.{key}", kwargs["initializer"])
    parts = [
        (f"{name}.shape", data, f"{name}.0", f"{name}.2"),
        (f"{name}.size", like, f"{name}.2", f"{name}.4"),
    ]
    nodes = []
    for part, source, first, last in parts:
        nodes += [
            make("Shape", [source], [f"{part}.all"]),
            make("Slice", [f"{part}.all", first, last], [part]),
        ]
    centres = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return [
        *nodes,
        make("Concat", [f"{name}.shape", f"{name}.size"], [f"{name}.sizes"], axis=0),
        make("Resize", [data, "", "", f"{name}.sizes"], [name], name=name, **centres),
    ]
