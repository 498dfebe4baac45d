"""The console script ``aff``: picks a command by its name."""

from __future__ import annotations

import importlib
import sys
from typing import Optional, Sequence

COMMANDS = {
    "train-cifar": "train a CIFAR-style network (the script train_cifar.py)",
    "train-imagenet": "train an ImageNet network (the script train_imagenet.py)",
    "evaluate": "top-1 and top-5 error of a run's parameters, or of published ones",
    "list": "networks, fusions and published parameters",
    "summary": "layers, parameters and multiply-adds of a network",
    "fetch": "download and verify published parameters",
    "launch": "start a training script in several processes or on several machines",
    "prepare": ".rec files from folders of images",
    "recipes": "the published runs: commands, scores, what their logs say",
    "train": "train a published run by its name",
    "tables": "the published tables, rebuilt: reported, counted, measured",
    "plot": "training curves of runs, over the published ones",
    "cam": "pictures of where networks look, and what their fusions prefer",
    "experiment": "the paper's ablation on Fashion-MNIST, a grid of runs",
    "bench": "how fast networks train and infer here, and whether the loaders keep up",
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run ``aff COMMAND ...``; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: aff COMMAND ...\n\ncommands:")
        for name, text in COMMANDS.items():
            print(f"  {name:<14} {text}")
        print("\n'aff COMMAND --help' says what a command takes.")
        return 0
    if argv[0] not in COMMANDS:
        print(
            f"aff: error: unknown command {argv[0]!r}: valid: {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        return 2
    module = importlib.import_module(f".{argv[0].replace('-', '_')}", __package__)
    return module.main(argv[1:], prog=f"aff {argv[0]}")
