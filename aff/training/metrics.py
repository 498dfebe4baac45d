"""What training reports beside its loss, as sums that stay on the device."""

from __future__ import annotations


def wrong_count(logits, targets):
    """Number of samples whose first class is not the target's: (N, K), (N, K) to (1,)."""
    return (logits.argmax(axis=1) != targets.argmax(axis=1)).sum()


def squared_error(logits, targets):
    """Sum over samples of the mean squared difference of softmax and target: (N, K), (N, K) to
    (1,).
    """
    return (logits.softmax(axis=1) - targets).square().mean(axis=1).sum()
