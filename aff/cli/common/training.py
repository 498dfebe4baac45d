"""The path that the training commands share, from what was given to the run's end."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import mxnet as mx

from ...data.datasets import find_dataset
from ...distributed.job import create_group
from ...training.amp import create_precision
from ...training.config import NETWORK, TrainConfig
from ...training.devices import choose_devices, choose_gpus
from ...training.network import network_for
from ...training.recipe_lines import recipe_lines
from ...training.run import Run
from ...training.run_folder import open_folder
from ...training.settings_file import read_config
from ...training.sources import open_source
from ...utils.errors import InputError, spell
from ...utils.report import evaluate_command
from ...utils.screen import fold
from ..summary import print_summary
from .config_flags import given_fields, resolve_aliases, resolve_generation, why_generation
from .finetuning import origin_of, taken_over
from .spellings import spelling_of

#: The training scripts, and the commands that they are.
SCRIPTS = {"train_cifar.py": "train-cifar", "train_imagenet.py": "train-imagenet"}


def call_of(command: str) -> str:
    """Return how to call a training command, script and flags, from here: the script where it lies
    in this folder, as in a clone, else the command of ``aff`` that it is.
    """
    script, _, flags = command.partition(" ")
    call = f"python {script}" if os.path.isfile(script) else f"aff {SCRIPTS[script]}"
    return f"{call} {flags}".rstrip()


def spelled(given: Mapping[str, Any], data: str) -> Dict[str, Any]:
    """Return what was given by the fields' names alone, whoever's spellings it was given in."""
    return resolve_generation(resolve_aliases(given, data), data)


def configure(data: str, given: Mapping[str, Any]) -> TrainConfig:
    """Return the configuration of a script for a kind of data set, from what was given.

    Raises
    ------
    InputError
        For values that contradict each other, or a configuration file of the other script.
    """
    base = read_config(given["config"]) if given.get("config") else None
    if base and base.kind != data:
        raise InputError(
            f"{{config}} {given['config']}: is of {base.dataset}, which this script "
            "does not train on"
        )
    given = spelled(given, data)
    if base and given.get("generation", base.generation) != base.generation:
        raise InputError(
            f"{{config}} {given['config']}: is of generation {base.generation} of the published "
            f"code, {given['generation']} is asked for here: leave one of them out"
        )
    named = {key: given[key] for key in NETWORK if key in given}
    fields = {**given_fields(given), "command": given.get("command", "")}
    fields.pop("model", None)
    network = None
    if fields.get("finetune"):
        network, images = taken_over(fields, data, "model" in named)
        fields.update(images)
    return TrainConfig.from_args({**fields, **named}, data, base, network).check()


def choose(config: TrainConfig) -> Tuple[List[mx.Context], Optional[str]]:
    """Return the devices of a run, and a warning where they are not those that were asked for."""
    if config.kind == "imagenet":
        return choose_gpus(config.num_gpus, config.cpus, config.gpus), None
    return choose_devices(config.gpus, config.cpus)


def train(data: str, given: Dict[str, Any]) -> int:
    """Train as was given for a kind of data set, as `TrainConfig.from_args` takes it; the exit
    code.
    """
    config = configure(data, given)
    why = why_generation(given, data) or ("as {config} says" if config.generation == 2 else "")
    generation = f"defaults  and networks of generation {config.generation}, {why}"
    if given.get("summary"):
        if config.smoke:
            raise InputError("{summary} and {smoke} are two things to do: give one")
        if why:
            print(spell(generation, spelling_of(data)))
        record = find_dataset(config.dataset)
        if record.is_open and config.data_dir:
            config = config.for_classes(open_source(config).classes)
        print_summary(config.model, config.model_kwargs, config.image_size)
        for line in recipe_lines(config):
            print(fold(spell(line, spelling_of(data))))
        return 0
    notes = [f"not used  {line}" for line in config.unused(spelled(given, data))]
    if why:
        notes.insert(0, generation)
    if not config.smoke:
        return fit(config, notes, given.get("imports", ()))
    with tempfile.TemporaryDirectory(prefix="aff-smoke-") as folder:
        code = fit(config.within(folder), notes)
    print("smoke run: passed; nothing was kept")
    return code


def fit(config: TrainConfig, notes: List[str], imports: Sequence[str] = ()) -> int:
    """Train a run; what the machine lacks is said before any data is read.

    Parameters
    ----------
    config : TrainConfig
        The run.
    notes : list of str
        Lines to say of what was given.
    imports : sequence of str
        The user's modules that the run needs.
    """
    devices, warning = choose(config)
    precision = create_precision(config.dtype, devices)
    source = open_source(config)
    config = config.for_classes(source.classes)
    group = create_group(config.kvstore)
    with contextlib.ExitStack() as held:
        folder = None
        if group.is_main_process:
            facts = {**source.facts, "devices": len(devices) * group.world_size}
            folder = held.enter_context(open_folder(config, facts))
        starts = folder is not None and not folder.checkpoint
        origin = origin_of(config.finetune) if starts else None
        images = source.load(config, devices, group)
        images.notes.extend(notes)
        net = network_for(config, devices, precision)
        spelling = spelling_of(config.kind)
        run = Run(config, images, net, devices, precision, group, folder, warning, spelling, origin)
        run.fit()
        if not config.smoke:
            run.logger.command("evaluate again", evaluate_command(run.best_params, imports))
    return 0
