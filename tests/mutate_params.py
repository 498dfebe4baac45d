"""Read many mutations of a parameter file, in a process of its own: a crash would take it down.

``mutate_params.py FOLDER COUNT`` prints how many were refused, how many loaded, and by how many MB
the memory's peak grew.
"""

import resource
import struct
import sys

import aff

import mxnet as mx  # isort: skip
import numpy as np

EXTREMES = (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**31, 2**40, 2**62, 2**63, 2**64 - 1)


def mutated(content, rng):
    """The bytes with one to three changes: bits, words of extreme values, cuts, insertions."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(0, len(content)))
        kind = rng.integers(0, 6)
        if kind == 0:
            content[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1 and place + 8 <= len(content):
            struct.pack_into("<Q", content, place, EXTREMES[rng.integers(0, len(EXTREMES))])
        elif kind == 2 and place + 4 <= len(content):
            extreme = EXTREMES[rng.integers(0, len(EXTREMES))]
            struct.pack_into("<I", content, place & ~3, extreme % 2**32)
        elif kind == 3:
            del content[place : place + int(rng.integers(1, 64))]
        elif kind == 4:
            content[place:place] = rng.bytes(int(rng.integers(1, 64)))
        else:
            content[place : place + 8] = rng.bytes(8)[: len(content) - place]
        if not content:
            break
    return bytes(content)


def main(folder, count):
    """Mutate, read, count."""
    path = f"{folder}/net.params"
    net = aff.create_fusion("iAFF", 8, r=4)
    net.initialize(mx.init.Xavier(), ctx=mx.cpu())
    net.save_parameters(path)
    with open(path, "rb") as file:
        content = file.read()
    rng = np.random.default_rng(0)
    refused = loaded = 0
    aff.load_parameters(net, path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        with open(path, "wb") as file:
            file.write(mutated(content, rng))
        try:
            aff.load_parameters(net, path)
            loaded += 1
        except aff.InputError:
            refused += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(refused, loaded, grown // 1024)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
