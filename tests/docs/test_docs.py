"""README, guides and CONTRIBUTING hold: their commands are commands, their Python runs, their links
and pictures lead somewhere, their tables are what the commands print.
"""

import contextlib
import glob
import importlib
import io
import os
import re
import shlex

import aff  # isort: skip  (before mxnet)

import mxnet as mx
import pytest

from aff.cli.main import build_parser, list_commands, main

from ..conftest import ROOT


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


PAGES = {
    os.path.relpath(path, ROOT): read(path)
    for path in (
        f"{ROOT}/README.md",
        f"{ROOT}/CONTRIBUTING.md",
        f"{ROOT}/SECURITY.md",
        *sorted(glob.glob(f"{ROOT}/docs/**/*.md", recursive=True)),
    )
}
README, TRAIN, REPRODUCE, USE = (
    PAGES[name] for name in ("README.md", "docs/train.md", "docs/reproduce.md", "docs/use.md")
)
TEXT = "\n".join(PAGES.values())
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
#: The page that `test_extend` follows: its modules register what its commands name.
EXTEND = "docs/extend.md"
LINES = [
    (page, line.split("  #")[0].strip())
    for page, text in PAGES.items()
    if page != EXTEND
    for language, block in FENCE.findall(text)
    if not language
    for line in block.splitlines()
    if line.strip()
]
PYTHON = [
    pytest.param(block, id=f"{page}-{number}")
    for page, text in PAGES.items()
    if page != EXTEND
    for number, (language, block) in enumerate(FENCE.findall(text))
    if language == "python"
]
INLINE = [
    (page, code)
    for page, text in PAGES.items()
    for code in dict.fromkeys(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))
    if re.match(r"([A-Z_]+=\S+ )*(python (-m|train_)|aff |make |git |pip )", code)
]
SCRIPTS = {"train_cifar.py": "train-cifar", "train_imagenet.py": "train-imagenet"}
#: What stands for a value in a command of a sentence.
PLACEHOLDER = re.compile(r"[A-Z]{4,}")


def words_of(line):
    """A command's words, without the variables that are set before it."""
    words = shlex.split(line)
    while re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def command_of(line):
    """The command of `aff` that a line runs, by its name, and what it is given; None where the line
    runs something else.
    """
    words = words_of(line)
    if words[:3] == ["python", "-m", "aff"]:
        words = words[2:]
    if words[0] == "aff" and len(words) > 1:
        return words[1], words[2 : words.index(">") if ">" in words else None]
    if words[0] == "python" and words[1] in SCRIPTS:
        return SCRIPTS[words[1]], words[2:]
    return None


def parse(name, arguments):
    """Parse a command's arguments, and those of the script that `aff launch` starts."""
    if name == "train":  # which hands flags on
        assert main([name, *arguments, "--print"]) == 0
        return None
    parsed = build_parser(name).parse_args(arguments)
    if name == "launch":
        started = command_of(shlex.join(arguments[arguments.index("--") + 1 :]))
        assert started
        parse(*started)
    return parsed


def holds(line):
    """Whether a line that is not a command of `aff` runs something that is here."""
    words = words_of(line)
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", read(f"{ROOT}/Makefile"), re.M)
        return all(word in targets or "=" in word for word in words[1:])
    if words[:3] == ["python", "-m", "pytest"]:
        return all(os.path.exists(f"{ROOT}/{word}") for word in words[3:])
    if words[:2] == ["python", "-m"]:
        module = f"{ROOT}/{words[2].replace('.', '/')}"
        return os.path.isfile(f"{module}.py") or os.path.isfile(f"{module}/__main__.py")
    return words[0] in ("pip", "git")


@pytest.mark.parametrize(("page", "line"), LINES, ids=lambda text: text[:60])
def test_commands(page, line):
    command = command_of(line)
    if command in (("--version", []), ("help", [])):
        assert main([command[0]]) == 0
    elif command:
        if command[0] == "help":
            command = command[1][0], []
        assert command[0] in list_commands(), page
        parse(*command)
    else:
        assert holds(line), page


@pytest.mark.parametrize(("page", "code"), INLINE, ids=lambda text: text[:60])
def test_commands_in_sentences(page, code):
    command = command_of(code)
    if not command:
        assert holds(code), page
    elif command not in (("--help", []), ("COMMAND", ["--help"])):
        name, arguments = command
        assert name in list_commands(), page
        if arguments and "--help" not in arguments and not PLACEHOLDER.search(code):
            parse(name, arguments)


@pytest.mark.parametrize("script", SCRIPTS)
def test_both_scripts_are_shown(script):
    assert sum(line.startswith(f"python {script} ") for _, line in LINES) >= 2


