"""The rules of the house: who may import whom, who may touch the environment, how long a file may
be.
"""

import ast
import os

import pytest

from .conftest import ROOT

MODULES = {
    os.path.relpath(os.path.join(folder, name), ROOT)[:-3].replace(os.sep, "."): os.path.join(
        folder, name
    )
    for folder, _, names in os.walk(os.path.join(ROOT, "aff"))
    for name in names
    if name.endswith(".py")
}
NETWORKS = {
    "aff.blocks",
    "aff.families",
    "aff.fusion",
    "aff.fusion_concat",
    "aff.fusion_variants",
    "aff.layers",
    "aff.model_zoo",
    "aff.parameters",
    "aff.pretrained",
    "aff.published",
    "aff.resnet",
    "aff.resnext",
    "aff.summary",
    "aff.trunk",
}
MODELS = (
    "aff.families",
    "aff.fusion",
    "aff.fusion_concat",
    "aff.model_zoo",
    "aff.pretrained",
    "aff.published",
    "aff.resnet",
    "aff.resnext",
)


def imports(module, path):
    """Absolute names that a module imports, anywhere in it."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    package = module.split(".") if path.endswith("__init__.py") else module.split(".")[:-1]
    if path.endswith("__init__.py"):
        package = module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def touches(module, *forbidden):
    found = set(imports(module, MODULES[module]))
    return {
        name
        for name in found
        for prefix in forbidden
        if name == prefix or name.startswith(prefix + ".")
    }


@pytest.mark.parametrize("module", sorted(NETWORKS))
def test_networks_know_nothing_of_data_training_or_commands(module):
    assert not touches(module, "aff.data", "aff.training", "aff.cli")


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if name.startswith("aff.training"))
)
def test_training_sees_neither_arguments_nor_names_of_models(module):
    assert not touches(module, "argparse", "aff.cli", "aff.data", *MODELS)


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("aff.data")))
def test_data_knows_neither_networks_nor_training(module):
    assert not touches(module, "argparse", "aff.cli", "aff.training", *MODELS)


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if not name.startswith("aff.cli"))
)
def test_only_commands_import_argparse(module):
    assert not touches(module, "argparse")


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"aff.compat"}))
def test_only_compat_touches_the_environment(module):
    with open(MODULES[module], encoding="utf-8") as file:
        tree = ast.parse(file.read())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"environ", "putenv", "getenv"}


@pytest.mark.parametrize("folder", ["aff", "tests", "tools", "benchmarks"])
def test_files_are_under_300_lines(folder):
    for base, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(base, name), encoding="utf-8") as file:
                    assert len(file.readlines()) < 300, os.path.join(base, name)
