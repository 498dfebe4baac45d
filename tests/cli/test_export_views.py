"""What exported networks are given of images is what their run evaluated."""

import json

import pytest

from ..export.networks import needs_torch
from .conftest import exit_code, train_imagenet

IMAGENET = (
    "--model cifar_resnet8_askc --input-size 24 --num-gpus 0 --num-epochs 1 --batch-size 6 "
    "--lr 0.01 -j 0 --crop-ratio 0.59 --save-dir run"
)


def evaluated(capsys, *argv):
    """What an evaluation says of the data and the errors."""
    capsys.readouterr()
    assert exit_code(["evaluate", *argv]) == 0
    return capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("target", [pytest.param("pytorch", marks=needs_torch), "onnx", "symbol"])
def test_the_crop_is_the_run_s(target, pictures, elsewhere, capsys):
    assert train_imagenet(f"{IMAGENET} --data-dir {pictures}/three") == 0
    expected = evaluated(capsys, "run")
    assert "centre 24 of 41 pixels" in expected
    assert exit_code(["export", "run", "--to", target, "--no-check"]) == 0
    listing = elsewhere / "exports" / "export.json"
    kept = json.loads(listing.read_text())
    name = next(iter(kept["files"]))
    folder = ["--data-dir", f"{pictures}/three"]
    assert evaluated(capsys, f"exports/{name}", *folder) == expected
    if target == "pytorch":
        assert exit_code(["export", "--from", "pytorch", f"exports/{name}", "--out", "back"]) == 0
        assert evaluated(capsys, "back/run.params", *folder) == expected
    if target == "symbol":  # as earlier versions wrote it
        assert kept["files"][name]["data"].pop("crop_ratio") == 0.59
        listing.write_text(json.dumps(kept))
        assert evaluated(capsys, f"exports/{name}", *folder) == expected


@pytest.mark.parametrize("target, name", [("symbol", "run-symbol.json"), ("onnx", "run.onnx")])
def test_another_size_reaches_exported_networks_of_small_images(
    target, name, pictures, origin, elsewhere, capsys
):
    assert exit_code(["export", origin, "--to", target, "--no-check"]) == 0
    flags = ["--data-dir", f"{pictures}/three", "--input-size", 24]
    expected, found = (evaluated(capsys, of, *flags) for of in (origin, f"exports/{name}"))
    assert found == expected and "24 pixels" in found
