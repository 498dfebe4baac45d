"""What the tests of the commands share: the scripts run in this process, in an empty folder, and
small ImageNet-style data.
"""

import contextlib
import fcntl
import shlex

import cv2
import mxnet as mx
import numpy as np
import pytest

from aff.cli.common.training import configure
from aff.cli.main import build_parser, main, run_command
from aff.data.images import imagenet_synset
from aff.models.registry import FAMILIES, register_family

from ..conftest import tiny_split
from ..data.masked import write_masked
from .own_images import origin, pictures  # noqa: F401
from .photos import FAMILY

#: The training commands, by kind of data set.
COMMANDS = {
    "cifar": "train-cifar",
    "imagenet": "train-imagenet",
    "segmentation": "train-seg",
}
QUICK = "--dataset digits --blocks 1 --channel-times 1 --cpus 1 --seed 1"


def train(text, *more):
    """Run the script in this process."""
    return run_command("train-cifar", [*shlex.split(text), *map(str, more)], "train_cifar.py")


def exit_code(argv):
    """Run ``aff`` with these arguments in this process; the code that it would end with."""
    try:
        return main([*map(str, argv)])
    except SystemExit as finished:
        return finished.code


def lines_of(output, heading):
    """What a run says under a heading such as ``resume``, a text each line."""
    words = [line.split() for line in output.splitlines()]
    return [" ".join(line[1:]) for line in words if line[:1] == [heading]]


def config_of(data, argv):
    """The configuration that the script for a kind of data set makes of these arguments."""
    return configure(data, vars(build_parser(COMMANDS[data]).parse_args([*map(str, argv)])))


@contextlib.contextmanager
def held_by_another(folder):
    """Hold a folder as a process on another machine would."""
    with (folder / ".lock").open("a+") as file:
        file.write("process 1 on another")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def trained_in(root, text):
    """Run ``train_cifar.py`` in a folder; the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert train(text) == 0
    return root


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Run in an empty folder, so that what a command leaves behind is seen."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "cwd"


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Flags of a small network, and of CIFAR-10's files with 60 and 20 images, whose brightness
    tells their class.
    """
    root = tmp_path_factory.mktemp("cifar10")
    files = {**{f"data_batch_{i}.bin": 12 for i in range(1, 6)}, "test_batch.bin": 20}
    for seed, (file, count) in enumerate(files.items()):
        split = tiny_split(count, size=32, classes=3, seed=seed)
        records = np.hstack([split.labels[:, None], split.images.reshape(count, -1)])
        records.astype(np.uint8).tofile(root / file)
    return f"--dataset cifar10 --data-dir {root} --blocks 1 --channel-times 1 --cpus 1 --seed 1"


#: A network of fifty layers, untrained, multiplies rounding a millionfold where the last gammas of
#: its blocks start at one, or where BatchNorm has few values of a channel (images of 32 pixels end
#: as one): it would overflow on one processor and not on another.
QUICK_IMAGENET = "--num-gpus 0 --cpus 1 --input-size 64 --batch-size 4 -j 1 --lr 0.001 --last-gamma"


QUICK_MASKS = shlex.split(
    "--model fpn_resnet --blocks 1 --num-epochs 8 --batch-size 4 --crop-size 16 --scale 1 1 "
    "--lr 0.05 --cpus 1 -j 0 --log-interval 0"
)


def fails(argv, capsys, *parts):
    """Run a command that ends in one line, which holds these parts."""
    capsys.readouterr()
    assert exit_code(argv) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for part in parts:
        assert part in said


@pytest.fixture(scope="module")
def photos():
    """Flags of a network of eight layers for ImageNet's kind of images, known meanwhile."""
    register_family(FAMILY)
    yield "--model photo_resnet8"
    FAMILIES.remove(FAMILY)


def train_imagenet(text, *more):
    """Run the script in this process."""
    argv = [*shlex.split(text), *map(str, more)]
    return run_command("train-imagenet", argv, "train_imagenet.py")


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Two classes in ``train/`` and ``val/``, 9 and 7 images; the same in .rec files."""
    root = tmp_path_factory.mktemp("imagenet")
    rng = np.random.default_rng(0)
    for part, count in (("train", 9), ("val", 7)):
        writer = mx.recordio.MXIndexedRecordIO(
            str(root / f"{part}.idx"), str(root / f"{part}.rec"), "w"
        )
        for index in range(count):
            label = index * 2 // count
            folder = root / part / imagenet_synset()[5 + label]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 100, (40, 50, 3)) + 120 * label
            content = cv2.imencode(".jpg", pixels.astype(np.uint8))[1].tobytes()
            (folder / f"{index:03d}.JPEG").write_bytes(content)
            header = mx.recordio.IRHeader(0, float(label), index, 0)
            writer.write_idx(index, mx.recordio.pack(header, content))
        writer.close()
    return root


@pytest.fixture
def folders(data):
    return f"--data-dir {data}"


@pytest.fixture
def records(data):
    return f"--use-rec --rec-train {data}/train.rec --rec-val {data}/val.rec"


@pytest.fixture(scope="session")
def masked(tmp_path_factory):
    """A folder of images and masks: ``train/``, ``val/`` and ``classes.txt``."""
    root = tmp_path_factory.mktemp("masked")
    (root / "classes.txt").write_text("ground\nwater\nroad\n")
    write_masked(root / "train", 8, sizes=((16, 16),))
    write_masked(root / "val", 3, seed=100, sizes=((16, 16), (18, 21)))
    return root
