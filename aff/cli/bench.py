"""``aff bench``: what this machine does: training, inference, memory, and whether the loaders keep
up.
"""

from __future__ import annotations

import datetime
import sys
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence

import mxnet as mx

from ..bench import loaders
from ..bench.networks import GLUON, LITERAL, Case, check_fusion, inference, peak_memory, training
from ..bench.progress import Progress
from ..bench.report import IN_MEMORY, Measured, bottleneck, kind_of_loader, network_table
from ..bench.runtimes import measure_runtimes, runtimes_table
from ..compat import available_cpus
from ..models.factory import resolve_model
from ..models.registry import find_family
from ..nn.fusion import form_in_use
from ..training.devices import choose_devices
from ..utils.errors import InputError, RunError, spell
from ..utils.files import check_destination, write_json
from ..utils.report import versions
from ..utils.screen import fold
from ..utils.values import int_range, nonempty
from .common.guard import flag
from .common.parser import Parser
from .common.shared_flags import (
    add_device_arguments,
)

KEEPS_COMMAND = True
#: Short names of networks, with the batch and image size that they are measured at.
CASES = {
    "small": Case("cifar_resnet8_askc", {"classes": 10}, 128, 28),
    "cifar": Case("cifar_resnet32_askc", {"classes": 100, "channel_times": 4}, 32, 32),
    "imagenet": Case("resnet50_v1b_askc", {"classes": 1000}, 16, 224),
}
PARTS = ("training", "inference", "memory", "loaders")
FUSIONS = ("Add", "AFF", "iAFF", f"AFF{GLUON}", f"iAFF{GLUON}")


GROUP, HELP = "speed", "how fast networks train and infer here, and whether the loaders keep up"
DESCRIPTION = (
    "Measure on this machine how fast networks train and infer, how much memory "
    "training takes, and how fast the loaders are; fusions beside each other, in turns, each "
    "figure a median. Needs no data. Nothing else should run meanwhile."
)


def add_arguments(parser: Parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "networks",
        metavar="NETWORK",
        nargs="*",
        type=nonempty,
        help="small (CIFAR ResNet-8, 28 pixels, batch 128), cifar (ResNet-32, channel_times 4, "
        "batch 32), imagenet (ResNet-50, batch 16), or a name of 'aff list models' (default: "
        "small cifar)",
    )
    parser.add_argument(
        "--fusions",
        nargs="+",
        type=nonempty,
        default=None,
        metavar="FUSION",
        help=f"names of 'aff list fusions'; with '{GLUON}' behind, computed by Gluon's operators "
        f"alone, with '{LITERAL}' as their formulas read (default: {' '.join(FUSIONS)})",
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=None, help="what to measure (default: all)"
    )
    parser.add_argument(
        "--batch-size", type=int_range(1, 4096), default=None, help="images of a batch"
    )
    parser.add_argument(
        "--input-size", type=int_range(8, 1024), default=None, help="height and width of the images"
    )
    parser.add_argument(
        "--rounds", type=int_range(1, 1000), default=5, help="values of which the median is taken"
    )
    parser.add_argument(
        "--json", type=nonempty, default=None, metavar="FILE", help="write all figures there too"
    )
    parser.add_argument(
        "--runtimes",
        action="store_true",
        help="instead: inference of each network with the first of --fusions (AFF where the flag "
        "is not given) in mxnet, onnxruntime and PyTorch, on the CPU, at batch 1 and 32",
    )
    add_device_arguments(parser)


def find_cases(
    networks: Sequence[str], fusions: Sequence[str], changes: Dict[str, Any]
) -> Dict[str, Case]:
    """Return the networks to measure, by name.

    Raises
    ------
    InputError
        For an unknown network or fusion, or one without the formula that is asked for.
    """
    for fusion in fusions:
        check_fusion(fusion)
    cases = {}
    for name in networks:
        case = CASES.get(name)
        if case is None:
            model, implied = resolve_model(name)
            family, _ = find_family(model)
            kwargs = {key: value for key, value in implied.items() if key != "fusion"}
            case = Case(model, kwargs, 32 if family.kind == "cifar" else 16, family.size)
        cases[name] = replace(case, **changes)
    return cases


def parts_of(only: Sequence[str], device: mx.Context) -> List[str]:
    """Return what is measured of each network."""
    there = ("training", "inference", *(["memory"] if device.device_type == "cpu" else []))
    return [part for part in there if part in only]


def measure_network(
    name: str,
    case: Case,
    parts: Sequence[str],
    fusions: Sequence[str],
    rounds: int,
    device: mx.Context,
    progress: Progress,
    imports: Sequence[str] = (),
) -> Measured:
    """Return all that is asked of a network, by part; what does not fit into memory is said, and
    the rest counts.
    """
    found: Measured = {}
    for part in parts:
        watch = progress.begin(f"{name}, {part} ({', '.join(fusions)})")
        if part == "memory":
            try:
                found[part] = peak_memory(case, fusions, watch, imports)
            except RunError as error:
                print(f"WARNING: memory: {error}", file=sys.stderr)
        else:
            measure = training if part == "training" else inference
            found[part] = measure(case, fusions, device, rounds, watch)
    return found


