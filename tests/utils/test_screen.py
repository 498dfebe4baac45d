"""Lines and tables fit the width they are given, and lose nothing."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aff.cli.main import main
from aff.utils.screen import columns, fold, fold_command, width

WORDS = st.lists(st.text("abc,()", min_size=1, max_size=8), min_size=1, max_size=30)


def assert_fits(text, limit=80):
    assert max(map(len, text.splitlines())) <= limit, text


def test_the_width_is_that_of_columns_and_none_elsewhere(monkeypatch):
    monkeypatch.setenv("COLUMNS", "93")
    assert width() == 93
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr("sys.__stdout__", None)
    assert width() == 0


@given(WORDS, st.integers(20, 100))
def test_a_folded_line_fits_and_keeps_its_words(words, limit):
    folded = fold(" ".join(words), limit)
    assert_fits(folded, limit)
    assert folded.split() == words
    assert fold(" ".join(words), 0) == " ".join(words)


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_fields_are_not_broken_where_each_fits(fields):
    texts = [" ".join(words[:6]) for words in fields]
    folded = fold("  ".join(texts), 80)
    assert_fits(folded)
    for text in texts:
        assert text in folded


def test_what_is_longer_than_a_line_stays_whole():
    path = "/a" * 60
    assert path in fold(f"parameters  {path}", 80).split()


@given(
    st.lists(st.tuples(st.sampled_from(["--lr", "-j", "--gpus"]), WORDS), min_size=1, max_size=12)
)
def test_a_folded_command_is_the_same_command(flags):
    command = shlex.join(
        ["python", *(text for flag, words in flags for text in (flag, *words[:3]))]
    )
    folded = fold_command(command, 80, 16)
    lines = folded.splitlines()
    assert_fits(lines[0], 64)
    assert_fits(folded)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert shlex.split(folded.replace("\\\n", "")) == shlex.split(command)  # as a shell joins them


ROWS = [["first", "1.5", "-", "words of a sentence that is long"], ["second one", "12.25", "3", ""]]
HEAD = ["name", "top-1 error %", "n", "what it is"]


def test_a_table_that_fits_has_a_line_for_each_row():
    assert columns(HEAD, ROWS, limit=0).splitlines() == [
        "name        top-1 error %  n  what it is",
        "first                 1.5  -  words of a sentence that is long",
        "second one          12.25  3",
    ]


def test_heads_then_prose_are_folded():
    assert columns(HEAD, ROWS, prose=True, limit=50).splitlines() == [
        "            top-1",
        "            error",
        "name            %  n  what it is",
        "first         1.5  -  words of a sentence that is",
        "                      long",
        "second one  12.25  3",
    ]


def test_columns_move_into_blocks_that_repeat_the_first():
    assert columns(HEAD, ROWS, limit=40).splitlines() == [
        "            top-1",
        "            error",
        "name            %  n",
        "first         1.5  -",
        "second one  12.25  3",
        "",
        "name        what it is",
        "first       words of a sentence that is long",
        "second one",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["list"], marks=pytest.mark.slow),
        pytest.param(["tables", "--root", "."], marks=pytest.mark.slow),
        ["list", "fusions"],
        ["tables", "--table", "cifar100", "--table", "table3"],
        ["recipes"],
        ["recipes", "gen2_aff_resnet50"],
        ["summary", "resnet50_v1b_askc"],
        ["summary", "gen2_iaff_resnext50_32x4d", "--depth", "9"],
    ],
)
def test_what_commands_print_fits_80_columns(arguments, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(arguments) == 0
    assert_fits(capsys.readouterr().out)
