"""GluonCV imported as if PyTorch were not there: it refuses PyTorch 2, and needs none."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType


class _GluonCVWithoutTorch(importlib.abc.MetaPathFinder):
    """Finds ``gluoncv`` such that it finds no PyTorch while it is imported."""

    hidden = False

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "torch" and self.hidden:
            raise ModuleNotFoundError("hidden from gluoncv", name=fullname)
        if fullname != "gluoncv":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                loaded = {"torch": sys.modules.pop("torch")} if "torch" in sys.modules else {}
                self.hidden = True
                try:
                    execute(module)
                finally:
                    self.hidden = False
                    sys.modules.update(loaded)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def hide_torch_from_gluoncv() -> None:
    """Have GluonCV imported, whenever that is, as if PyTorch were not installed."""
    if not any(isinstance(finder, _GluonCVWithoutTorch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _GluonCVWithoutTorch())
