"""Does fine-tuning help where images are few? Trains the repository's Fashion-MNIST network on 20,
100 and 500 handwritten digits, all of it or its output layer alone, against the same network from
scratch; five draws each. Prints a table of test errors after the last epoch: mean, and lowest to
highest.

    python benchmarks/few_images.py WORKDIR [--pilot]

What is there already is not run again, so that it can be stopped. ``--pilot`` compares learning
rates on a draw of its own, tested on training images that no run sees.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SIZES = {20: (10, 40), 100: (20, 40), 500: (50, 30)}  # images: batch size, epochs
NETWORK = "fashion_mnist_aff_resnet8"
START = ["--finetune", os.path.join(ROOT, "params", f"{NETWORK}.params")]
SCRATCH = [
    "--model",
    "resnet",
    "--r",
    "2",
    "--blocks",
    "1",
    "--channel-times",
    "1",
    "--normalize-as",
    "digits",
]
METHODS = {
    "from scratch": SCRATCH,
    "fine-tuned": START,
    "fine-tuned, backbone frozen": [*START, "--freeze", "backbone"],
}
#: Of three each the best on the pilot's images.
RATES = {"from scratch": 0.02, "fine-tuned": 0.1, "fine-tuned, backbone frozen": 0.3}
PILOT, SEEDS = 99, range(5)


def write_images(folder, images, labels, indices):
    """Write images as PNG files, a folder for each class."""
    for index in indices:
        place = os.path.join(folder, NAMES[labels[index]])
        os.makedirs(place, exist_ok=True)
        cv2.imwrite(os.path.join(place, f"{index:04d}.png"), images[index][0])


def draw(work, count, seed):
    """Write a draw of `count` training images, as many of each class, and what to test on; gives
    the folder.
    """
    from aff.data import load_dataset

    folder = os.path.join(work, f"images-{count}-{seed}")
    if os.path.isdir(folder):
        return folder
    data, rng = load_dataset("digits"), np.random.default_rng(seed)
    order = [rng.permutation(np.flatnonzero(data.train.labels == label)) for label in range(10)]
    chosen = np.concatenate([places[: count // 10] for places in order])
    tested = data.test
    if seed == PILOT:
        tested = data.train.take(np.concatenate([places[-30:] for places in order]))
    write_images(f"{folder}.part/train", data.train.images, data.train.labels, chosen)
    write_images(f"{folder}.part/val", tested.images, tested.labels, range(len(tested)))
    os.rename(f"{folder}.part", folder)
    return folder


def train(work, method, count, seed, rate):
    """Train a run, or go on with it; gives its test error after the last epoch, a fraction."""
    batch, epochs = SIZES[count]
    name = f"{method.replace(', ', '-').replace(' ', '-')}-{count}-{seed}-{rate:g}"
    flags = (
        f"--dataset folder --data-dir {draw(work, count, seed)} --input-size 28 --no-mirror "
        f"--no-mixup --batch-size {batch} --num-epochs {epochs} --lr {rate} --cosine "
        f"--warmup-epochs 2 --save-period 0 --cpus 1 --seed {seed} --resume auto "
        f"--save-dir {work}/params/{name} --logging-dir {work}/logs/{name}"
    )
    command = [sys.executable, os.path.join(ROOT, "train_cifar.py"), *flags.split()]
    log = os.path.join(work, "logs", name, "train.jsonl")
    if not any(event["event"] == "end" for event in read_log(log)):
        subprocess.run([*command, *METHODS[method]], check=True, stdout=subprocess.DEVNULL)
    epochs = [event for event in read_log(log) if event["event"] == "epoch"]
    return epochs[-1]["top1_error"]["test"]


def read_log(path):
    """Return the events of a run's log; none of one that is not there."""
    from aff.training.logger import read_events

    return list(read_events(path)) if os.path.exists(path) else []


def main():
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("work")
    parser.add_argument("--pilot", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    args = parser.parse_args()
    if args.pilot:
        for method in METHODS:
            for rate in (0.02, 0.1, 0.3):
                error = train(args.work, method, 100, PILOT, rate)
                print(f"{method}, lr {rate:g}: {100 * error:.1f} %", flush=True)
        return
    for count in SIZES:
        for seed in SEEDS:
            draw(args.work, count, seed)
    with ThreadPoolExecutor(args.jobs) as pool:
        found = {
            (count, method): [
                pool.submit(train, args.work, method, count, seed, RATES[method]) for seed in SEEDS
            ]
            for count in SIZES
            for method in METHODS
        }
    print(f"| digits trained on | {' | '.join(METHODS)} |")
    print("| ---: |" + " ---: |" * len(METHODS))
    for count in SIZES:
        errors = ([100 * run.result() for run in found[count, method]] for method in METHODS)
        cells = [f"{np.mean(e):.1f} % ({min(e):.1f} to {max(e):.1f})" for e in errors]
        print(f"| {count} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
