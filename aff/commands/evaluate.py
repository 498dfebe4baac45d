"""``aff evaluate``: top-1 and top-5 error of saved parameters, over every image exactly once."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Optional, Sequence

from ..data import CLASSES, EvalBatches, load_dataset
from ..errors import InputError
from ..training.devices import choose_devices
from ..training.evaluation import evaluate
from ..training.files import read_json
from ..training.parameters import load_parameters
from ..training.precision import create_precision
from ..training.runlog import RunLog
from .arguments import (
    Parser,
    add_data_arguments,
    add_device_arguments,
    add_model_arguments,
    guarded,
    whole,
)
from .networks import FLAGS, build, resolve
from .report import score
from .rundirs import SETTINGS


def build_parser(prog: str) -> Parser:
    """The command's flags."""
    parser = Parser(
        prog=prog,
        description="Evaluate parameters on a data set's test part, each image exactly once. "
        "Network and data set are those of the run in whose folder the parameters lie "
        f"({SETTINGS} beside them), unless flags say otherwise.",
    )
    parser.add_argument("--params", required=True, help="parameter file, e.g. best.params of a run")
    parser.add_argument(
        "--batch-size", type=whole(1), default=128, help="images of a batch on each device"
    )
    parser.add_argument(
        "--mode", choices=("hybrid", "imperative"), default="hybrid", help="how the network is run"
    )
    add_model_arguments(parser, required=False)
    add_data_arguments(parser, default=None)
    add_device_arguments(parser)
    return parser


def _fill_in(options: argparse.Namespace) -> tuple:
    """Network (name, arguments) and data (data set, folder, labels), from flags and from the run's
    settings.
    """
    path = os.path.join(os.path.dirname(options.params), SETTINGS)
    run = read_json(path) if os.path.isfile(path) else {}
    try:
        options.dtype = run.get("training", {}).get("dtype", "float32")
        data = dict(run.get("data") or {"dataset": None, "data_dir": None, "labels": None})
        model = run.get("model") and (run["model"]["name"], dict(run["model"]["kwargs"]))
        if options.dataset:
            data = {"dataset": options.dataset, "data_dir": None, "labels": None}
        data = {key: data.get(key) for key in ("dataset", "data_dir", "labels")}
        data.update(
            {key: getattr(options, key) for key in ("data_dir", "labels") if getattr(options, key)}
        )
        if data["dataset"] is None:
            raise InputError(f"no {SETTINGS} beside {options.params}: name the data with --dataset")
        if options.model:
            options.fusion = options.fusion or "ASKCFuse"
            model = resolve(options, CLASSES[data["dataset"]])
        elif any(hasattr(options, flag) for flag in FLAGS):
            raise InputError("flags of the network need --model")
        elif not model:
            raise InputError(
                f"no {SETTINGS} beside {options.params}: name the network with --model, and "
                "--fusion, --blocks, --channel-times as they were trained"
            )
        elif options.fusion:
            model[1]["fusion"] = options.fusion
        model[1]["classes"], model[1]["fusion"]
        return model, data
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a run's settings ({error!r})") from error


def run(options: argparse.Namespace) -> int:
    """Evaluate and print."""
    if not os.path.isfile(options.params):
        raise InputError(f"--params {options.params}: no such file")
    (name, kwargs), source = _fill_in(options)
    log = RunLog()
    devices, warning = choose_devices(options.gpus, options.cpus)
    on_gpu = devices[0].device_type == "gpu"
    precision = create_precision(options.dtype if on_gpu else "float32", devices)
    net = build(name, kwargs, devices, precision, options.mode)
    load_parameters(net, options.params, devices)
    data = load_dataset(source["dataset"], source["data_dir"], source["labels"])
    if data.classes != kwargs["classes"]:
        raise InputError(
            f"{options.params} is a network of {kwargs['classes']} classes, {data.name} has "
            f"{data.classes}"
        )
    if warning:
        log.warn(warning)
    batches = EvalBatches(data, data.test, options.batch_size * len(devices), options.num_workers)
    found = evaluate(
        net,
        batches,
        devices,
        precision.dtype,
        partial(log.progress, total=len(batches), description="evaluate"),
    )
    labels = f" ({data.label_set} labels)" if data.label_set else ""
    log.text(
        f"{data.name}{labels}, test part: "
        + score(
            {"top1": found.top1_error, "top5": found.top5_error},
            f", {found.top1_wrong} of {found.samples} wrong",
        )
    )
    if precision.dtype != options.dtype:
        log.text(
            f"trained in {options.dtype}, evaluated in {precision.dtype}, which is what a CPU has"
        )
    log.text(
        f"{name} with {kwargs['fusion']}, parameters {options.params}; {found.samples} images, "
        "each once"
    )
    return 0


def main(argv: Optional[Sequence[str]] = None, prog: str = "aff evaluate") -> int:
    """Run the command; returns the exit code."""
    options = build_parser(prog).parse_args(argv)
    return guarded(prog, lambda: run(options))
