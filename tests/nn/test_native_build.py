"""The native operator is compiled once, where it can be; elsewhere Gluon's form says why."""

import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aff.nn.native import build, operator

from ..conftest import ROOT, run_python

SHOW = """
import aff, mxnet as mx
from aff.nn.fusion import form_in_use
fusion = aff.create_fusion("AFF", 8)
fusion.initialize()
print(form_in_use(fusion))
print(fusion(mx.nd.ones((2, 8, 3, 3)), mx.nd.ones((2, 8, 3, 3))).asnumpy().mean())
"""
needs_compiler = pytest.mark.skipif(
    bool(operator.why_not()), reason=operator.why_not() or "it is there"
)


def shown(**environment):
    """What is said of the form, and on standard error; the fusion has to compute in any case."""
    finished = run_python("-c", SHOW, **environment)
    assert finished.returncode == 0, finished.stderr
    form, mean = finished.stdout.splitlines()
    assert float(mean) == pytest.approx(2, rel=1e-5)
    return form, finished.stderr


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_it_can_be_switched_off():
    assert shown(AFF_NATIVE="0") == ("Gluon's operators (AFF_NATIVE=0)", "")


def test_without_a_compiler(tmp_path):
    form, told = shown(CXX=str(tmp_path / "none"), XDG_CACHE_HOME=str(tmp_path))
    assert form == f"Gluon's operators (no C++ compiler ({tmp_path / 'none'}))"
    assert told == ""


