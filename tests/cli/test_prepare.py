"""``aff prepare``: what it writes, what it leaves out, and what it finds damaged."""

import io
import json
import os
import tarfile

import cv2
import mxnet as mx
import numpy as np
import pytest

from aff.cli.main import main
from aff.data.decoding import decode
from aff.data.images import RecordImages

SIZES = [(40, 60), (90, 70), (64, 64), (30, 200), (50, 50), (80, 40)]


@pytest.fixture
def folder(tmp_path):
    """``train/`` and ``val/`` of two classes, six images each."""
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for index, (height, width) in enumerate(SIZES):
            place = tmp_path / "images" / part / f"class{index % 2}"
            place.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
            cv2.imwrite(str(place / f"{index}.jpg"), pixels)
    return tmp_path / "images"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def prepare(*arguments):
    return main(["prepare", *map(str, arguments)])


def test_records_hold_the_files_as_they_are(folder, out, capsys):
    assert prepare(folder, out) == 0
    assert "train: 6 images of 2 classes" in capsys.readouterr().out
    assert sorted(os.listdir(out)) == sorted(
        ["manifest.json", *(f"{p}.{e}" for p in ("train", "val") for e in ("rec", "idx", "lst"))]
    )
    for part in ("train", "val"):
        images = RecordImages(str(out / f"{part}.rec"))
        listed = [line.split("\t") for line in (out / f"{part}.lst").read_text().splitlines()]
        assert len(images) == len(listed) == 6
        for place, (key, label, name) in enumerate(listed):
            content, found = images.read(place)
            assert (int(key), float(label)) == (place, found)
            assert name.startswith(f"class{found}/")
            assert content == (folder / part / name).read_bytes()
    names = [line.split("\t")[2] for line in (out / "val.lst").read_text().splitlines()]
    assert names == sorted(names)
    iterator = mx.io.ImageRecordIter(
        path_imgrec=str(out / "val.rec"),
        path_imgidx=str(out / "val.idx"),
        data_shape=(3, 20, 20),
        batch_size=6,
        resize=20,
    )
    assert next(iterator).label[0].asnumpy().tolist() == [0, 0, 0, 1, 1, 1]


def test_the_training_images_are_shuffled_by_the_seed(folder, out):
    listings = []
    for index, seed in enumerate((0, 0, 1)):
        assert prepare(folder, out.with_name(f"out{index}"), "--seed", seed, "-j", 1 + index) == 0
        listings.append((out.with_name(f"out{index}") / "train.lst").read_text())
    assert listings[0] == listings[1] != listings[2]


def test_resize_scales_only_what_is_larger(folder, out):
    assert prepare(folder, out, "--resize", 48, "--quality", 80) == 0
    images = RecordImages(str(out / "val.rec"))
    sides = sorted(min(decode(images.read(i)[0], "x").shape[:2]) for i in range(6))
    assert sides == [30, 40, 40, 48, 48, 48]


def test_a_second_run_does_nothing_until_something_changes(folder, out, capsys):
    assert prepare(folder, out) == 0
    before = {name: os.stat(out / name).st_mtime_ns for name in os.listdir(out)}
    capsys.readouterr()
    assert prepare(folder, out) == 0
    assert capsys.readouterr().out == "train: done already\nval: done already\n"
    assert before == {name: os.stat(out / name).st_mtime_ns for name in os.listdir(out)}
    (folder / "val" / "class0" / "0.jpg").unlink()
    assert prepare(folder, out) == 0
    assert "train: done already\nval: 5 images" in capsys.readouterr().out
    assert prepare(folder, out, "--resize", 20) == 0
    assert "done already" not in capsys.readouterr().out
    assert prepare(folder, out, "--resize", 20, "--seed", 1) == 0
    assert capsys.readouterr().out.endswith("val: done already\n"), "validation has no order"


def test_what_has_no_effect_repacks_nothing(folder, out, capsys):
    assert prepare(folder, out) == 0
    capsys.readouterr()
    assert prepare(folder, out, "--quality", 50) == 0
    assert capsys.readouterr().out == "train: done already\nval: done already\n"
    (out / "train.idx").write_text("0\t0\n")
    assert prepare(folder, out) == 0
    assert "train: 6 images" in capsys.readouterr().out
    assert prepare(out, "--verify") == 0


def test_parts_packed_apart_are_compared(folder, out, capsys):
    assert prepare(folder, out) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["val"]["classes"].append("another")
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert prepare(out, "--verify") == 2
    assert "its parts are of other classes" in capsys.readouterr().err


def test_archives_beside_folders_are_not_read(folder, out, capsys):
    (folder / "ILSVRC2012_img_train.tar").write_bytes(b"")
    assert prepare(folder, out) == 0
    assert "ILSVRC2012_img_train.tar is not read" in capsys.readouterr().err


def test_images_that_do_not_decode_are_left_out_and_listed(folder, out, capsys):
    (folder / "train" / "class1" / "1.jpg").write_bytes(b"no image")
    (folder / "train" / "class0" / "empty.png").write_bytes(b"")
    assert prepare(folder, out) == 0
    text = capsys.readouterr().out
    assert "train: 5 images of 2 classes" in text
    assert "2 images do not decode and were left out" in text
    entry = json.loads((out / "manifest.json").read_text())["train"]
    assert sorted(entry["left_out"]) == ["class0/empty.png", "class1/1.jpg"]
    assert entry["images_of_class"] == [3, 2]
    assert prepare(out, "--verify") == 0
    assert "train: 5 records verified\nval: 6 records verified" in capsys.readouterr().out


