"""Folders of images and masks: what is found in which layout, and what is refused."""

import os

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from aff.data.image_file import read_image
from aff.data.mask_file import encode_mask
from aff.data.mask_folders import find_evaluation_masks, mask_parts
from aff.utils.errors import InputError

from .masked import write_masked


def write_voc(folder, train=4, val=2):
    """Pascal VOC's layout; images are PNG files here."""
    pairs = write_masked(folder, train + val, images="JPEGImages", masks="SegmentationClass")
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    names = sorted(pairs, reverse=True)
    (lists / "train.txt").write_text("".join(f"{name}\n" for name in names[:train]))
    (lists / "val.txt").write_text("".join(f"{name}\n" for name in names[train:]))
    return [pairs[name] for name in names]


@pytest.fixture
def root(tmp_path):
    """``train/``, of 6, and ``test/``, of 3, without names of classes."""
    write_masked(tmp_path / "train", 6)
    write_masked(tmp_path / "test", 3, seed=50)
    return tmp_path


def lengths(parts):
    return {part: len(masks) for part, masks in parts.items()}


def test_parts_of_a_folder(root):
    assert lengths(mask_parts(str(root))) == {"train": 6, "val": 3}
    assert lengths(mask_parts(str(root), 0.5)) == {"train": 3, "val": 3, "test": 3}
    write_masked(root / "val", 2)
    assert lengths(mask_parts(str(root))) == {"train": 6, "val": 2, "test": 3}
    assert lengths(mask_parts(str(root), 0.5)) == {"train": 3, "val": 3, "test": 3}
    assert len(find_evaluation_masks(str(root), "012")) == 3


def test_a_folder_of_one_part_needs_a_part_held_out(tmp_path):
    pairs = write_masked(tmp_path, 6)
    with pytest.raises(InputError, match="val_split"):
        mask_parts(str(tmp_path))
    parts = mask_parts(str(tmp_path), 0.34)
    assert lengths(parts) == {"train": 4, "val": 2}
    names = [
        os.path.basename(masks.name(i))[:3] for masks in parts.values() for i in range(len(masks))
    ]
    assert sorted(names) == sorted(pairs)
    again = mask_parts(str(tmp_path), 0.34)
    assert [again[part].pairs for part in parts] == [parts[part].pairs for part in parts]
    assert find_evaluation_masks(str(tmp_path), "012", 0.34).pairs == parts["val"].pairs
    assert len(find_evaluation_masks(str(tmp_path), "012")) == 6


def test_voc_lists_say_which_images_are_of_which_part(tmp_path):
    wanted = write_voc(tmp_path)
    parts = mask_parts(str(tmp_path))
    assert lengths(parts) == {"train": 4, "val": 2}
    found = [masks.read(index) for masks in parts.values() for index in range(len(masks))]
    for pair, other in zip(found, wanted):
        for one, two in zip(pair, other):
            np.testing.assert_array_equal(one, two)


def test_classes_are_numbers_or_have_names(root):
    assert mask_parts(str(root))["val"].classes == ["0", "1", "2"]
    (root / "classes.txt").write_text("ground\nstop sign\nroad\nsky\n\n")
    parts = mask_parts(str(root))
    assert {tuple(masks.classes) for masks in parts.values()} == {
        ("ground", "stop sign", "road", "sky")
    }
    with pytest.raises(InputError, match=r"classes\.txt"):
        find_evaluation_masks(str(root), ["ground", "other"])


@pytest.mark.parametrize(
    "text", ["", "one\n", "one\none\n", "one\n\ntwo\n", "\n".join(map(str, range(256)))]
)
def test_names_that_are_none_are_refused(root, text):
    (root / "classes.txt").write_text(text)
    with pytest.raises(InputError, match=r"classes\.txt"):
        mask_parts(str(root))


def test_pixels_are_counted(root):
    train = mask_parts(str(root))["train"]
    expected = np.concatenate([train.read(index)[1].ravel() for index in range(len(train))])
    values, counts = np.unique(expected, return_counts=True)
    for workers in (0, 2):
        found = train.count_pixels(workers)
        np.testing.assert_array_equal(found[values], counts)
        assert found.sum() == len(expected)


