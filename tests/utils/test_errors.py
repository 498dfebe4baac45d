"""Messages of unknown names."""

import pytest

import aff
from aff.utils.errors import LISTED, unknown

NAMES = [f"name{number}" for number in range(12)]


def test_few_names_are_all_listed():
    assert unknown("thing", "nam", NAMES[:3]).message.endswith("valid: name0, name1, name2")


def test_of_many_the_first_are_listed_after_the_one_that_was_meant():
    message = unknown("thing", "nam11", NAMES).message
    assert "did you mean 'name11'? valid: name0, " in message
    assert [name in message.split("valid: ")[1] for name in NAMES] == [True] * LISTED + [False] * 2
    assert message.endswith(" and 2 more")


@pytest.mark.parametrize(
    "ask, command",
    [
        (aff.get_model, "aff list models"),
        (aff.load_published, "aff list published"),
        (lambda name: aff.create_fusion(name, 8), "aff list fusions"),
    ],
)
def test_what_lists_them_all_is_named(ask, command):
    with pytest.raises(aff.InputError, match=f"and \\d+ more \\('{command}' has all\\)") as refused:
        ask("nothing at all")
    assert str(refused.value).count(",") <= LISTED
