"""Train an ImageNet AFF network; `python train_imagenet.py --help` lists the flags."""

import sys

from aff.cli.main import run_script

if __name__ == "__main__":
    sys.exit(run_script("train-imagenet"))
