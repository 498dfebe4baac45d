"""``aff train-seg`` on files that are damaged, or say what they should not."""

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


def test_labels_of_the_validation_part_are_looked_at_before_training(tmp_path, capsys):
    write_masked(tmp_path / "own" / "train", 8, classes=2)
    write_masked(tmp_path / "own" / "val", 2, classes=3)
    argv = ["train-seg", "--data-dir", tmp_path / "own", *QUICK, "--save-dir", tmp_path / "run"]
    fails(argv, capsys, "val/masks", "label 2 is not in 0..1")
    assert not (tmp_path / "run").exists()
