"""A resumed run is held to the images that it was trained on, not only to their names."""

import json
import os
import shlex
import shutil

import pytest

from .conftest import QUICK_IMAGENET, train, train_imagenet


def swap(first, second):
    """Exchange the names of two files or folders."""
    first.rename(first.parent / "aside")
    second.rename(first)
    (first.parent / "aside").rename(second)


def rewrite(path, place, times=True):
    """Change a byte of a file."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    after = before.st_mtime + (5 if times else 0)
    os.utime(path, (after, after))


def refused(run, capsys, named):
    """The run is refused in one line that names what has changed, and the way out."""
    capsys.readouterr()
    assert run("--num-epochs 1 --resume auto") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert named in error and "--resume-changed" in error
    assert run("--num-epochs 1 --resume auto --resume-changed") == 0
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    "file, place, part",
    [
        ("data_batch_3.bin", 2000, "train"),
        ("data_batch_3.bin", 0, "train"),  # a label, 0 or 1
        ("test_batch.bin", 3072, "test"),
    ],
)
def test_a_set_in_memory(small, elsewhere, capsys, file, place, part):
    flags = shlex.split(small)
    folder = elsewhere / "cifar"
    shutil.copytree(flags[flags.index("--data-dir") + 1], folder)
    flags[flags.index("--data-dir") + 1] = str(folder)

    def run(more):
        return train(shlex.join(flags), *shlex.split(f"--batch-size 10 --save-dir run {more}"))

    assert run("--num-epochs 1") == 0
    rewrite(folder / file, place, times=False)
    refused(run, capsys, f"contents of the {part} images ({folder})")


@pytest.fixture(params=[None])
def folders_run(photos, data, elsewhere, request):
    """Copies of the folders of images, of equal sizes and times where that is asked for, and what
    trains on them.
    """
    copies = elsewhere / "images"
    shutil.copytree(data, copies)
    for path in copies.rglob("*.JPEG") if request.param else ():
        path.write_bytes(path.read_bytes().ljust(request.param))
        os.utime(path, (1e9, 1e9))

    def run(more, where="--data-dir images"):
        return train_imagenet(f"{photos} {QUICK_IMAGENET} {where} --save-dir run {more}")

    assert run("--num-epochs 1") == 0
    return copies, run


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize(
    "folders_run, told", [(None, "sizes"), (9000, "contents")], indirect=["folders_run"]
)
def test_classes_that_were_swapped(folders_run, told, capsys, part):
    copies, run = folders_run
    first, second = sorted((copies / part).iterdir())
    for one, other in zip(sorted(first.iterdir()), sorted(second.iterdir())):
        os.rename(one, one.parent / other.name)  # under the same names, too
        os.rename(other, other.parent / one.name)
    swap(first, second)
    refused(run, capsys, f"{told} of the {part} images (images)")


def test_a_run_of_a_version_that_knew_less_of_its_images_goes_on(folders_run):
    _, run = folders_run
    for path in ("run/settings.json", "logs/run/settings.json"):
        with open(path, encoding="utf-8") as file:
            said = json.load(file)
        assert {*said["training"]["sums"]["train"]} == {"sizes", "times", "contents"}
        for sums in said["training"]["sums"].values():
            del sums["contents"]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(said, file)
    assert run("--num-epochs 1 --resume auto") == 0


def test_an_image_that_was_rewritten(folders_run, capsys):
    copies, run = folders_run
    rewrite(next((copies / "train").rglob("*.JPEG")), -1)
    refused(run, capsys, "times of the train images (images)")


def test_folders_that_were_moved_are_the_same(folders_run, elsewhere):
    copies, run = folders_run
    copies.rename(elsewhere / "moved")
    assert run("--num-epochs 1 --resume auto", "--data-dir moved") == 0


def test_records_that_were_rewritten(photos, data, elsewhere, capsys):
    for name in ("train.rec", "val.rec"):
        shutil.copy(data / name, elsewhere)

    def run(more):
        where = "--use-rec --rec-train train.rec --rec-val val.rec"
        return train_imagenet(f"{photos} {QUICK_IMAGENET} {where} --save-dir run {more}")

    assert run("--num-epochs 1") == 0
    shutil.copy(data / "val.rec", elsewhere / "other.rec")
    (elsewhere / "other.rec").rename(elsewhere / "val.rec")  # a copy is the same
    capsys.readouterr()
    rewrite(elsewhere / "train.rec", 700, times=False)
    refused(run, capsys, "contents of the train images")
