"""The native operator alone, on the maps of the networks: time, GFLOP/s and GB/s, beside what the
machine gives.

python benchmarks/native_operator.py [--rounds 9]

Products: 2 of C x I a position forward, 5 backward (and 2 of I x I). Passes over a map: 5 forward
(x and residual twice, the output), 11 backward (x, residual and the gradient twice, the weight
between, and two written), which is the least for what has to be known first.
"""

import argparse
import time

import aff  # noqa: F401, isort: skip  (before mxnet)

import mxnet as mx
from mxnet import autograd

from aff.compat import available_cpus
from aff.nn.native import operator

#: (N, C, H, W) and r of the fusions of ResNet-8, ResNet-32 (channel_times 4) and ResNet-50.
SHAPES = (
    *(((128, 16, 28, 28), 4), ((128, 32, 14, 14), 4), ((128, 64, 7, 7), 4)),
    *(((32, 64, 32, 32), 4), ((32, 128, 16, 16), 4), ((32, 256, 8, 8), 4)),
    *(((16, 256, 56, 56), 16), ((16, 512, 28, 28), 16), ((16, 1024, 14, 14), 16)),
    ((16, 2048, 7, 7), 16),
)


def least(action, rounds):
    """The least seconds of several calls."""
    taken = []
    for _ in range(rounds):
        mx.nd.waitall()
        begin = time.perf_counter()
        action()
        mx.nd.waitall()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def limits(rounds):
    """What the machine gives: GFLOP/s of a large product, GB/s of a sum of two arrays."""
    square = mx.nd.ones((2048, 2048))
    result = mx.nd.zeros((2048, 2048))
    flops = 2 * 2048**3 / least(lambda: mx.nd.dot(square, square, out=result), rounds)
    large = [mx.nd.ones((64, 1 << 18)) for _ in range(3)]
    bytes_moved = 3 * large[0].size * 4
    rate = bytes_moved / least(lambda: mx.nd.elemwise_add(*large[:2], out=large[2]), rounds)
    return flops / 1e9, rate / 1e9


def main():
    """Print a line each shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    if operator.why_not():
        raise SystemExit(f"no native operator here: {operator.why_not()}")
    flops, rate = limits(rounds)
    print(f"{available_cpus()} processors: {flops:.0f} GFLOP/s (OpenBLAS), {rate:.0f} GB/s")
    for shape, r in SHAPES:
        fusion = aff.create_fusion("AFF", shape[1], r=r)
        fusion.initialize()
        fusion.hybridize(static_alloc=True)
        maps = [mx.nd.random.normal(shape=shape) for _ in range(3)]
        for array in maps[:2]:
            array.attach_grad()
        outputs = []

        def forward(fusion=fusion, maps=maps, outputs=outputs):
            with autograd.record():
                outputs[:] = [fusion(*maps[:2])]

        there = least(forward, rounds)
        both = least(lambda: (forward(), outputs[0].backward(maps[2])), rounds)  # noqa: B023
        products = 2 * shape[1] * (shape[1] // r) * maps[0].size // shape[1]
        moved = maps[0].size * 4
        cells = [
            f"{name} {1e3 * seconds:6.2f} ms {count * products / seconds / 1e9:4.0f} GFLOP/s "
            f"{passes * moved / seconds / 1e9:4.0f} GB/s"
            for name, seconds, count, passes in (
                ("forward", there, 2, 5),
                ("backward", both - there, 5, 11),
            )
        ]
        print(f"{shape!s:<20} {cells[0]}   {cells[1]}")


if __name__ == "__main__":
    main()
