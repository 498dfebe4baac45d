"""One image a batch in training: the BatchNorm behind a global pooling then sees one value a
channel, normalises it to zero, and gives its beta whatever the image is.
"""

from __future__ import annotations

import warnings
from typing import Any, Iterator

import mxnet as mx
from mxnet import autograd
from mxnet.gluon import Block, nn

_TOLD = {"once": False}


def tell_once(net: Block) -> str:
    """Return what is to be said of training a network on one image a batch; an empty text where
    nothing is, or it was said before in this process.
    """
    first = None if _TOLD["once"] else next(_single_valued(net, ""), None)
    if first is None:
        return ""
    _TOLD["once"] = True
    return (
        f"one image a batch in training: the BatchNorm behind the global pooling of {first} sees "
        "one value a channel, and gives the same whatever the image is. Take another norm_layer "
        "(such as LayerNorm with norm_kwargs={'axis': 1}, or SyncBatchNorm over several devices), "
        "or freeze these layers (norm_kwargs={'use_global_stats': True})"
    )


def watch(net: Block, x: Any) -> None:
    """Warn, once in a process, of training on one image a batch (`UserWarning`)."""
    if _TOLD["once"] or not isinstance(x, mx.nd.NDArray):
        return
    if autograd.is_training() and x.shape[0] == 1:
        text = tell_once(net)
        if text:
            warnings.warn(text, stacklevel=2)


def _single_valued(block: Block, path: str) -> Iterator[str]:
    """Yield the names of the branches in which a BatchNorm that learns comes behind a global
    pooling.
    """
    pooled = False
    for name, child in block._children.items():
        pooled = pooled or "GlobalAvgPool2D" in type(child).__name__
        if pooled and type(child) is nn.BatchNorm and not child._kwargs["use_global_stats"]:
            yield path or type(block).__name__
        yield from _single_valued(child, f"{path}.{name}" if path else name)
