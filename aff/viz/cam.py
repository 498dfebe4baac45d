"""Where a network looks: Grad-CAM (Selvaraju et al., ICCV 2017) of its last feature maps, and which
input its fusions prefer where.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

import cv2
import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import HybridBlock

from ..models.parts import parts_of
from ..models.segmenter import Segmenter
from ..nn.attention import Attentive
from ..nn.fusion import is_fusion
from ..nn.layers import GlobalAvgPool2D
from ..utils.errors import InputError


@dataclass
class View:
    """What a network made of one image.

    Parameters
    ----------
    target : int
        The class that was asked about.
    probability : float
        What the network gives it, 0 to 1; of a segmentation network the share of its pixels.
    cam : numpy.ndarray
        (h, w), 0 to 1; `shows` says what.
    weights : dict of str to numpy.ndarray
        For each fusion with a weight, by its structural name: the mean of the weight over
        channels, (h, w), 0 to 1; the fusion's `weighs` says of which of its inputs.
    """

    target: int
    probability: float
    cam: np.ndarray
    weights: Dict[str, np.ndarray] = field(default_factory=dict)
    #: What `cam` shows.
    shows: str = "Grad-CAM: how much each place speaks for the class named above"


def trunk_pooling(net: HybridBlock) -> HybridBlock:
    """Return the global pooling between a network's features and its classifier.

    Raises
    ------
    InputError
        For a network without one.
    """
    found = [
        block
        for parent in (net, getattr(net, "features", net))
        for block in parent._children.values()
        if isinstance(block, GlobalAvgPool2D)
    ]
    if not found:
        raise InputError(f"{type(net).__name__}: no global pooling behind its features")
    return found[-1]


def list_fusion_blocks(net: HybridBlock, path: str = "") -> List[Tuple[str, Attentive]]:
    """Return the structural names and blocks of the fusions that weigh their inputs, in order."""
    found: List[Tuple[str, Attentive]] = []
    for name, block in net._children.items():
        place = f"{path}.{name}" if path else name
        if is_fusion(block) and hasattr(block, "weighs"):
            found.append((place, block))
        elif not is_fusion(block):
            found += list_fusion_blocks(block, place)
    return found


def stage_of(net: HybridBlock, path: str) -> str:
    """Return where in a network a fusion is, given its structural name: ``stage 3, block 2``, or in
    the decoder of a segmentation network ``level 1`` (the finest), counted from 1; an empty text in
    a network without stages of residual blocks.
    """
    fusion = dict(list_fusion_blocks(net)).get(path)
    if isinstance(net, Segmenter) and fusion in list(net.decoder.fusions):
        return f"level {list(net.decoder.fusions).index(fusion) + 1}"
    try:
        stages = parts_of(net).stages
    except InputError:
        return ""
    for number, stage in enumerate(stages, 1):
        for index, block in enumerate(stage._children.values(), 1):
            if fusion in block._children.values():
                return f"stage {number}, block {index}"
    return ""


@contextlib.contextmanager
def _hooked(handles: list) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.detach()


def feature_gradients(
    net: HybridBlock, data: mx.nd.NDArray, targets: Optional[np.ndarray] = None
) -> Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the last feature maps, and how each class's logit changes with them.

    Parameters
    ----------
    net : HybridBlock
        Initialized; it is left imperative.
    data : NDArray
        (N, 3, H, W).
    targets : numpy.ndarray, optional
        (N,) classes; by default those that the network finds.

    Returns
    -------
    features, gradients : numpy.ndarray
        (N, C, h, w).
    logits, targets : numpy.ndarray
        (N, classes) and (N,).
    """
    net.hybridize(False)
    seen: List[mx.nd.NDArray] = []

    def watch(_, inputs):
        inputs[0].attach_grad()
        seen.append(inputs[0])

    with _hooked([trunk_pooling(net).register_forward_pre_hook(watch)]):
        with autograd.record(train_mode=False):
            logits = net(data)
            if targets is None:
                targets = logits.asnumpy().argmax(axis=1)
            score = mx.nd.pick(logits, mx.nd.array(targets, ctx=data.context)).sum()
        score.backward(train_mode=False)
    return seen[0].asnumpy(), seen[0].grad.asnumpy(), logits.asnumpy(), np.asarray(targets)


