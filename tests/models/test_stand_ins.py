"""Every file that the authors published, as a stand-in of its names and shapes with random values
(ImageNet's saved by a float16 network), served on loopback: fetched, verified by its own hash,
loaded, evaluated.
"""

import dataclasses
import os
import shutil

import cv2
import mxnet as mx
import numpy as np
import pytest

import aff
from aff.cli.main import main
from aff.data.datasets import DATASETS
from aff.data.images import imagenet_synset
from aff.models.records import WEIGHTS
from aff.models.registry import find_family
from aff.models.weights import blob_sha1
from aff.paper.scores import evaluated

from ..conftest import write_cifar
from ..serving import serving
from .test_weights import AUTHORS

IMAGES, CLASSES = 7, 3
#: One of each data set, label set and generation; the others are slow.
QUICK = {
    "aff_resnet50",
    "cifar10_aff_resnet32",
    "cifar100_coarse_aff_resnet32",
    "gen2_cifar100_fine_aff_resnet32",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders of test data: images in folders by class, and both CIFARs."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for index in range(IMAGES):
        folder = root / "imagenet" / "val" / imagenet_synset()[100 * (index % CLASSES)]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (90 + 10 * index, 100, 3), np.uint8)
        cv2.imwrite(str(folder / f"{index}.JPEG"), pixels)
    for name in ("cifar10", "cifar100"):
        write_cifar(root / name, name, train=1, test=IMAGES)
    return root


@pytest.fixture
def stand_in(request, tmp_path, monkeypatch):
    """The stand-in of the published file of this name, on a server; gives its network."""
    record = WEIGHTS[request.param]
    mx.random.seed(1)
    net = aff.get_model(request.param, ctx=mx.cpu())
    if record.dataset == "imagenet":
        net.cast("float16")
    file = tmp_path / "mirror" / record.commit / record.path
    file.parent.mkdir(parents=True)
    net.save_parameters(str(file))
    manifest = dataclasses.replace(record, sha1=blob_sha1(str(file)))
    monkeypatch.setitem(WEIGHTS, record.name, manifest)
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path / "mirror") as server:
        monkeypatch.setenv("AFF_MIRROR", server.url)
        yield record, net
    shutil.rmtree(tmp_path / "mirror")
    shutil.rmtree(tmp_path / "params", ignore_errors=True)


@pytest.mark.parametrize(
    "stand_in",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in AUTHORS],
    indirect=True,
)
def test_a_published_file_from_its_address_to_its_error(stand_in, data, capsys):
    record, net = stand_in
    assert main(["fetch", record.name]) == 0
    assert f"params/{record.filename}: verified" in capsys.readouterr().out

    loaded = aff.get_model(record.name, pretrained=True)
    mine = loaded._collect_params_with_prefix()
    for name, parameter in net._collect_params_with_prefix().items():
        assert np.dtype(mine[name].dtype) == np.float32
        np.testing.assert_array_equal(
            mine[name].data().asnumpy(), parameter.data().asnumpy().astype(np.float32)
        )

    arguments = ["evaluate", record.name, "--data-dir", str(data / record.dataset)]
    if record.dataset == "imagenet":
        arguments += ["--input-size", "64"]
    assert main([*arguments, "--dataset", record.dataset, "--cpus", "1"]) == 0
    out = capsys.readouterr().out
    assert f"of {IMAGES} wrong" in out
    assert f"published: top-1 error {100 * record.top1_error:.2f} %" in out
    if record.label_set:
        assert f"cifar100 ({record.label_set} labels)" in out
    assert record.model in out
    assert "kept for" not in out  # these are not all the images
    assert evaluated(WEIGHTS[record.name]) is None


@pytest.mark.parametrize("stand_in", ["cifar100_coarse_aff_resnet32"], indirect=True)
def test_a_score_on_the_whole_test_part_is_kept_for_the_tables(stand_in, data, capsys, monkeypatch):
    record, _ = stand_in
    arguments = ["evaluate", record.name, "--data-dir", str(data / record.dataset), "--cpus", "1"]
    whole = dataclasses.replace(DATASETS[record.dataset], whole=IMAGES)
    monkeypatch.setitem(DATASETS, record.dataset, whole)
    assert main([*arguments, "--labels", "fine"]) == 0
    assert "kept for" not in capsys.readouterr().out
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert f"kept for 'aff tables' in params/{record.name}.evaluation.json" in out
    assert f"top-1 error {100 * evaluated(WEIGHTS[record.name]):.2f} %" in out
    assert evaluated(record) is None  # of another file

    def refused(path, content):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("aff.paper.scores.write_json", refused)
    assert main([*arguments, "--json", "said.json"]) == 0
    assert "note: not kept for 'aff tables': " in capsys.readouterr().out
    assert os.path.exists("said.json")


@pytest.mark.numeric
@pytest.mark.parametrize(
    "stand_in",
    ["cifar10_aff_resnet32", pytest.param("aff_resnet50", marks=pytest.mark.slow)],
    indirect=True,
)
def test_it_goes_to_the_named_devices_and_folder_and_computes_what_was_saved(stand_in, tmp_path):
    record, net = stand_in
    loaded = aff.load_published(
        record.name, ctx=[mx.cpu(0), mx.cpu(1)], root=str(tmp_path / "else")
    )
    for parameter in loaded.collect_params().values():
        assert parameter.list_ctx() == [mx.cpu(0), mx.cpu(1)]
    assert (tmp_path / "else" / record.filename).exists()
    net.cast("float32")
    size = find_family(record.model)[0].size
    x = mx.nd.random.normal(shape=(2, 3, size, size))
    expected = net(x).asnumpy()
    for device in (mx.cpu(0), mx.cpu(1)):
        found = loaded(x.as_in_context(device)).asnumpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stand_in", ["cifar10_aff_resnet32"], indirect=True)
def test_evaluation_fetches_what_is_not_there_but_not_for_missing_data(stand_in, data, capsys):
    record, _ = stand_in
    assert main(["evaluate", record.name, "--data-dir", "/nowhere", "--cpus", "1"]) == 2
    assert "cifar10 is not in /nowhere" in capsys.readouterr().err
    assert main(["evaluate", record.name, "--data-dir", str(data / "cifar10"), "--cpus", "1"]) == 0


@pytest.mark.parametrize("stand_in", ["gen2_cifar100_fine_aff_resnet32"], indirect=True)
def test_float32_values_go_into_a_float16_network(stand_in):
    record, net = stand_in
    net.save_parameters("net.params")
    other = aff.get_model(record.name, ctx=mx.cpu())
    other.cast("float16")
    aff.load_parameters(other, "net.params")
    for name, parameter in net._collect_params_with_prefix().items():
        mine = other._collect_params_with_prefix()[name]
        kept = ("gamma", "beta", "running_mean", "running_var")
        assert np.dtype(mine.dtype) == (np.float32 if name.endswith(kept) else np.float16)
        np.testing.assert_array_equal(
            mine.data().asnumpy(), parameter.data().asnumpy().astype(mine.dtype)
        )
