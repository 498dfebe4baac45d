"""What happens before ``import mxnet``."""

import builtins
import ctypes
import os
import sys
import types

import pytest

from aff import compat
from aff.cli.main import main, run_command

from .conftest import ROOT, run_python

THREADS = "import aff, os; print(os.environ['OMP_NUM_THREADS'], aff.compat.available_cpus())"


def test_every_processor_is_used_by_default():
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    finished = run_python(
        "-c", "import os; os.environ.pop('OMP_NUM_THREADS', None); " + THREADS, **environment
    )
    threads, available = finished.stdout.split()
    assert threads == available


def test_the_users_setting_is_kept():
    assert run_python("-c", THREADS, OMP_NUM_THREADS="1").stdout.split()[0] == "1"


@pytest.mark.parametrize(
    "content, expected",
    [("150000 100000", 2), ("100000 100000", 1), ("max 100000", sys.maxsize), ("", sys.maxsize)],
)
def test_cgroup_quota(tmp_path, content, expected):
    (tmp_path / "cpu.max").write_text(content)
    assert compat._cgroup_quota(str(tmp_path / "cpu.max")) == expected
    assert compat._cgroup_quota(str(tmp_path / "none")) == sys.maxsize


def test_numpy_aliases(monkeypatch):
    fake = types.ModuleType("numpy")
    fake.__version__, fake.float = "1.26.4", "kept"
    monkeypatch.setitem(sys.modules, "numpy", fake)
    compat.restore_numpy_aliases()
    compat.check_numpy()
    assert (fake.bool, fake.object, fake.float) == (bool, object, "kept")
    fake.__version__ = "2.1.0"
    with pytest.raises(ImportError, match="needs NumPy below 2, found 2.1.0"):
        compat.check_numpy()


def test_both_builds_of_mxnet_are_refused(monkeypatch):
    monkeypatch.setattr(compat, "installed", lambda name: True)
    with pytest.raises(ImportError, match="both mxnet and mxnet-cu112 are installed"):
        compat.check_mxnet()


def test_no_mxnet_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(compat.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="mxnet is not installed for this Python: pip install"):
        compat.check_mxnet()


def test_a_library_that_cannot_be_loaded_is_one_line(monkeypatch):
    def fail(name, *arguments, **kwargs):
        if name == "mxnet":
            raise OSError("libcuda.so.1: cannot open shared object file")
        return original(name, *arguments, **kwargs)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(ImportError, match="libcuda.so.1.*needs NVIDIA's driver"):
        compat.import_mxnet()


@pytest.mark.parametrize(
    "command, name",
    [
        (lambda: main(["list"]), "aff list"),
        (lambda: run_command("train-cifar", [], "train_cifar.py"), "train_cifar.py"),
        (lambda: run_command("train-imagenet", [], "train_imagenet.py"), "train_imagenet.py"),
    ],
)
def test_commands_end_in_one_line_where_others_get_an_exception(monkeypatch, capsys, command, name):
    monkeypatch.setattr(compat, "installed", lambda name: True)
    assert command() == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{name}: error: both mxnet and mxnet-cu112")
    assert (captured.err.count("\n"), captured.out) == (1, "")
    with pytest.raises(ImportError, match="both mxnet and mxnet-cu112"):
        compat.import_mxnet()


BOTH = """
import aff
aff.compat.installed = lambda name: True
aff.get_model
"""


def test_the_packages_names_say_what_is_wrong_too():
    finished = run_python("-c", BOTH)
    assert finished.returncode == 1
    assert "ImportError: both mxnet and mxnet-cu112" in finished.stderr.splitlines()[-1]


def test_cuda_libraries_are_loaded_globally_in_order(tmp_path, monkeypatch):
    for pattern in reversed(compat.CUDA_LIBRARIES[2:]):
        path = tmp_path / pattern.replace("*", ".1")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    loaded = []
    monkeypatch.setattr(compat.ctypes, "CDLL", lambda path, mode: loaded.append((path, mode)))
    names = compat.load_cuda_libraries(str(tmp_path))
    assert [(name, ctypes.RTLD_GLOBAL) for name in names] == loaded
    assert [os.path.basename(name).split(".so")[0] for name in names] == [
        os.path.basename(pattern).split(".so")[0] for pattern in compat.CUDA_LIBRARIES[2:]
    ]
    assert compat.load_cuda_libraries(str(tmp_path / "none")) == []


def test_gluoncv_is_imported_beside_any_torch(tmp_path):
    """It refuses PyTorch 2, and needs none; PyTorch is there again afterwards."""
    (tmp_path / "torch.py").write_text("__version__ = '2.13.0'\nclass Tensor: pass\n")
    script = "import aff, sys; {first}import gluoncv; {then}import torch; print(torch.__version__)"
    there = "assert sys.modules['torch'] is torch; "
    for first, then in (("", ""), ("import torch; ", there)):
        code = script.format(first=first, then=then)
        finished = run_python("-c", code, PYTHONPATH=str(tmp_path))
        assert finished.stdout.split() == ["2.13.0"], finished.stderr


def test_what_tensorboard_s_files_need_comes_without_torch(tmp_path):
    (tmp_path / "torch.py").write_text("Tensor = None\n")
    code = "import aff, sys; import tensorboardX.summary; {}print('torch' in sys.modules)"
    for more, there in (("", "False"), ("import torch; ", "True")):
        finished = run_python("-c", code.format(more), PYTHONPATH=str(tmp_path))
        assert finished.stdout.split() == [there], finished.stderr


@pytest.mark.parametrize("arguments", [["-m", "aff", "list", "fusions"], ["-c", "import aff.data"]])
def test_a_machine_without_libgl_is_told_what_serves(tmp_path, arguments):
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file')"
    )
    finished = run_python(*arguments, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert finished.returncode in (1, 2)
    *above, last = finished.stderr.splitlines()
    assert not above or arguments[0] == "-c"
    for part in ("libGL.so.1", "opencv-python-headless", "apt-get install libgl1"):
        assert part in last


def test_mxnet_imported_too_early_can_be_imported_after_aff():
    """As docs/install.md says."""
    script = """
try:
    import mxnet
except AttributeError as error:
    assert "has no attribute 'bool'" in str(error)
import aff
import mxnet
fusion = aff.create_fusion("AFF", 4)
fusion.initialize()
assert fusion(mxnet.nd.ones((1, 4, 3, 3)), mxnet.nd.ones((1, 4, 3, 3))).shape == (1, 4, 3, 3)
"""
    finished = run_python("-c", script)
    assert finished.returncode == 0, finished.stderr
