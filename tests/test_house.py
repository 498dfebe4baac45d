"""The rules of the house, read from its folders: who may import whom, touch the environment,
parse; how long a file may be.
"""

import ast
import os
import re

import pytest

from .conftest import ROOT, run_python

#: Floors, from the top; a room may import from lower floors and from itself.
FLOORS = (
    {"cli"},
    {"inference"},
    {"bench"},
    {"distributed", "export", "paper", "viz"},
    {"training"},
    {"data", "models"},
    {"nn"},
    {"utils"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PACKAGE = os.path.join(ROOT, "aff")
#: The text of exported PyTorch files, programs of their own.
TEMPLATE = "aff.export.pytorch."
MODULES = {
    os.path.relpath(os.path.join(folder, name), ROOT)[:-3].replace(os.sep, "."): os.path.join(
        folder, name
    )
    for folder, _, names in os.walk(PACKAGE)
    for name in names
    if name.endswith(".py")
}
ROOMS = sorted(
    name
    for name in os.listdir(PACKAGE)
    if os.path.isfile(os.path.join(PACKAGE, name, "__init__.py"))
)


def room_of(module):
    """The room of an absolute module name, or an empty text for the package's own files."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else ""


def tree_of(module):
    with open(MODULES[module], encoding="utf-8") as file:
        return ast.parse(file.read())


def is_for_types(node):
    """Whether a statement is ``if TYPE_CHECKING:``, which never runs."""
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def imports(module):
    """Absolute names that a module imports, anywhere in it but for types alone."""
    package = module.split(".")[:-1]
    pending = list(ast.iter_child_nodes(tree_of(module)))
    while pending:
        node = pending.pop()
        if is_for_types(node):
            continue
        pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def test_every_room_has_its_floor():
    assert set(ROOMS) <= set(FLOOR)


def test_nothing_lies_in_the_hall():
    files = {name for name in os.listdir(PACKAGE) if os.path.isfile(os.path.join(PACKAGE, name))}
    assert files == {"__init__.py", "__main__.py", "compat.py"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_arrows_run_downwards(module):
    room = room_of(module)
    if not room:
        return
    upwards = {
        name
        for name in imports(module)
        if name.startswith("aff.") and room_of(name) not in ("", room)
        if FLOOR[room_of(name)] <= FLOOR[room]
    }
    assert not upwards


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"aff.compat"}))
def test_only_compat_touches_the_environment(module):
    names = {node.attr for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)}
    assert not names & {"environ", "putenv", "getenv"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_commands_parse_and_no_namespace_leaves(module):
    if room_of(module) != "cli" and not module.startswith(TEMPLATE):
        assert not {name for name in imports(module) if name.split(".")[0] == "argparse"}
    names = {node.attr for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree_of(module)) if isinstance(node, ast.Name)}
    assert "Namespace" not in names


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if room_of(name) in ("training", "data", "nn"))
)
def test_flags_are_the_commands_own(module):
    texts = [
        node.value
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert not [text for text in texts if re.search(r"(^|\s)--[a-z]", text)]


#: What opens files that nobody names: its own, and the system's before anything is imported.
OPENERS = ("aff.utils.opening", "aff.utils.files", "aff.utils.output", "aff.compat")
#: Other functions that open a file by its name, or read one without a bound.
OTHERS = {("os", "open"), ("io", "open"), ("np", "fromfile"), ("np", "load"), ("json", "load")}


def opens_to_read(node):
    """Whether a call opens a file to read it, whose name is not written there."""
    module = getattr(getattr(node.func, "value", None), "id", "")
    if (module, getattr(node.func, "attr", "")) in OTHERS:
        return True
    if getattr(node.func, "id", "") != "open" or isinstance(node.args[0], ast.Constant):
        return False
    modes = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
    return not modes or ast.literal_eval(modes[0]).startswith("r")


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(OPENERS)))
def test_files_that_are_named_go_through_the_one_opener(module):
    calls = [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)]
    if not module.startswith(TEMPLATE):
        assert not [call.lineno for call in calls if opens_to_read(call)]


@pytest.mark.parametrize("module", ["aff", *(f"aff.{room}" for room in ROOMS)])
def test_rooms_say_what_they_are_for(module):
    name = f"{module}.__init__"
    assert ast.get_docstring(tree_of(name))


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith(TEMPLATE)))
def test_the_pytorch_template_is_of_itself_and_of_its_libraries(module):
    libraries = {"argparse", "math", "os", "sys", "torch", "PIL", "safetensors"}
    for name in imports(module):
        assert name.startswith("aff.export.pytorch") or name.split(".")[0] in libraries


def test_importing_opens_no_socket_reads_no_arguments_and_never_exits():
    script = """
import socket, sys
def refuse(*args, **kwargs):
    raise RuntimeError("a socket")
socket.socket = socket.create_server = socket.create_connection = refuse
class Arguments(list):
    def __getitem__(self, item):
        raise RuntimeError("an argument was read")
sys.argv = Arguments(["train_imagenet.py"])
import aff
assert "mxnet" not in sys.modules
import aff.distributed.process
assert "mxnet" not in sys.modules
"""
    job = {
        "DMLC_ROLE": "worker",
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": "9",
        "DMLC_NUM_WORKER": "2",
        "DMLC_NUM_SERVER": "2",
    }
    finished = run_python("-c", script, **job)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("folder", ["aff", "tests", "tools", "benchmarks"])
def test_files_are_under_300_lines(folder):
    for base, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(base, name), encoding="utf-8") as file:
                    assert len(file.readlines()) < 300, os.path.join(base, name)
