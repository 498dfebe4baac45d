"""What an AFF block costs at least in mxnet's operators on a CPU: training speed of networks whose
fusion does only a part of it, against DirectAdd.

    python benchmarks/floor.py [small|cifar|imagenet]

"product": what joins the inputs, ``(x + r) + tanh((x + r) / 2) (x - r)``, without any attention.
"local": the local branch and two sums, ``x + (r + L(x + r))``, without pooling and product.
No AFF can be faster than both together.
"""

import sys

import aff  # noqa: F401, isort: skip  (before mxnet)

import mxnet as mx
from mxnet.gluon import HybridBlock

from aff.bench.networks import training_step
from aff.bench.timing import interleaved, rate
from aff.cli.bench import CASES
from aff.nn.attention import flat, local_context, select
from aff.nn.fusion import register_fusion

ROUNDS = 7


@register_fusion("product")
class Product(HybridBlock):
    """The join alone."""

    def __init__(self, channels, r, norm):
        super().__init__()

    def hybrid_forward(self, F, x, residual):
        return select(F, flat(F, F.elemwise_add(x, residual)), x, residual)


@register_fusion("local")
class Local(HybridBlock):
    """The local branch alone."""

    def __init__(self, channels, r, norm):
        super().__init__()
        with self.name_scope():
            self.local_att = local_context(channels, r, norm)

    def hybrid_forward(self, F, x, residual):
        context = self.local_att(F.elemwise_add(x, residual))
        return F.elemwise_add(x, F.elemwise_add(residual, context))


def main():
    """Print images a second and ratios."""
    case = CASES[sys.argv[1] if len(sys.argv) > 1 else "small"]
    fusions = ("Add", "product", "local", "AFF")
    actions = {fusion: training_step(case, fusion, mx.cpu()) for fusion in fusions}
    taken = interleaved(actions, ROUNDS)
    rates = {name: rate(case.batch_size, seconds) for name, seconds in taken.items()}
    for name, value in rates.items():
        print(f"{name:<8} {value:8.1f} images/s, {value / rates['Add']:.3f} of Add")
    bound = 1 / (1 / rates["product"] + 1 / rates["local"] - 1 / rates["Add"])
    print(f"product and local together: at most {bound / rates['Add']:.3f} of Add")


if __name__ == "__main__":
    main()
