"""The PyTorch file of a segmentation network."""

import subprocess
import sys

import mxnet as mx
import numpy as np

from aff.export.write import export_network

from .networks import exportable, needs_torch
from .test_pytorch import ALONE


@needs_torch
def test_it_segments_a_picture_as_ours_does(tmp_path):
    """Of sides that the stride does not divide; the share of each class is said."""
    import cv2
    from PIL import Image

    build, source = exportable("fpn_cifar_resnet8_ASKCFuse", tmp_path)
    export_network(build, source, "pytorch", str(tmp_path), check=False)
    pixels = cv2.resize(
        np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8), (45, 38)
    )
    cv2.imwrite(str(tmp_path / "picture.png"), pixels)
    script = f"{source.name}.py"
    (tmp_path / "text.png").write_text("no picture")

    def run(*words):
        return subprocess.run(
            [sys.executable, "-I", "-c", ALONE, script, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    finished = run("text.png", "picture.png", "--out", "masks")
    assert finished.returncode == 1
    for words in (["picture.png"], ["picture.png", "b/picture.jpg", "--out", "others"]):
        refused = run(*words)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "is there already, or another image's too" in refused.stderr
    assert finished.stderr.splitlines()[-1].startswith("text.png: ")
    view = np.zeros((1, 3, 40, 48), np.float32)
    view[..., :38, :45] = source.normalized(pixels[..., ::-1].transpose(2, 0, 1)[None])
    expected = build()(mx.nd.array(view)).asnumpy()[0, :, :38, :45].argmax(axis=0)
    with Image.open(tmp_path / "masks" / "picture.png") as mask:
        assert mask.mode == "P" and mask.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
        assert (np.asarray(mask) == expected).mean() > 0.999
    shares = {line.split()[3]: float(line.split()[0]) for line in finished.stdout.splitlines()[1:]}
    for label, count in zip(*np.unique(expected, return_counts=True)):
        assert abs(shares[str(label)] - 100 * count / expected.size) < 0.02
