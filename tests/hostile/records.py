"""``.rec`` and ``.idx`` files with bits, words, cuts and insertions."""

import mxnet as mx
import numpy as np

from aff.data.decoding import decode
from aff.data.images import RecordImages

from .params import mutated


def tries(folder, rng, times):
    """Mutations of either file, and all that is read of both."""
    rec, idx = folder / "x.rec", folder / "x.idx"
    writer = mx.recordio.MXIndexedRecordIO(str(idx), str(rec), "w")
    for key in range(6):
        label = float(key) if key % 2 else [float(key), 1.0]
        header = mx.recordio.IRHeader(0, label, key, 0)
        writer.write_idx(key, mx.recordio.pack_img(header, np.full((9, 9, 3), key, np.uint8)))
    writer.close()
    contents = {path: path.read_bytes() for path in (rec, idx)}

    def read():
        images = RecordImages(str(rec))
        try:
            images.label_for(5)
            images.order()
        finally:
            for index in range(len(images)):
                content, _ = images.read(index)
                decode(content, images.name(index))

    for number in range(times):
        path = (rec, rec, idx)[number % 3]
        path.write_bytes(mutated(contents[path], rng))
        yield path.suffix, read
        path.write_bytes(contents[path])
