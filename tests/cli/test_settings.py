"""The fields of `TrainConfig`, the flags of the training commands, ``settings.json`` and what a
resumed run may change come from one place.
"""

import json
from dataclasses import asdict, replace

import pytest

from aff.cli.main import build_parser
from aff.training.config import NETWORK, TrainConfig
from aff.training.setting import FIXED, FREE, KINDS, SWITCH, TOLD, UNTOLD, settings_of
from aff.training.settings_file import changes, describe
from aff.utils.errors import InputError

from .conftest import COMMANDS, config_of

SETTINGS = settings_of(TrainConfig)
#: Flags that say nothing of what is trained.
OTHERS = {"help", "config", "summary", "eval_only", "params", "imports"}
#: Fields that follow another.
FOLLOW = {"dataset": {"labels", "model_kwargs"}, "lr_decay_period": {"lr_decay_epoch"}}
ALL = pytest.mark.parametrize("data", KINDS)


def has(data, field):
    """Whether the script for a kind of data set has a flag for a field."""
    item = SETTINGS[field]
    return bool(item.group) and data in item.only


def flags(data):
    """The flags of a script, by what they give."""
    found = {}
    for action in build_parser(COMMANDS[data])._actions:
        found.setdefault(action.dest, []).append(action)
    return found


def another(field, value):
    """A value of a field that is not this one, and the text that stands for it."""
    kind = SETTINGS[field].kind
    if kind == SWITCH:
        return not value, ""
    texts = kind if isinstance(kind, tuple) else ("2", "64", "0.5", "1", "digits", "x", "2,9")
    for text in texts:
        try:
            found = text if isinstance(kind, tuple) else kind(text)
        except InputError:
            continue
        if found != value:
            return found, text
    raise AssertionError(f"{field}: no other value")


@ALL
def test_a_field_is_exactly_one_flag_of_the_script_that_has_it(data):
    found = flags(data)
    for field, item in SETTINGS.items():
        if field in NETWORK:
            continue
        actions = found.pop(field, [])
        assert len(actions) == has(data, field), field
        for action in actions:
            assert action.help, field
            assert action.container.title == item.group
    left = {dest for dest in found if not dest.startswith(("second_", "also_"))}
    assert left <= OTHERS | set(NETWORK)


@pytest.mark.parametrize(
    "field, wrong", [("val_split", "each class"), ("train_fraction", "each class"), ("r", "16")]
)
def test_what_holds_of_classified_images_is_not_said_of_masks(field, wrong):
    assert all(wrong in flags(data)[field][0].help for data in ("cifar", "imagenet"))
    assert wrong not in flags("segmentation")[field][0].help


@ALL
def test_without_flags_all_is_as_the_fields_say(data):
    config = config_of(data, [])
    for field, item in SETTINGS.items():
        if field not in ("labels", "model_kwargs"):  # which follow the data set and the network
            assert getattr(config, field) == item.default(data), field


def given_flags(data):
    """Command lines of one flag each: its field, the value that it stands for, the words."""
    usual = config_of(data, [])
    for field, actions in flags(data).items():
        if field in SETTINGS and field not in ("model", "generation") and has(data, field):
            value, text = another(field, getattr(usual, field))
            (action,) = actions
            takes = action.nargs != 0
            for name in action.option_strings:
                several = text.split(",") if isinstance(action.nargs, int) else [text]
                yield field, value if takes else action.const, [name, *(several if takes else [])]


@ALL
def test_a_flag_changes_its_field_and_no_other(data):
    usual = asdict(config_of(data, []))
    for field, value, words in given_flags(data):
        given = vars(build_parser(COMMANDS[data]).parse_args(words))
        fields = {key: given[key] for key in given if key in SETTINGS}
        found = asdict(TrainConfig.from_args(fields, data))
        assert found[field] == value, words
        changed = {key for key in found if found[key] != usual[key]}
        assert changed - FOLLOW.get(field, set()) == {field}, words


@pytest.mark.parametrize("field", sorted(SETTINGS))
def test_a_resumed_run_is_held_to_the_rule_of_the_field(field, tmp_path):
    item = SETTINGS[field]
    data = item.only[0]
    config = TrainConfig.from_args({}, data)
    (tmp_path / "settings.json").write_text(json.dumps(describe(config, {})))
    value = getattr(config, field)
    value = {**value, "classes": 7} if field == "model_kwargs" else another(field, value)[0]
    other = replace(config, **{field: value})

    def said(config):
        try:
            return " ".join(changes(config, {}, str(tmp_path)))
        except InputError as error:
            return error

    found, told = said(other), said(replace(other, **{"resume_changed": True, field: value}))
    if item.resume == UNTOLD:
        assert found == told == ""
    elif item.resume == FREE:
        assert found.startswith(f"{field} ")
    else:
        assert isinstance(found, InputError)
        assert f"{field} " in str(found)
        assert isinstance(told, InputError) == (item.resume == FIXED)
        assert item.resume in (TOLD, FIXED)


def test_other_facts_are_other_runs(tmp_path):
    config = TrainConfig()
    (tmp_path / "settings.json").write_text(json.dumps(describe(config, {"devices": 1})))
    with pytest.raises(InputError, match="devices 1 -> 2"):
        changes(config, {"devices": 2}, str(tmp_path))
    assert changes(config, {"devices": 1}, str(tmp_path)) == []
