"""What an installation brings, and what a Python that does not serve is told."""

import os
import subprocess
import sys

import pytest

from .conftest import ROOT, run_python

SPY = (
    "import setuptools, json; setuptools.setup = lambda **k: print(json.dumps(k, default=str)); "
    "exec(open('setup.py').read())"
)


def setup_arguments(**environment):
    import json

    finished = run_python("-c", f"__file__ = 'setup.py'; {SPY}", **environment)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_a_cpu_install_brings_mxnet_and_the_extra_is_refused():
    arguments = setup_arguments(AFF_MXNET="cpu")
    assert "mxnet==1.9.1" in arguments["install_requires"]
    conflicting = [r for r in arguments["extras_require"]["cu112"] if r.startswith("mxnet==")]
    assert conflicting == ["mxnet==0+set.AFF.MXNET.to.cu112.for.this.extra"]


def test_a_gpu_install_brings_mxnet_cu112_alone():
    arguments = setup_arguments(AFF_MXNET="cu112")
    everything = arguments["install_requires"] + arguments["extras_require"]["cu112"]
    assert "mxnet-cu112==1.9.1" in everything
    assert not [requirement for requirement in everything if requirement.startswith("mxnet==")]
    libraries = [requirement for requirement in everything if requirement.startswith("nvidia-")]
    assert len(libraries) == 9
    assert all("==" in requirement for requirement in libraries)


def test_a_folder_of_its_name_does_not_hide_the_package(tmp_path):
    """As the folder of a clone named ``aff`` does not, seen from the folder that holds it."""
    (tmp_path / "aff" / "docs").mkdir(parents=True)
    finished = run_python("-c", "import aff; print(aff.__version__)", cwd=tmp_path, PYTHONPATH="")
    assert finished.stdout.strip(), finished.stderr


def test_a_build_brings_our_parameters(tmp_path):
    finished = run_python(
        *("setup.py", "-q", "egg_info", "-e", tmp_path, "build_py", "-d", tmp_path / "built")
    )
    assert finished.returncode == 0, finished.stderr
    built = tmp_path / "built/aff"
    assert len(list(built.glob("params/fashion_mnist_*.params"))) == 3
    assert (built / "cli/main.py").is_file() and (built / "models/published.json").is_file()


def test_an_unknown_build_is_refused():
    finished = run_python("-c", f"__file__ = 'setup.py'; {SPY}", AFF_MXNET="cu118")
    assert finished.returncode != 0
    assert "AFF_MXNET=cu118: valid: cpu, cu112" in finished.stderr


def test_this_python_serves():
    finished = run_python(os.path.join("tools", "check_python.py"))
    assert (finished.returncode, finished.stdout.strip()) == (0, "%d.%d" % sys.version_info[:2])


@pytest.mark.parametrize(
    "version",
    [(3, 13), *(pytest.param(v, marks=pytest.mark.slow) for v in ((2, 7), (3, 7), (3, 14)))],
)
def test_a_python_that_does_not_serve_is_told_which_do(version):
    code = (
        f"import sys, runpy; sys.version_info = {version!r} + (0,); "
        "runpy.run_path('tools/check_python.py', run_name='__main__')"
    )
    finished = run_python("-c", code)
    assert finished.returncode == 2
    assert "needs Python 3.8 to 3.12: name one, e.g. make demo PYTHON=python3." in finished.stderr
    assert "Python %d.%d" % version in finished.stderr
    assert not finished.stdout


def test_pythons_that_serve_and_are_there_are_named(tmp_path):
    fake = tmp_path / "python3.9"
    fake.write_text('#!/bin/sh\ncase "$2" in *"(3, 9)"*) exit 0;; *) exit 1;; esac\n')
    fake.chmod(0o755)
    (tmp_path / "sh").symlink_to("/bin/sh")
    code = (
        "import sys, runpy; sys.version_info = (3, 13, 0); "
        "runpy.run_path('tools/check_python.py', run_name='__main__')"
    )
    finished = run_python("-c", code, PATH=str(tmp_path))
    assert "make demo PYTHON=python3.9 (found here: python3.9)" in finished.stderr


def make(*words):
    return subprocess.run(["make", *words], cwd=ROOT, text=True, capture_output=True, check=False)


def test_make_leaves_an_environment_of_the_users_alone(tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = mine")
    finished = make("demo", f"PYTHON={sys.executable}", f"VENV={tmp_path}/venv")
    assert finished.returncode == 2
    assert "venv is there already, and was not made by this" in finished.stderr
    assert (tmp_path / "venv" / "pyvenv.cfg").read_text() == "home = mine"


def test_make_stops_before_pip_where_python_does_not_serve(tmp_path):
    fake = tmp_path / "python9"
    fake.write_text("#!/bin/sh\necho 'python9 is too new: name one' >&2\nexit 2\n")
    fake.chmod(0o755)
    finished = make("demo", f"PYTHON={fake}", f"VENV={tmp_path}/venv")
    assert finished.returncode == 2
    assert "too new" in finished.stderr
    assert not (tmp_path / "venv").exists()
    finished = make("test", "PYTHON=/no/such/python", f"VENV={tmp_path}/venv")
    assert "/no/such/python cannot be run: name a Python 3.8 to 3.12" in finished.stderr


@pytest.mark.slow
def test_curves_and_the_ablation_are_there_without_a_clone(tmp_path):
    build = ["-q", "egg_info", "--egg-base", str(tmp_path)]
    library = tmp_path / "lib"
    finished = run_python("setup.py", *build, "build_py", "--build-lib", str(library))
    assert finished.returncode == 0, finished.stderr
    files = [path for path in (library / "aff" / "logs").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".csv", ".json", ".jsonl"}
    assert sum(path.stat().st_size for path in files) < 2_200_000
    for arguments, said in (
        (["plot", "--reference", "iaff_resnet50"], "published iaff_resnet50: 180 epochs"),
        (["tables", "--table", "ablation"], "the runs that come with aff"),
        (["tables", "--table", "tenth"], "A tenth of Fashion-MNIST"),
        (["tables", "--table", "scenes"], "54.39 +- 0.41"),
    ):
        finished = subprocess.run(
            [sys.executable, "-m", "aff", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(library)},
            text=True,
            capture_output=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        assert said in finished.stdout
    assert (tmp_path / "curves.png").exists()
