"""Evaluation images: both sources agree, every image once, cropped as `ImageRecordIter` does."""

import struct
from zlib import crc32

import cv2
import mxnet as mx
import numpy as np
import pytest

import aff
from aff.data.decoding import decode
from aff.data.image_loader import ImageEvalLoader, ImageTrainLoader
from aff.data.images import FolderImages, RecordImages, find_images, imagenet_synset
from aff.data.transforms import MEAN, STD, central_view

SHAPES = [(90, 120), (120, 90), (64, 64), (300, 65), (57, 200), (80, 81), (73, 73)]


def picture(height, width, seed):
    """A smooth colour image, which JPEG keeps nearly as it is."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 4, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def folder(tmp_path):
    """``val/<class>/``, 7 images of three classes."""
    for index, shape in enumerate(SHAPES):
        place = tmp_path / "val" / f"n{index % 3}"
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{index}.JPEG"), picture(*shape, index))
    (tmp_path / "val" / "n0" / "notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def records(folder):
    """The same images in a ``.rec`` file."""
    path = folder / "val.rec"
    writer = mx.recordio.MXIndexedRecordIO(str(folder / "val.idx"), str(path), "w")
    images = FolderImages(str(folder))
    for place in range(len(images)):
        content, label = images.read(place)
        header = mx.recordio.IRHeader(0, float(label), place, 0)
        writer.write_idx(place, mx.recordio.pack(header, content))
    writer.close()
    return path


def test_labels_are_the_classes_in_alphabetical_order(folder):
    images = FolderImages(str(folder))
    assert [images.read(place)[1] for place in range(len(images))] == [0, 0, 0, 1, 1, 2, 2]
    assert len(FolderImages(str(folder / "val"))) == 7


def test_training_batches_can_be_looked_at(folder):
    loader = ImageTrainLoader(FolderImages(str(folder)), 7, 0, classes=3, size=32)
    data, _ = next(iter(loader.epoch(0)))
    shown = loader.pixels(data)
    assert (shown.dtype, shown.shape) == (np.uint8, (7, 3, 32, 32))
    again = (shown.transpose(0, 2, 3, 1) - MEAN) / STD
    np.testing.assert_allclose(again, data.transpose(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("workers", [0, 3])
def test_both_sources_give_every_image_once(folder, records, batch_size, workers):
    one, other = (
        ImageEvalLoader(images, batch_size, classes=3, size=48, workers=workers)
        for images in (FolderImages(str(folder)), RecordImages(str(records)))
    )
    assert one.samples == other.samples == 7
    batches, same = list(one), list(other)
    assert len(batches) == len(one)
    assert sum(len(labels) for _, labels in batches) == 7
    for (data, labels), (data2, labels2) in zip(batches, same):
        assert data.shape == (len(labels), 3, 48, 48)
        assert data.dtype == np.float32
        np.testing.assert_array_equal(data, data2)
        np.testing.assert_array_equal(labels, labels2)


def test_the_crop_is_that_of_image_record_iter(records):
    reference = mx.io.ImageRecordIter(
        path_imgrec=str(records),
        data_shape=(3, 56, 56),
        batch_size=7,
        resize=64,
        shuffle=False,
        preprocess_threads=1,
        **{f"mean_{c}": value for c, value in zip("rgb", MEAN)},
        **{f"std_{c}": value for c, value in zip("rgb", STD)},
    )
    expected = next(reference).data[0].asnumpy()
    data, _ = next(iter(ImageEvalLoader(RecordImages(str(records)), 7, classes=3, size=56)))
    # Two builds of OpenCV and libjpeg round differently: a level or two of 255.
    assert np.abs(data - expected).max() < 3.5 / min(STD)
    assert np.abs(data - expected).mean() < 0.3 / min(STD)


def test_the_centre_of_the_scaled_image():
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, 100:] = 255
    view = central_view(pixels, 56, 0.875) * STD + MEAN
    assert view.shape == (56, 56, 3)
    np.testing.assert_allclose(view[:, :27], 0, atol=1e-4)
    np.testing.assert_allclose(view[:, 29:], 255, rtol=1e-5)
    whole = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    view = central_view(whole, 56, 0.875) * STD + MEAN
    np.testing.assert_allclose(view, whole[4:60, 4:60], atol=1e-4)


def test_red_comes_first():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes blue first
    content = cv2.imencode(".png", red)[1].tobytes()
    assert decode(content, "red.png")[0, 0].tolist() == [255, 0, 0]
    grey = cv2.imencode(".png", np.full((8, 8), 9, np.uint8))[1].tobytes()
    assert decode(grey, "grey.png").shape == (8, 8, 3)


def png(width, height):
    """A PNG file of nothing but a header that claims a size."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", crc32(body))


