"""Learning-rate schedules against their closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aff
from aff.training.lr_scheduler import create_schedule


def test_steps_decay_at_the_start_of_their_epochs():
    schedule = create_schedule(0.2, 400, 10, decay=0.1, decay_epochs=[300, 350])
    assert schedule(0) == schedule(2999) == pytest.approx(0.2)
    assert schedule(3000) == schedule(3499) == pytest.approx(0.02)
    assert schedule(3500) == schedule(3999) == pytest.approx(0.002)


@given(
    lr=st.floats(1e-4, 1),
    epochs=st.integers(1, 30),
    per_epoch=st.integers(1, 20),
    warmup=st.integers(0, 30),
)
def test_cosine_with_and_without_warmup(lr, epochs, per_epoch, warmup):
    if warmup > epochs:
        with pytest.raises(aff.InputError, match="warmup_epochs"):
            create_schedule(lr, epochs, per_epoch, mode="cosine", warmup_epochs=warmup)
        return
    schedule = create_schedule(lr, epochs, per_epoch, mode="cosine", warmup_epochs=warmup)
    ramp, rest = warmup * per_epoch, (epochs - warmup) * per_epoch
    for step in range(epochs * per_epoch):
        if step < ramp:
            expected = lr * step / (ramp - 1) if ramp > 1 else 0
        else:
            expected = (
                lr * (1 + math.cos(math.pi * (step - ramp) / (rest - 1))) / 2 if rest > 1 else lr
            )
        assert schedule(step) == pytest.approx(expected, abs=1e-9)


def test_warmup_starts_at_its_rate_and_steps_count_from_the_start():
    schedule = create_schedule(
        1.0, 10, 10, warmup_epochs=2, warmup_lr=0.5, decay=0.5, decay_epochs=[8, 5]
    )
    assert schedule(0) == 0.5
    assert schedule(20) == schedule(49) == 1
    assert schedule(50) == 0.5
    assert schedule(80) == 0.25


def test_a_rate_is_a_function_of_its_step_alone():
    schedule = create_schedule(1.0, 10, 10, mode="cosine", warmup_epochs=2)
    forward = [schedule(step) for step in range(100)]
    assert [schedule(step) for step in reversed(range(100))] == forward[::-1]
