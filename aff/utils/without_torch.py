"""Libraries imported as if PyTorch were not there. GluonCV refuses PyTorch 2, and needs none; what
TensorBoard's files need has no use for it either, and it takes seconds and hundreds of MB.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType

LIBRARIES = ("gluoncv", "tensorboardX")


class _WithoutTorch(importlib.abc.MetaPathFinder):
    """Finds the libraries such that they find no PyTorch while they are imported."""

    hidden = False

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "torch" and self.hidden:
            raise ModuleNotFoundError("hidden from this library", name=fullname)
        if fullname not in LIBRARIES:
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


def hide_torch() -> None:
    """Have the libraries imported, whenever that is, as if PyTorch were not installed."""
    if not any(isinstance(finder, _WithoutTorch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutTorch())
