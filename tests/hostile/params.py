"""Parameter files with bits, words, cuts and insertions; and links, sparse files and FIFOs as
parameters, of which mxnet's own reader makes crashes.
"""

import mxnet as mx

import aff
from aff.models.weights import blob_sha1
from aff.utils.params_file import ArrayFile

EXTREMES = (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**31, 2**40, 2**62, 2**63, 2**64 - 1)


def mutated(content, rng):
    """The bytes with one to three changes: bits, words of extreme values, cuts, insertions."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(content) or 1)
        kind = rng.randrange(6)
        if kind == 0:
            content[place : place + 1] = bytes([rng.randrange(256)])
        elif kind in (1, 2):
            size = 8 if kind == 1 else 4
            place &= ~3
            word = (rng.choice(EXTREMES) % 256**size).to_bytes(size, "little")
            content[place : place + size] = word[: len(content) - place]
        elif kind == 3:
            del content[place : place + rng.randint(1, 64)]
        elif kind == 4:
            content[place:place] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 64)))
        else:
            content[place : place + 8] = bytes(rng.randrange(256) for _ in range(8))
    return bytes(content)


def tries(folder, rng, times):
    """Mutations of a file, loaded."""
    path = str(folder / "net.params")
    net = aff.create_fusion("iAFF", 8, r=4)
    net.initialize(mx.init.Xavier(), ctx=mx.cpu())
    net.save_parameters(path)
    aff.load_parameters(net, path)
    content = (folder / "net.params").read_bytes()
    for _ in range(times):
        (folder / "net.params").write_bytes(mutated(content, rng))
        yield "mutated", lambda: aff.load_parameters(net, path)
    for size in (0, 1, 2**20, 2**40):
        (folder / "net.params").write_bytes(content)
        with (folder / "net.params").open("r+b") as file:
            file.truncate(size)
        yield "cut, or with a hole at the end", lambda: aff.load_parameters(net, path)
        yield "cut, or with a hole at the end", lambda: ArrayFile(path).shapes
        yield "cut, or with a hole at the end", lambda: blob_sha1(path)
