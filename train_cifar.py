"""Train a CIFAR-style AFF network; `python train_cifar.py --help` lists the flags."""

import sys

from aff.cli.train_cifar import main

if __name__ == "__main__":
    sys.exit(main())