def test_what_is_no_file_is_left_out_and_listed_too(folder, out, capsys):
    (folder / "train" / "class0" / "x.jpg").symlink_to("nowhere")
    (folder / "train" / "class1" / "y.png").mkdir()
    os.mkfifo(folder / "val" / "class0" / "z.jpg")
    assert prepare(folder, out) == 0
    assert "train: 6 images of 2 classes" in capsys.readouterr().out
    manifest = json.loads((out / "manifest.json").read_text())
    assert sorted(manifest["train"]["left_out"]) == ["class0/x.jpg", "class1/y.png"]
    assert manifest["val"]["left_out"] == ["class0/z.jpg"]
    assert prepare(folder, out) == 0
    assert "train: done already\nval: done already" in capsys.readouterr().out
    assert prepare(out, "--verify") == 0
    content = (folder / "train" / "class0" / "0.jpg").read_bytes()
    (folder / "train" / "class0" / "nowhere").write_bytes(content)
    assert prepare(folder, out) == 0
    assert "train: 7 images" in capsys.readouterr().out


def test_damage_is_found(folder, out, capsys):
    assert prepare(folder, out, "--verify") == 0
    content = bytearray((out / "val.rec").read_bytes())
    content[-40] ^= 255
    (out / "val.rec").write_bytes(content)
    assert prepare(out, "--verify") == 2
    assert "val.rec: is not what manifest.json says" in capsys.readouterr().err
    (out / "val.rec").write_bytes(content[:-100])
    assert prepare(out, "--verify") == 2
    assert "record 5" in capsys.readouterr().err
    assert prepare(folder, out) == 0  # its length tells that it is not whole
    assert "val: 6 images" in capsys.readouterr().out
    assert prepare(out, "--verify") == 0
    lines = (out / "val.idx").read_text().splitlines()
    (out / "val.idx").write_text("\n".join(reversed(lines)) + "\n")
    assert prepare(out, "--verify") == 2
    assert "val.idx or val.lst is not what manifest.json says" in capsys.readouterr().err


def test_nothing_is_half_written(folder, out, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mx.recordio.MXIndexedRecordIO, "write_idx", full)
    assert prepare(folder, out) == 1
    assert not out.exists()


def tar(path, files):
    """A tar file of these contents by name."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def archives(folder):
    """The same images as ImageNet's archives hold them; the validation labels beside them."""
    place = folder.parent / "archives"
    place.mkdir()
    inner = {}
    for name in ("class1", "class0"):
        part = place / f"{name}.tar"
        images = sorted((folder / "train" / name).iterdir())
        tar(part, {path.name: path.read_bytes() for path in reversed(images)})
        inner[part.name] = part.read_bytes()
        part.unlink()
    tar(place / "ILSVRC2012_img_train.tar", inner)
    images = sorted((folder / "val").rglob("*.jpg"), key=lambda path: path.name)
    tar(place / "ILSVRC2012_img_val.tar", {path.name: path.read_bytes() for path in images})
    (place / "labels.txt").write_text("\n".join(path.parent.name for path in images))
    return place


def test_archives_give_the_records_of_folders(folder, archives, out, capsys):
    labels = ["--val-labels", archives / "labels.txt"]
    assert prepare(folder, out) == 0
    assert prepare(archives, out.with_name("out2"), *labels) == 0
    assert (out / "train.rec").read_bytes() == (out.with_name("out2") / "train.rec").read_bytes()
    listings = [
        sorted(line.split("\t", 1)[1] for line in (place / "val.lst").read_text().splitlines())
        for place in (out, out.with_name("out2"))
    ]
    assert listings[0] == listings[1]
    assert prepare(out.with_name("out2"), "--verify") == 0
    capsys.readouterr()
    assert prepare(archives, out.with_name("out2"), *labels) == 0
    assert capsys.readouterr().out == "train: done already\nval: done already\n"


@pytest.mark.parametrize("damage", ["truncated", "no tar", "labels", "no labels", "inner"])
def test_damaged_archives(archives, out, damage, capsys):
    train = archives / "ILSVRC2012_img_train.tar"
    content = train.read_bytes()
    message = {
        "truncated": "ILSVRC2012_img_train.tar",
        "no tar": "no tar file, or a damaged one",
        "inner": "class0.tar: no tar file, or a damaged one",
        "labels": "labels.txt: holds 5 labels for the 6 images",
        "no labels": "needs --val-labels FILE",
    }[damage]
    if damage == "truncated":
        train.write_bytes(content[: len(content) // 3])
    if damage == "no tar":
        train.write_bytes(b"no tar" * 1000)
    if damage == "inner":
        tar(train, {"class0.tar": b"no tar" * 1000})
    if damage == "labels":
        lines = (archives / "labels.txt").read_text().splitlines()
        (archives / "labels.txt").write_text("\n".join(lines[1:]))
    labels = [] if damage == "no labels" else ["--val-labels", archives / "labels.txt"]
    assert prepare(archives, out, *labels) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["images", "out", "--val-labels", "x"], "holds folders of images"),
        (["none", "out"], "none: holds neither train/ nor val/"),
        (["out"], "give FOLDER and OUT"),
        (["out", "--verify"], "holds no manifest.json"),
        (["images", "images/train/class0/0.jpg/x"], "files cannot go there"),
    ],
)
def test_mistakes_are_said_in_one_line(folder, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert prepare(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_parts_of_other_classes_are_refused(folder, out, capsys):
    (folder / "val" / "class1").rename(folder / "val" / "klass1")
    assert prepare(folder, out) == 2
    assert "other classes: class1, klass1 only in one of them" in capsys.readouterr().err
    assert not out.exists()


def test_a_part_without_any_image_that_decodes(folder, out, capsys):
    for path in (folder / "val").rglob("*.jpg"):
        path.write_bytes(b"no")
    assert prepare(folder, out) == 2
    assert "none of its 6 images decodes" in capsys.readouterr().err
    assert not (out / "val.rec").exists()