@pytest.mark.parametrize("code", PYTHON)
def test_examples(code, monkeypatch, tmp_path, capsys):
    if "import torch" in code:
        pytest.importorskip("torch")
    build = aff.get_model

    def get_model(name, pretrained=False, **kwargs):
        net = build(name, **kwargs)
        if pretrained:  # the published files are not here
            net.initialize(mx.init.Zero(), force_reinit=True)
        return net

    monkeypatch.chdir(tmp_path)
    for name in re.findall(r'"exports/(\w+)\.onnx"', code):
        assert main(["export", name, "--to", "onnx", "--root", f"{ROOT}/params"]) == 0
    capsys.readouterr()
    monkeypatch.setattr(aff, "get_model", get_model)
    exec(compile(code, "docs", "exec"), {"__name__": "docs"})
    said = re.findall(r"^print\(.+\)  # (.+)$", code, re.M)
    assert capsys.readouterr().out.splitlines() == said


def test_every_command_is_documented():
    assert len(PYTHON) >= 2
    for name in list_commands():
        assert f"python -m aff {name}" in TEXT or f"{name.replace('-', '_')}.py" in TEXT


@pytest.mark.parametrize(
    "name, page",
    [
        *((name, "reproduce") for name in ("imagenet", "cifar100", "imagenet2", "cifar100_2")),
        ("ablation", "reproduce"),
        ("scenes", "scenes"),
    ],
)
def test_tables_are_what_the_command_prints(name, page, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    arguments = ["--table", name, "--format", "markdown", "--root", str(tmp_path)]
    assert main(["tables", *arguments, "--logs", "logs"]) == 0
    assert capsys.readouterr().out.strip() in PAGES[f"docs/{page}.md"]


@pytest.fixture(scope="module")
def recipes():
    """What ``aff recipes`` says: by name the last columns of the list, and the description."""

    def said(*arguments):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main(["recipes", *arguments]) == 0
        return out.getvalue()

    rows = [line.split() for line in said().splitlines()[1:]]
    return {row[0]: (row[-3], row[-1], said(row[0])) for row in rows}


def test_the_published_commands_stand_there_word_for_word(recipes):
    published = {
        name: re.search(r"^ +published +(python .+)$", text, re.M).group(1)
        for name, (_, has, text) in recipes.items()
        if has == "yes"
    }
    assert len(published) == 11
    for command in published.values():
        assert f"\n{command}\n" in TRAIN


def test_parameter_files_are_those_of_the_table(recipes):
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d.]+) % \| (.+) \|$", README, re.M)
    assert [name for name, _, _ in rows] == aff.list_published()
    for name, error, place in rows:
        reported, _, text = recipes[name]
        assert error == reported
        commit = re.search(r"parameters .*YimianDai/open-aff (\w{7})", text)
        assert place == (
            f"open-aff [{commit.group(1)}]" if commit else "this repository, `params/`"
        )
        assert not commit or re.search(rf"^\[{commit.group(1)}\]: \S+/tree/\w{{40}}/", README, re.M)


def test_fusions_are_those_of_the_table():
    rows = re.findall(r"^\| `(\w+)` \| (?:`([\w-]+)` )?\| ", USE, re.M)
    assert sorted(name for name, _ in rows) == sorted(aff.list_fusions())
    for name, alias in rows:
        if alias:
            named, own = aff.create_fusion(alias, 8), aff.create_fusion(name, 8)
            assert type(named) is type(own)


def test_pictures_are_here():
    pictures = [
        (os.path.dirname(page), path)
        for page, text in PAGES.items()
        for path in re.findall(r"!\[.+?\]\((.+?)\)", text)
    ]
    assert len(pictures) >= 3 and re.search(r"!\[.+\]\(.+\)", README)
    assert all(os.path.isfile(os.path.join(ROOT, *picture)) for picture in pictures)


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_here(page):
    for path in re.findall(r"`((?:aff|benchmarks|docs|logs|tests|tools)/[\w./-]*)`", PAGES[page]):
        assert os.path.exists(f"{ROOT}/{path}"), path


def anchors(path):
    """The places in a page that a link can lead to."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", read(path)), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", FENCE.sub("", PAGES[page])):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.join(ROOT, os.path.dirname(page), path) if path else f"{ROOT}/{page}"
        assert os.path.isfile(target), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_sites_list():
    listed = read(f"{ROOT}/mkdocs.yml")
    for page in PAGES:
        if page.startswith("docs/"):
            assert f"- {page[5:]}\n" in listed


def test_every_room_has_a_reference():
    named = re.findall(r"^::: (\S+)$", TEXT, re.M)
    for name in named:
        importlib.import_module(name)
    rooms = {path.split("/")[-2] for path in glob.glob(f"{ROOT}/aff/*/__init__.py")}
    assert {"aff", *(f"aff.{room}" for room in rooms - {"cli"})} <= {*named}


def test_the_front_door_is_short():
    assert len(README.splitlines()) <= 200


def test_the_citation_is_of_this_version():
    assert f"\nversion: {aff.__version__}\n" in read(f"{ROOT}/CITATION.cff")