@pytest.mark.parametrize(
    "width, height", [(60000, 60000), (20000, 20000), (1, 40000), (2**31 - 1, 1)]
)
def test_sizes_that_would_fill_the_memory_are_refused(width, height):
    with pytest.raises(aff.InputError, match="x.png: .*(refused|cannot be decoded)"):
        decode(png(width, height), "x.png")


def test_formats_that_are_not_read_are_refused():
    """Pillow's reader of this one would raise what is no error of a file."""
    dds = b"DDS " + struct.pack("<18I", 124, 0, 8, 8, *(14 * [0])) + struct.pack("<2I", 32, 1 << 31)
    with pytest.raises(aff.InputError, match="x.jpg: cannot be decoded as an image"):
        decode(dds + bytes(200), "x.jpg")


@pytest.mark.parametrize("label", [-1, 0.5, 3e9, 1e30, float("nan")])
def test_absurd_labels_are_named(tmp_path, label):
    writer = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "w")
    writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, label, 0, 0), b"image"))
    writer.close()
    with pytest.raises(aff.InputError, match="record 0: .*label"):
        list(ImageEvalLoader(RecordImages(str(tmp_path / "x.rec")), 1, classes=10))


def test_other_folders_do_not_move_the_labels(folder):
    (folder / "val" / ".ipynb_checkpoints").mkdir()
    (folder / "val" / "a_folder_without_images").mkdir()
    (folder / "val" / "n0" / "._0.JPEG").write_text("")
    images = FolderImages(str(folder))
    assert images.classes == ["n0", "n1", "n2"]
    assert len(images) == 7


def test_a_part_of_imagenet_keeps_its_labels(folder):
    names = imagenet_synset()
    assert len(names) == 1000
    for old, new in (("n0", names[999]), ("n1", names[7]), ("n2", names[0])):
        (folder / "val" / old).rename(folder / "val" / new)
    images = FolderImages(str(folder))
    assert {images.read(place)[1] for place in range(7)} == {0, 1, 2}
    images.label_for(1000)
    assert [images.read(place)[1] for place in range(7)] == [0, 0, 7, 7, 999, 999, 999]


def test_folders_that_are_not_the_networks_classes_are_refused(folder):
    with pytest.raises(aff.InputError, match="holds 3 folders of images, the network has 1000"):
        ImageEvalLoader(FolderImages(str(folder)), 4)


@pytest.mark.parametrize("content", [b"", b"no image", png(8, 8)])
def test_what_cannot_be_decoded_is_named(folder, content):
    (folder / "val" / "n1" / "1.JPEG").write_bytes(content)
    with pytest.raises(aff.InputError, match="n1/1.JPEG: cannot be decoded"):
        list(ImageEvalLoader(FolderImages(str(folder)), 4, classes=3, size=48, workers=2))


def test_labels_beyond_the_network_are_named(folder, records):
    with pytest.raises(aff.InputError, match=r"val.rec: record 5: label 2 is not in 0..1"):
        list(ImageEvalLoader(RecordImages(str(records)), 4, classes=2, size=48))


def test_images_are_found(folder, records, monkeypatch):
    assert len(find_images("val", str(folder))) == 7
    assert len(find_images("val", records=str(records))) == 7
    with pytest.raises(aff.InputError, match="not both"):
        find_images("val", str(folder), str(records))
    monkeypatch.setenv("HOME", str(folder / "home"))
    with pytest.raises(aff.InputError, match=r"put them into .*rec_val"):
        find_images("val")
    place = folder / "home" / ".mxnet" / "datasets" / "imagenet"
    place.mkdir(parents=True)
    (folder / "val").rename(place / "val")
    assert find_images("val").source == str(place / "val")
    (place / "rec").mkdir()
    records.rename(place / "rec" / "val.rec")
    assert find_images("val").source == str(place / "rec" / "val.rec")


@pytest.mark.parametrize("name", ["none", "file", "empty"])
def test_folders_without_classes(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(aff.InputError, match=name):
        FolderImages(str(tmp_path / name))