def test_other_files_have_other_sums(root):
    train = mask_parts(str(root))["train"]
    order, sums = train.order(), train.sums
    path = train.pairs[1][1]
    with open(path, "ab") as file:
        file.write(b" ")
    os.utime(path, (1, 1))
    again = mask_parts(str(root))["train"]
    assert again.order() == order
    assert all(again.sums[kind] != sums[kind] for kind in ("sizes", "times"))
    for path in train.pairs[1]:
        os.rename(path, f"{path[:-4]}x.png")
    assert mask_parts(str(root))["train"].order() != order


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def lying(path, form):
    """Write 30 x 20 pixels, the first row white, that lie on their side as a form of data says."""
    pixels = np.zeros((30, 20, 3), np.uint8)
    pixels[0] = 255
    exif, texts = Image.Exif(), PngInfo()
    exif[0x0112] = 6
    if form.startswith("xmp"):
        texts.add_itxt("XML:com.adobe.xmp", XMP)
    if form.startswith("profile"):
        raw = exif.tobytes()
        texts.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{raw.hex()}\n")
    options = {"exif": exif} if form.startswith("exif") else {}
    Image.fromarray(pixels).save(path, pnginfo=texts, **options)
    if form.endswith("late"):
        content = path.read_bytes()
        start = next(content.index(kind) for kind in KINDS if kind in content) - 4
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        rest = content[:start] + content[end:]
        path.write_bytes(rest[:-12] + content[start:end] + rest[-12:])


KINDS = (b"eXIf", b"iTXt", b"tEXt")


@pytest.mark.parametrize(
    "name, form",
    [
        ("x.jpg", "exif"),
        *(("x.png", form) for form in ("exif", "xmp", "profile")),
        *(("x.png", f"{form} late") for form in ("exif", "xmp", "profile")),
    ],
)
def test_an_image_that_lies_on_its_side_has_the_size_that_is_shown(root, name, form):
    """Turned by Pillow: what the first row was is the last column."""
    labels = np.zeros((20, 30), np.uint8)
    labels[:, 10:] = 1
    path = root / "train/images" / name
    lying(path, form)
    (root / "train/masks/x.png").write_bytes(encode_mask(labels))
    train = mask_parts(str(root))["train"]
    assert train.sizes[-1].tolist() == [20, 30]
    pixels = train.read(len(train) - 1)[0]
    assert pixels.shape == (20, 30, 3) and pixels[:, -1].min() > 200 > pixels[:, :-2].max()
    with Image.open(path) as image:
        image.load()
        np.testing.assert_allclose(pixels, ImageOps.exif_transpose(image), atol=30)
    np.testing.assert_array_equal(pixels, read_image(str(path)))


def test_what_xmp_alone_says_of_a_jpeg_does_not_turn_it(root):
    """As OpenCV and browsers have it: all ways of reading agree."""
    path = root / "train/images/x.jpg"
    lying(path, "as it is")
    content, xmp = path.read_bytes(), b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode()
    length = (len(xmp) + 2).to_bytes(2, "big")
    path.write_bytes(content[:2] + b"\xff\xe1" + length + xmp + content[2:])
    labels = np.zeros((30, 20), np.uint8)
    labels[:, 10:] = 1
    (root / "train/masks/x.png").write_bytes(encode_mask(labels))
    train = mask_parts(str(root))["train"]
    assert (*train.sizes[-1], 3) == train.read(len(train) - 1)[0].shape == (30, 20, 3)
    assert read_image(str(path)).shape == (30, 20, 3)


