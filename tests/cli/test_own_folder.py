"""``aff evaluate RUN --data-dir``: the folder that a part was held out of, and others."""

import json
import os
import shutil

import pytest

from aff.data.mask_folders import mask_parts

from ..data.masked import write_masked
from ..export.networks import exportable
from .conftest import exit_code, train
from .own_images import SMALL


@pytest.fixture
def run(pictures, elsewhere):
    """A run on a folder of classes alone, of whose 30 images it held 9 out."""
    command = f"{SMALL} --data-dir {pictures}/flat --val-split 0.3 --num-epochs 1 --save-dir run"
    assert train(command) == 0
    return elsewhere / "run"


def test_a_run_s_own_folder_keeps_what_was_held_out(run, pictures, elsewhere, capsys):
    own = pictures / "flat"
    os.symlink(own, "link")
    capsys.readouterr()
    assert exit_code(["evaluate", run]) == 0
    expected = capsys.readouterr().out
    assert "of 9 wrong" in expected and "note" not in expected
    for flags in (["--data-dir", own], ["--data-dir", f"{own}/../flat/"], ["--data-dir", "link"]):
        assert exit_code(["evaluate", run, *flags]) == 0
        found = capsys.readouterr().out
        assert found.replace("link", str(own)).replace("/../flat/", "") == expected


def test_another_folder_is_counted_whole_and_that_is_said(run, pictures, elsewhere, capsys):
    (elsewhere / "copy").mkdir()
    for name in os.listdir(pictures / "flat"):
        os.symlink(pictures / "flat" / name, elsewhere / "copy" / name)
    capsys.readouterr()
    assert exit_code(["evaluate", run, "--data-dir", "copy"]) == 0
    said = capsys.readouterr().out
    assert "of 30 wrong" in said and "note: copy has no val/ or test/" in said
    assert exit_code(["evaluate", run, "--data-dir", pictures / "three"]) == 0
    said = capsys.readouterr().out
    assert "of 6 wrong" in said and "note" not in said


def test_a_folder_that_has_changed_since_is_told(pictures, elsewhere, capsys):
    """Another part of it is held out then, and of that some was trained on; with a class renamed
    there are as many, in another order.
    """
    own = elsewhere / "own"
    shutil.copytree(pictures / "flat", own)
    command = f"{SMALL} --data-dir own --val-split 0.3 --num-epochs 1 --save-dir run"
    assert train(command) == 0
    added = min(own.glob("*/*"))
    shutil.copyfile(added, added.with_name(f"zz{added.suffix}"))
    assert exit_code(["evaluate", "run"]) == 0
    said = capsys.readouterr().out
    assert f"note: the images of {own} are others than when the run held" in said
    added.parent.rename(own / "zebra")
    assert exit_code(["evaluate", "run"]) == 2
    assert "own: zebra is no class of " in capsys.readouterr().err


def test_an_exported_file_says_that_a_part_was_held_out(run, pictures, elsewhere, capsys):
    assert exit_code(["export", "run", "--to", "symbol", "--out", "made"]) == 0
    (symbol,) = elsewhere.glob("made/*-symbol.json")
    capsys.readouterr()
    assert exit_code(["evaluate", symbol, "--data-dir", pictures / "flat"]) == 0
    said = capsys.readouterr().out
    assert "of 30 wrong" in said and "note: " in said and "'aff evaluate RUN' counts the" in said
    assert exit_code(["evaluate", symbol, "--data-dir", pictures / "three"]) == 0
    assert "note" not in capsys.readouterr().out


def test_masks_that_were_held_out_are_counted_alone(elsewhere, capsys):
    for name in ("own", "copy"):
        write_masked(elsewhere / name, 8, sizes=((16, 16),))
    write_masked(elsewhere / "parts" / "val", 3, sizes=((16, 16),))
    (elsewhere / "run").mkdir()
    _, source = exportable("fpn_cifar_resnet8_ASKCFuse", elsewhere)
    os.rename(source.params, "run/best.params")
    model = {"name": source.model, "kwargs": source.kwargs}
    data = {"dataset": "masks", "data_dir": str(elsewhere / "own"), "val_split": 0.25}
    images = {"images": {"val": mask_parts("own", 0.25)["val"].order()}}
    settings = {"model": model, "data": data, "training": images}
    (elsewhere / "run" / "settings.json").write_text(json.dumps(settings))
    for flags, images, noted in (
        ([], 2, False),
        (["--data-dir", "own/"], 2, False),
        (["--data-dir", "copy"], 8, True),
        (["--data-dir", "parts"], 3, False),
    ):
        capsys.readouterr()
        assert exit_code(["evaluate", "run", *flags]) == 0
        said = capsys.readouterr().out
        assert f"{images} images" in said and ("note: " in said) == noted
    for part in ("images", "masks"):
        min((elsewhere / "own" / part).iterdir()).unlink()
    assert exit_code(["evaluate", "run"]) == 0
    assert "note: the images of " in capsys.readouterr().out
