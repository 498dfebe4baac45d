"""The table of the published files."""

import subprocess

import pytest

import aff
from aff.models.records import WEIGHTS
from aff.models.weights import blob_sha1

from ..conftest import ROOT
from ..golden import ARCHITECTURES

NAME = "cifar100_coarse_aff_resnet32"
AUTHORS = [name for name, record in WEIGHTS.items() if not record.ours]


def test_the_table():
    assert len(AUTHORS) == 22
    assert aff.list_published() == list(WEIGHTS)
    record = WEIGHTS["gen2_aff_resnext50_32x4d"]
    assert record.kwargs == {
        "fusion": "ASKCFuse",
        "classes": 1000,
        "deep_stem": True,
        "stem_width": 64,
        "avg_down": True,
    }
    assert record.top1_error == pytest.approx(0.2028)
    assert WEIGHTS[NAME].top1_error == pytest.approx(1 - 0.8967)
    assert {record.label_set for record in WEIGHTS.values()} == {None, "coarse", "fine"}
    assert len({record.sha1 for record in WEIGHTS.values()}) == len(WEIGHTS)


@pytest.mark.parametrize("name", AUTHORS)
def test_each_record_names_one_of_the_published_architectures(name):
    record = WEIGHTS[name]
    classes = 100 if record.dataset == "cifar10" else record.kwargs["classes"]
    net = aff.get_model(name, classes=classes)  # the reference has the networks of 100
    shapes = {key: list(p.shape) for key, p in net._collect_params_with_prefix().items()}
    known = any(shapes == entry["params"] for entry in ARCHITECTURES.values())
    assert known or name == "cifar100_coarse_iaff_resnext38_32x4d"
    assert len(bytes.fromhex(record.sha1)) == len(bytes.fromhex(record.commit)) == 20


def test_addresses_are_percent_encoded(monkeypatch):
    monkeypatch.delenv("AFF_MIRROR", raising=False)
    assert WEIGHTS[NAME].url() == (
        "https://raw.githubusercontent.com/YimianDai/open-aff/"
        "deeacd453e30bcaa2b372c599417a5f4b4292d8c/params/cifar100/sota/resnet-32-askc-host/"
        "r%20%3D%204/0.8967-cifar100-resnet_v2_askc_blocks_5_channel_times_4_start_layer_1_mixup-"
        "best.params"
    )
    assert WEIGHTS[NAME].url("http://host/x/").startswith("http://host/x/deeacd453e")
    with pytest.raises(aff.InputError, match="starts with http"):
        WEIGHTS[NAME].url("host/x")


def test_the_hash_is_gits(tmp_path):
    path = f"{ROOT}/README.md"
    git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True)
    assert blob_sha1(path) == git.stdout.strip()
