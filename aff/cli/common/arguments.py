"""What the commands' parsers share: types that refuse nonsense, groups of flags, and one-line
errors.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import Callable, List, NoReturn, Optional, Sequence

import mxnet as mx

from ...data import LABEL_SETS, list_datasets
from ...distributed import process as job_process
from ...utils.errors import InputError, Interrupted, RunError, last_line


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds a default to a flag's help where there is one."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations, shows defaults, and reports an error in one
    line.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, formatter_class=_Formatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see --help)\n")


def one_line(message: object) -> str:
    """The message without line breaks."""
    return " ".join(str(message).split())


def guarded(prog: str, run: Callable[[], int]) -> int:
    """Run a command; what a user can put right ends in one line and exit code 2, a run that failed
    in 1.
    """
    try:
        code = run()
        sys.stdout.flush()
        job_process.finish(code)
        return code
    except InputError as error:
        code, message = 2, one_line(error)
    except BrokenPipeError:  # whoever read the output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        job_process.finish(1, "nobody reads its output")
        return 1
    except RunError as error:
        code, message = 1, one_line(error)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        code, message = 1, one_line(what)
    except (mx.MXNetError, MemoryError) as error:
        text = last_line(error) or "out of memory"
        hint = ": lower --batch-size" if "memory" in text.lower() else ""
        code, message = 1, f"mxnet failed: {one_line(text)}{hint}"
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except Interrupted as error:
        print(f"{prog}: {one_line(error)}", file=sys.stderr)
        job_process.finish(error.code, one_line(error))
        return error.code
    print(f"{prog}: error: {message}", file=sys.stderr)
    job_process.finish(code, message)
    return code


def whole(minimum: int, maximum: int = 2**31 - 1) -> Callable[[str], int]:
    """A type: whole numbers from `minimum` to `maximum`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"takes a whole number, got {text!r}") from None
        if not minimum <= value <= maximum:
            upper = f" and at most {maximum}" if maximum < 2**31 - 1 else ""
            raise argparse.ArgumentTypeError(
                f"takes a whole number of at least {minimum}{upper}, got {text}"
            )
        return value

    return parse


def real(
    minimum: float, maximum: float = math.inf, open_minimum: bool = False
) -> Callable[[str], float]:
    """A type: finite numbers from `minimum` (or above it) to `maximum`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"takes a number, got {text!r}") from None
        if (
            not math.isfinite(value)
            or not minimum <= value <= maximum
            or (open_minimum and value == minimum)
        ):
            lower = f"above {minimum:g}" if open_minimum else f"of at least {minimum:g}"
            upper = f" and at most {maximum:g}" if math.isfinite(maximum) else ""
            raise argparse.ArgumentTypeError(f"takes a number {lower}{upper}, got {text}")
        return value

    return parse


def named(text: str) -> str:
    """A type: a name or a path; an empty text (an unset variable of a shell) is none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("takes a name, got an empty text")
    return text


def epochs(text: str) -> List[int]:
    """A type: epochs separated by commas, such as 300,350; an empty text is none."""
    parse = whole(1)
    return sorted({parse(part.strip()) for part in text.split(",")}) if text.strip() else []


def add_model_arguments(parser: argparse.ArgumentParser, required: bool) -> None:
    """Flags that name a CIFAR-style network; their defaults are filled in by `networks.resolve`."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        type=named,
        default="resnet" if required else None,
        help="resnet (its depth from --blocks), resnext29_32x4d, resnext38_32x4d, "
        "resnext47_32x4d, or a name that 'aff list models' gives. A ResNeXt starts with zero in "
        "the last gamma of every block, as the published ones did",
    )
    add_fusion_argument(group, "ASKCFuse" if required else None)
    group.add_argument(
        "--blocks",
        type=whole(1, 300),
        default=argparse.SUPPRESS,
        help="blocks b of each of the three stages of --model resnet, depth 6b+2 (default: 5)",
    )
    add_structure_arguments(group, "4 for --model resnet, else 1", imagenet=not required)


def add_fusion_argument(group, default: Optional[str]) -> None:
    """The flag that names the fusion."""
    group.add_argument(
        "--askc-type",
        "--fusion",
        dest="fusion",
        type=named,
        default=default,
        help="fusion in the residual blocks: ASKCFuse (alias AFF), ResGlobLocaforGlobLocaCha "
        "(iAFF), DirectAdd (Add), or another of 'aff list fusions'",
    )


def add_structure_arguments(group, channel_times: Optional[str], imagenet: bool = True) -> None:
    """Flags of a network's structure, each left out of the options where it is not given."""
    if imagenet:
        group.add_argument(
            "--stem-width",
            type=whole(1, 1024),
            default=argparse.SUPPRESS,
            help="channels of an ImageNet network's deep stem (default: 32, ResNeXt 64)",
        )
    if channel_times:
        group.add_argument(
            "--channel-times",
            type=whole(1, 64),
            default=argparse.SUPPRESS,
            help=f"multiplies the widths 16, 32, 64 of a CIFAR ResNet (default: {channel_times})",
        )
    group.add_argument(
        "--start-layer",
        type=whole(1, 5),
        default=argparse.SUPPRESS,
        help="first stage, from 1, that uses the fusion; one more than there are stages adds "
        "everywhere (default: 1, ImageNet networks 3)",
    )
    switches = (
        ("--deep-stem", "three 3x3 convolutions in the stem instead of one"),
        ("--avg-down", "average pooling before a strided projection (generation 2)"),
        ("--use-se", "squeeze-and-excitation in a ResNeXt's blocks"),
    )
    for flag, text in switches:
        group.add_argument(
            flag, action="store_true", default=argparse.SUPPRESS, help=f"{text} (default: False)"
        )


def add_data_arguments(
    parser: argparse.ArgumentParser,
    default: Optional[str],
    names: Sequence[str] = (),
    workers: bool = True,
):
    """Flags that name a data set, of `list_datasets()` or one of `names`, and how it is read; gives
    their group.
    """
    group = parser.add_argument_group("data")
    group.add_argument(
        "--dataset", choices=[*list_datasets(), *names], default=default, help="data set"
    )
    group.add_argument(
        "--labels",
        choices=LABEL_SETS,
        default=None,
        help="of cifar100: fine, its 100 classes (used where the flag is not given), or coarse, "
        "the 20 superclasses that the published 89.3 and 90.3 were measured on (100 outputs, as "
        "then)",
    )
    group.add_argument(
        "--data-dir",
        type=named,
        default=None,
        help="folder of the data set's files; each data set has a default under ~/.mxnet/datasets/",
    )
    if workers:
        group.add_argument(
            "-j",
            "--num-data-workers",
            dest="num_workers",
            type=whole(0, 256),
            default=2,
            help="threads that prepare batches ahead; 0: none. Results do not depend on it",
        )
    return group


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags that name devices."""
    group = parser.add_argument_group("devices")
    group.add_argument(
        "--gpus",
        default=None,
        help="GPU numbers, such as 0,1,2; an empty text: the CPU. Without the flag GPU 0 where "
        "there is one; without any GPU the CPU",
    )
    group.add_argument(
        "--cpus",
        type=whole(1, 64),
        default=None,
        help="use this many CPU devices instead of any GPU, to exercise data parallelism without "
        "them",
    )
