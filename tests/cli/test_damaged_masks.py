"""``aff train-seg`` on files that are damaged, or say what they should not."""

from aff.data.mask_folders import mask_parts

from ..data.masked import write_masked
from .conftest import QUICK_MASKS as QUICK
from .conftest import exit_code, fails


def test_damaged_training_images_are_put_up_with(tmp_path, capsys):
    """Empty files and cut masks, with classes that are named and with such that are counted."""
    for name in ("named", "numbered"):
        for part, count in (("train", 9), ("val", 2)):
            write_masked(tmp_path / name / part, count, sizes=((24, 24),))
        (tmp_path / name / "train/images/001.png").write_bytes(b"")
        mask = tmp_path / name / "train/masks/004.png"
        mask.write_bytes(mask.read_bytes()[:-30])
    (tmp_path / "named" / "classes.txt").write_text("a\nb\nc\n")
    for name in ("named", "numbered"):
        argv = ["train-seg", "--data-dir", tmp_path / name, *QUICK, "--smoke"]
        argv += ["--save-dir", tmp_path / "run", "--logging-dir", tmp_path / "logs"]
        fails(argv, capsys, ".png")
        assert exit_code([*argv, "--max-bad-records", "0.3", "--num-epochs", "1"]) == 0
        assert "of at most 2" in capsys.readouterr().err


def test_what_was_held_out_beside_a_damaged_mask_is_evaluated(tmp_path, capsys):
    """Which is not among it."""
    write_masked(tmp_path / "own", 9, sizes=((24, 24),))
    path = mask_parts(str(tmp_path / "own"), 0.3)["train"].pairs[0][1]
    with open(path, "r+b") as file:
        file.truncate(60)
    argv = ["train-seg", "--data-dir", tmp_path / "own", *QUICK, "--val-split", "0.3"]
    argv += ["--max-bad-records", "0.3", "--num-epochs", "1"]
    argv += ["--save-dir", tmp_path / "run", "--logging-dir", tmp_path / "logs"]
    assert exit_code(argv) == 0
    capsys.readouterr()
    assert exit_code(["evaluate", tmp_path / "run"]) == 0
    assert "note" not in capsys.readouterr().out


def test_labels_of_the_validation_part_are_looked_at_before_training(tmp_path, capsys):
    write_masked(tmp_path / "own" / "train", 8, classes=2)
    write_masked(tmp_path / "own" / "val", 2, classes=3)
    argv = ["train-seg", "--data-dir", tmp_path / "own", *QUICK, "--save-dir", tmp_path / "run"]
    fails(argv, capsys, "val/masks", "label 2 is not in 0..1")
    assert not (tmp_path / "run").exists()