def test_masks_are_never_turned(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    labels = np.zeros((20, 30), np.uint8)
    labels[:, 10:] = 1
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(root / "train/images/x.png")
    Image.fromarray(labels).save(root / "train/masks/x.png", exif=exif)
    train = mask_parts(str(root))["train"]
    assert train.sizes[-1].tolist() == [20, 30]
    np.testing.assert_array_equal(train.read(len(train) - 1)[1], labels)


def test_names_for_the_classes_of_a_network_that_has_numbers(root):
    (root / "classes.txt").write_text("\ufeffground\nstop sign\nroad\n", encoding="utf-8")
    assert mask_parts(str(root))["train"].classes == ["ground", "stop sign", "road"]
    assert find_evaluation_masks(str(root), ["0", "1", "2"]).classes == ["0", "1", "2"]
    with pytest.raises(InputError, match="names other classes"):
        find_evaluation_masks(str(root), ["0", "1", "3"])


def smaller(root):
    cv2.imwrite(str(root / "train/masks/002.png"), np.zeros((5, 5), np.uint8))


def beyond(root):
    (root / "classes.txt").write_text("a\nb\n")


def coloured(root):
    cv2.imwrite(str(root / "train/masks/002.png"), np.zeros((24, 32, 3), np.uint8))


def fifo(root):
    os.remove(root / "train/masks/002.png")
    os.mkfifo(root / "train/masks/002.png")


def endless(root):
    os.remove(root / "train/images/002.png")
    os.symlink("/dev/zero", root / "train/images/002.png")


@pytest.mark.parametrize("spoil", [smaller, beyond, coloured, fifo, endless])
def test_a_pair_that_is_none_is_named(root, spoil):
    spoil(root)
    with pytest.raises(InputError, match=r"train/(masks|images)/00\d\.png: "):
        train = mask_parts(str(root))["train"]
        for index in range(len(train)):
            train.read(index)


@pytest.mark.parametrize("spoil", [smaller, fifo, endless])
def test_sizes_are_compared_by_the_headers(root, spoil):
    (root / "classes.txt").write_text("a\nb\nc\n")
    train = mask_parts(str(root))["train"]
    assert train.sizes.shape == (6, 2)
    spoil(root)
    with pytest.raises(InputError, match=r"002\.png: "):
        mask_parts(str(root))["train"].sizes  # noqa: B018


@pytest.mark.parametrize("name", ["masks/003.png", "images/003.png"])
def test_what_stands_alone_is_named(root, name):
    os.remove(root / "train" / name)
    with pytest.raises(InputError, match=r"003\.png: has no (mask|image)"):
        mask_parts(str(root))


@pytest.mark.parametrize("name", ["images/003.jpg", "masks/003.jpg", "masks/004.PNG"])
def test_two_of_one_name_are_refused(root, name):
    cv2.imwrite(str(root / "train" / name), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(InputError, match=name):
        mask_parts(str(root))


@pytest.mark.parametrize("others, rest", [(255, 0), (1, 1)])
def test_what_is_white_on_black_is_one_class(root, others, rest):
    for path in (root / "train" / "masks").iterdir():
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., 0] > 0
        path.write_bytes(encode_mask(np.where(labels, others, rest).astype(np.uint8)))
    with pytest.raises(InputError, match="hold one class .255 is none.*such as 0 and 1"):
        mask_parts(str(root))


def test_folders_that_hold_none_are_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        for find in (mask_parts, lambda name: find_evaluation_masks(name, "01")):
            with pytest.raises(InputError, match=str(folder)):
                find(str(folder))
    (tmp_path / "train" / "images").mkdir(parents=True)
    with pytest.raises(InputError, match="masks"):
        mask_parts(str(tmp_path))
    (tmp_path / "train" / "masks").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        mask_parts(str(tmp_path))


def test_voc_lists_of_what_is_not_there(tmp_path):
    write_voc(tmp_path)
    path = tmp_path / "ImageSets/Segmentation/val.txt"
    for text in ("../../000\n", "000 1\n", ""):
        path.write_text(text)
        with pytest.raises(InputError, match=r"val\.txt"):
            mask_parts(str(tmp_path))
    path.unlink()
    with pytest.raises(InputError, match="val_split"):
        mask_parts(str(tmp_path))
