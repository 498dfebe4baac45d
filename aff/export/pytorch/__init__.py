"""The networks in PyTorch: the template that exported ``NAME.py`` files are cut from.

Each module here is a part of it (:mod:`aff.export.pytorch_file` says which network takes which) and
is read, tested and put together as it stands. They import torch, and nothing of this package but
one another; nothing here is imported unless an exported PyTorch network is to be run.

Module names, and so the keys of a state dict, are those of the parameter files; only BatchNorm's
gamma and beta are called weight and bias.
"""
