"""Train an ImageNet AFF network; `python train_imagenet.py --help` lists the flags."""

import sys

from aff.cli.train_imagenet import main

if __name__ == "__main__":
    sys.exit(main())