def fusion_weights(net: HybridBlock, data: mx.nd.NDArray) -> Dict[str, np.ndarray]:
    """Return the mean weight of each fusion over channels, (N, h, w), by structural name."""
    net.hybridize(False)
    found: Dict[str, np.ndarray] = {}
    handles = [
        block.register_forward_hook(
            lambda block, inputs, _, name=name: found.update(
                {name: block.weight(*inputs).mean(axis=1).asnumpy()}
            )
        )
        for name, block in list_fusion_blocks(net)
    ]
    with _hooked(handles):
        net(data)
    return found


def weighing_of(net: HybridBlock, path: str) -> str:
    """Return what the weight of a fusion, given its structural name, is the weight of."""
    weighs = dict(list_fusion_blocks(net))[path].weighs
    lateral = {"the body": "the lateral feature", "the shortcut": "the feature from above"}
    return lateral.get(weighs, weighs) if stage_of(net, path).startswith("level") else weighs


def last_fusions(net: HybridBlock) -> List[str]:
    """Return the structural names of those fusions that weigh their inputs and say most: of every
    level of a segmentation network's decoder; of others, the last one.
    """
    if isinstance(net, Segmenter):
        return [path for path, _ in list_fusion_blocks(net.decoder, "decoder")]
    return [path for path, _ in list_fusion_blocks(net)][-1:]


def look(
    net: HybridBlock,
    data: mx.nd.NDArray,
    targets: Optional[np.ndarray] = None,
    size: Optional[Tuple[int, ...]] = None,
) -> List[View]:
    """Return what a network made of each image; arguments are those of `feature_gradients`, and
    `size`, for a segmentation network, the images' height and width before they were padded.

    A segmentation network's `cam` is the probability of the target at each pixel; the target is, by
    default, the class of most pixels but the first one, the background.
    """
    if isinstance(net, Segmenter):
        return _look_at_pixels(net, data, targets, size or data.shape[2:])
    features, gradients, logits, classes = feature_gradients(net, data, targets)
    importance = gradients.mean(axis=(2, 3), keepdims=True)
    cams = np.maximum((importance * features).sum(axis=1), 0)
    weights = fusion_weights(net, data)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return [
        View(
            int(classes[i]),
            float(odds[i, classes[i]] / odds[i].sum()),
            cams[i] / max(float(cams[i].max()), 1e-12),
            {name: maps[i] for name, maps in weights.items()},
        )
        for i in range(len(cams))
    ]


def _look_at_pixels(
    net: HybridBlock,
    data: mx.nd.NDArray,
    targets: Optional[np.ndarray],
    size: Tuple[int, ...],
) -> List[View]:
    weights, (height, width) = fusion_weights(net, data), size
    odds = mx.nd.softmax(net(data), axis=1).asnumpy()[:, :, :height, :width]
    views = []
    for number, classes in enumerate(odds.argmax(axis=1)):
        shares = np.bincount(classes.ravel(), minlength=odds.shape[1]) / classes.size
        found = 1 + int(shares[1:].argmax()) if shares[1:].any() else 0
        target = found if targets is None else int(targets[number])
        maps = {
            name: _unpadded(maps[number], data.shape[2:], size) for name, maps in weights.items()
        }
        shows = "probability of the class named above, and the share of pixels that are of it"
        views.append(View(target, float(shares[target]), odds[number, target], maps, shows))
    return views


def _unpadded(values: np.ndarray, padded: Tuple[int, ...], size: Tuple[int, ...]) -> np.ndarray:
    """Return a map over a padded image as one over the image alone, a value a pixel where anything
    is cut off.
    """
    if tuple(padded) == tuple(size):
        return values
    whole = cv2.resize(values, padded[::-1], interpolation=cv2.INTER_LINEAR)
    return whole[: size[0], : size[1]]