def compare_runtimes(
    case: Case, fusion: str, rounds: int, progress: Progress
) -> Dict[int, Dict[str, float]]:
    """Measure one network in several runtimes, print it, and return it."""
    print(f"{case.model} with {fusion}, {case.size} pixels", flush=True)
    found = measure_runtimes(case, fusion, rounds, progress.begin(f"{case.model}, all runtimes"))
    print("\n".join(runtimes_table(found)), flush=True)
    return found


def kinds_of_loaders(cases: Dict[str, Case]) -> Dict[str, Callable[..., Dict[str, float]]]:
    """Return the measurements of the loaders that the networks need, by kind."""
    found: Dict[str, Callable[..., Dict[str, float]]] = {}
    for case in cases.values():
        kind = kind_of_loader(case)
        if kind:
            files = partial(loaders.from_files, size=case.size)
            found[kind] = loaders.in_memory if kind == IN_MEMORY else files
    return found


def measure_loaders(cases: Dict[str, Case], rounds: int, progress: Progress) -> Measured:
    """Return what the loaders give, of the kinds that the networks need; printed as it is found."""
    threads = loaders.threads_to_try(available_cpus())
    loaded: Measured = {}
    for kind, measure in kinds_of_loaders(cases).items():
        watch = progress.begin(f"loaders, {kind}")
        rates = loaded[kind] = measure(threads, rounds, watch=watch)
        print(f"loaders, {kind}")
        width = max(map(len, rates))
        for name, value in rates.items():
            print(f"  {name:<{width}}  {value:.0f} images/s", flush=True)
    return loaded


def check_runtimes(fusion: str, **given: Any) -> None:
    """Refuse what has no meaning where runtimes are compared."""
    for key in [key for key, value in given.items() if value]:
        raise InputError(f"{{{key}}}: not beside {{runtimes}}, which are compared on the CPU")
    if check_fusion(fusion) != fusion:
        raise InputError(f"{fusion}: no runtime but mxnet has this form: name a fusion alone")


def choose_device(gpus: Optional[str], cpus: Optional[int]) -> mx.Context:
    """Return the device to measure.

    Raises
    ------
    InputError
        Where several are named.
    """
    devices, warning = choose_devices(gpus, cpus)
    if len(devices) > 1:
        raise InputError("bench measures one device: give one GPU, or {cpus} 1")
    if warning:
        print(f"WARNING: {spell(warning, flag)}", file=sys.stderr)
    return devices[0]


def run(
    networks: List[str],
    fusions: Optional[List[str]],
    only: Optional[List[str]],
    batch_size: Optional[int],
    input_size: Optional[int],
    rounds: int,
    json: Optional[str],
    runtimes: bool,
    gpus: Optional[str],
    cpus: Optional[int],
    imports: Sequence[str] = (),
    command: str = "",
) -> int:
    """Measure networks and loaders, or one network in several runtimes."""
    if json:
        check_destination(json, ["json"], "json")
    first = (fusions or ["AFF"])[0]
    if runtimes:
        check_runtimes(first, only=only, batch_size=batch_size, gpus=gpus)
        cpus = cpus or 1
    fusions = fusions or list(FUSIONS)
    sizes = {"batch_size": batch_size, "size": input_size}
    changes = {key: value for key, value in sizes.items() if value}
    cases = find_cases(networks or ["small", "cifar"], fusions, changes)
    device = choose_device(gpus, cpus)
    only = only or list(PARTS)
    parts, of_loaders = parts_of(only, device), "loaders" in only and not runtimes
    if not (parts or runtimes or (of_loaders and kinds_of_loaders(cases))):
        raise InputError(f"{{only}} {' '.join(only)}: nothing of these networks on {device}")
    form = form_in_use(next(iter(cases.values())).network("AFF", device))
    print(f"{available_cpus()} processors, {device}, {rounds} rounds", flush=True)
    print(fold(f"AFF and iAFF: {form}", indent=4), flush=True)
    count = len(cases) * (1 if runtimes else len(parts))
    progress = Progress(count + (len(kinds_of_loaders(cases)) if of_loaders else 0))
    loaded = measure_loaders(cases, rounds, progress) if of_loaders else {}
    results = {}
    for name, case in cases.items():
        if runtimes:
            results[name] = {
                "case": asdict(case),
                "runtimes": compare_runtimes(case, first, rounds, progress),
            }
            continue
        print(f"{name}: {case.model}, batch {case.batch_size}, {case.size} pixels", flush=True)
        found = measure_network(name, case, parts, fusions, rounds, device, progress, imports)
        if found:
            print("\n".join(network_table(found, fusions[0])), flush=True)
        if kind_of_loader(case) in loaded and "training" in found:
            print(fold(bottleneck(found["training"], case, loaded), indent=4), flush=True)
        results[name] = {"case": asdict(case), **found}
    if json:
        figures = {
            "command": command,
            "date": datetime.date.today().isoformat(),
            "processors": available_cpus(),
            "device": str(device),
            "rounds": rounds,
            "form": form,
            "versions": versions(),
            "loaders": loaded,
            "networks": results,
        }
        write_json(json, figures)
    return 0
