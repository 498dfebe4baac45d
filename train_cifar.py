"""Train a CIFAR-style AFF network; `python train_cifar.py --help` lists the flags."""
import sys

try:
    from aff.commands.train_cifar import main
except ImportError as error:
    sys.exit(f"train_cifar.py: error: {error}")

if __name__ == "__main__":
    sys.exit(main())