def test_a_compiler_may_be_named_with_what_runs_it(tmp_path):
    log = tmp_path / "asked"
    script(tmp_path / "ccache", f'echo "$2" >> {log}\nexec "$@"')
    text = '[ "$1" = -v ] && exit 0\necho "x.cc:1: error: no" >&2; exit 1'
    broken = script(tmp_path / "broken", text)
    form, _ = shown(CXX=f"{tmp_path / 'ccache'} {broken}", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "x.cc:1: error: no" in form
    assert log.read_text().splitlines() == ["-v", "-std=c++17"]


def test_a_compiler_whose_name_has_a_space(tmp_path):
    text = '[ "$1" = -v ] && exit 0\necho "x.cc:1: error: no" >&2; exit 1'
    broken = script(tmp_path / "my c++", text)
    assert "x.cc:1: error: no" in shown(CXX=broken, XDG_CACHE_HOME=str(tmp_path / "cache"))[0]


def test_a_compiler_that_fails_is_asked_once(tmp_path):
    log = tmp_path / "asked"
    text = f'[ "$1" = -v ] && exit 0\necho asked >> {log}\necho "x.cc:1: error: no" >&2; exit 1'
    broken = script(tmp_path / "broken", text)
    for expected in ("x.cc:1: error: no", "failed before"):
        form, _ = shown(CXX=broken, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert form.startswith("Gluon's operators") and expected in form
    assert log.read_text() == "asked\n"


def test_a_compiler_that_is_killed_is_asked_again(tmp_path):
    log = tmp_path / "asked"
    killed = script(
        tmp_path / "killed", f'[ "$1" = -v ] && exit 0\necho asked >> {log}\nkill -9 $$'
    )
    for _ in range(2):
        form, _ = shown(CXX=killed, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert "ended by signal 9" in form
    assert log.read_text() == "asked\nasked\n"


@pytest.mark.parametrize(
    "said",
    [
        "g++: fatal error: Killed signal terminated program cc1plus",
        "x.cc:3:71: fatal error: error writing to x.s: No space left on device",
    ],
)
def test_a_compiler_whose_part_was_killed_is_asked_again(said, tmp_path):
    """It ends with 1 then, as for an error; so it does where a disk is full."""
    log = tmp_path / "asked"
    text = f'[ "$1" = -v ] && exit 0\necho asked >> {log}\necho "{said}" >&2; exit 1'
    killed = script(tmp_path / "killed", text)
    for _ in range(2):
        form, _ = shown(CXX=killed, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert said in form
    assert log.read_text() == "asked\nasked\n"


GERMAN = "/usr/share/i18n/locales/de_DE"
LOCALE = """
import locale, sys
import aff, mxnet as mx
if sys.argv[1:]:
    locale.setlocale(locale.LC_ALL, sys.argv[1])
    assert locale.localeconv()["decimal_point"] == ","
for name in ("iAFF", "AFF"):
    mx.random.seed(0)
    fusion = aff.create_fusion(name, 16)
    fusion.initialize(mx.init.Xavier())
    x, y = mx.nd.random.normal(shape=(2, 2, 16, 4, 4))
    with mx.autograd.record():
        print(fusion(x, y).asnumpy().tolist())
    print([p.data().asnumpy().tolist() for p in fusion.collect_params(".*running.*").values()])
"""


@needs_compiler
@pytest.mark.skipif(not os.path.exists(GERMAN), reason="no source of a locale")
def test_numbers_are_read_whatever_the_locale(tmp_path):
    made = ["localedef", "-i", GERMAN, "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")]
    subprocess.run(made, check=False, capture_output=True)  # which warns, and ends with 1
    usual = run_python("-c", LOCALE)
    german = run_python("-c", LOCALE, "de_DE.UTF-8", LOCPATH=str(tmp_path))
    assert german.returncode == 0, german.stderr
    assert german.stdout == usual.stdout


def test_what_is_compiled_and_cannot_be_loaded(tmp_path):
    text = '[ "$1" = -v ] && exit 0\nfor last; do :; done\necho none > "$last"'
    empty = script(tmp_path / "empty", text)
    form, _ = shown(CXX=empty, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert form.startswith("Gluon's operators (") and "Traceback" not in form
    assert str(tmp_path / "cache") in form


@needs_compiler
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_to(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    form, _ = shown(XDG_CACHE_HOME=str(tmp_path))
    assert "Permission denied" in form


@needs_compiler
def test_a_cache_that_is_no_folder(tmp_path):
    (tmp_path / "aff").write_text("")
    form, _ = shown(XDG_CACHE_HOME=str(tmp_path))
    assert form.startswith("Gluon's operators (") and str(tmp_path / "aff") in form


@needs_compiler
def test_a_cache_that_anybody_may_write_to(tmp_path):
    folder = tmp_path / "aff" / "native"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    form, _ = shown(XDG_CACHE_HOME=str(tmp_path))
    assert form == f"Gluon's operators ({folder}: anybody may write there)"


@needs_compiler
@pytest.mark.parametrize("parent", [False, True])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_cache_of_another_user(tmp_path, parent, monkeypatch):
    folder = tmp_path / "aff" / "native"
    folder.mkdir(parents=True)
    other = folder.parent if parent else folder
    os.chown(other, 65534, 65534)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(build.Unavailable, match=f"{other}: is another user's"):
        build.library()


@needs_compiler
def test_what_was_cut_or_altered_is_compiled_anew(tmp_path, monkeypatch):
    """A library that was cut would end the process by SIGBUS."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "command", lambda path, target: ["cp", os.devnull, target])
    path = build.library()
    whole = Path(path).read_bytes()
    monkeypatch.setattr(build, "command", lambda path, target: ["false"])
    assert build.library() == path
    for damaged in (whole[:-1], b"", b"\0" + whole):
        Path(path).write_bytes(damaged)
        with pytest.raises(build.Unavailable, match="false"):
            build.library()


@needs_compiler
@pytest.mark.slow
def test_processes_that_start_together_compile_once(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda _: shown(XDG_CACHE_HOME=str(tmp_path)), range(3)))
    assert [form for form, _ in said] == ["native"] * 3
    assert "".join(told for _, told in said).count("compiling") == 1
    assert [name[-3:] for name in os.listdir(tmp_path / "aff" / "native")] == [".so"]
    assert shown(XDG_CACHE_HOME=str(tmp_path)) == ("native", "")


@needs_compiler
def test_another_processor_has_a_file_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "_build", lambda compiler, target: None)
    here = build.library()
    monkeypatch.setattr(build, "processor", lambda: "x86_64 another sse2")
    assert build.library() != here


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(
    "flags", ["-march=native", "-mno-avx512f -march=x86-64-v3", "-march=x86-64"]
)
def test_sanitizers_find_nothing(flags, tmp_path):
    """Maps of odd sizes in memory of just their size, by addresses and undefined behaviour."""
    driver = os.path.join(ROOT, "tests", "nn", "native_driver.cc")
    files = [name for name in build.sources() if name.endswith(".cc") and "lib_api" not in name]
    files = [name for name in files if not os.path.basename(name).startswith("register")]
    command = [
        *("g++", "-std=c++17", "-O1", "-g", "-fopenmp", *flags.split()),
        *("-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{build.SOURCES}"),
        *(driver, *files, "-o", str(tmp_path / "driver")),
    ]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in compiled.stderr:
        pytest.skip("the sanitizers' libraries are not installed")
    assert compiled.returncode == 0, compiled.stderr
    for threads in ("1", "3"):
        ran = subprocess.run(
            [str(tmp_path / "driver")],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": threads},
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        assert ran.stdout.startswith("computed"), ran.stdout
