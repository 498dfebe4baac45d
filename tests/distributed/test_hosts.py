"""What is called to start processes on other machines: nothing of it is for a shell here."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aff
from aff.distributed.hosts import (
    Host,
    address_towards,
    mpi_command,
    read_hosts,
    script,
    ssh_command,
)

TEXTS = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=40)


def hosts_of(path, text):
    path.write_text(text)
    return read_hosts(str(path))


def test_a_file_of_machines(tmp_path):
    text = "# ours\na.example\n\n user@b:2222 # the new one\n10.0.0.3 slots=4 max_slots=8\n"
    assert hosts_of(tmp_path / "hosts", text) == [
        Host("a.example"),
        Host("user@b", "2222"),
        Host("10.0.0.3"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        *("-oProxyCommand=touch mark", "--", "-", "a b", "a;b", "$(touch mark)", "a'b", "a:port"),
        *("user@-oProxyCommand=x", "-u@a", "a:1:2", "\x1b[2J", "a@b@c", "häus", "a:999999", "\x00"),
    ],
)
def test_lines_that_name_no_machine(tmp_path, line):
    with pytest.raises(aff.InputError, match="hosts, line 2: takes HOST") as error:
        hosts_of(tmp_path / "hosts", f"a\n{line}\n")
    assert error.value.message.isprintable()


@pytest.mark.parametrize("text", ["", "\n\n", "# a\n"])
def test_a_file_of_no_machines(tmp_path, text):
    with pytest.raises(aff.InputError, match="hosts: names no machine"):
        hosts_of(tmp_path / "hosts", text)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(aff.InputError, match="hosts: cannot be read: no such file"):
        read_hosts(str(tmp_path / "hosts"))


def test_a_machines_name_is_no_option_and_nothing_is_on_the_command_line():
    command = ssh_command(Host("user@a", "2222"))
    assert command[-3:] == ["--", "user@a", "exec sh -s"]
    assert command[command.index("-p") + 1] == "2222"
    assert not [word for word in command if "StrictHostKeyChecking" in word]


@settings(max_examples=25, deadline=None)
@given(
    words=st.lists(TEXTS, max_size=5), value=TEXTS, folder=st.sampled_from(["a b", "-", "$x'\""])
)
def test_the_shell_there_changes_nothing(tmp_path_factory, words, value, folder):
    base = tmp_path_factory.mktemp("there")
    (base / folder).mkdir()
    show = 'printf "%s\\0" "$PWD" "$VALUE" "$@"'
    told = script(["sh", "-c", show, "sh", *words], str(base / folder), {"VALUE": value})
    shown = subprocess.run(["sh", "-s"], input=told, capture_output=True, check=True, cwd=base)
    expected = [str(base / folder), value, *words]
    assert shown.stdout.decode().split("\0")[:-1] == expected
    assert shown.stderr == b""


def test_a_folder_that_is_not_there_ends_it(tmp_path):
    told = script(["echo", "run"], str(tmp_path / "gone"), {})
    shown = subprocess.run(["sh", "-s"], input=told, capture_output=True, check=False)
    assert shown.returncode and not shown.stdout and b"gone" in shown.stderr


def test_names_that_are_not_utf8(tmp_path):
    told = script(["printf", "%s", "\udcff"], str(tmp_path), {})
    assert (
        subprocess.run(["sh", "-s"], input=told, capture_output=True, check=True).stdout == b"\xff"
    )


@pytest.mark.parametrize(
    "names, loopback",
    [
        (["localhost", "127.0.0.1", "me@127.0.1.1"], True),
        ([], True),
        (["localhost", "0.0.0.0"], True),
    ],
)
def test_this_machines_address(names, loopback):
    assert address_towards([Host(name) for name in names]).startswith("127.") == loopback


@pytest.mark.parametrize(
    "version, told",
    [
        ("mpirun (Open MPI) 4.1.4", ["-x", "DMLC_ROLE", "-x", "AFF_JOB_TOKEN"]),
        ("HYDRA build details:", ["-genvlist", "DMLC_ROLE,AFF_JOB_TOKEN"]),
    ],
)
def test_mpirun_is_given_names_alone(tmp_path, monkeypatch, version, told):
    fake = tmp_path / "mpirun"
    fake.write_text(f"#!/bin/sh\necho {shlex.quote(version)}\n")
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = mpi_command(["run", "it well"], 3, "-hosts", ["DMLC_ROLE", "AFF_JOB_TOKEN"])
    assert found[:4] == ["mpirun", "-n", "3", "--hostfile"] and found[4].startswith("/")
    assert found[5:] == [*told, "run", "it well"]


def test_no_mpirun(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(aff.InputError, match="launcher mpi: mpirun"):
        mpi_command(["run"], 1, "hosts", [])
