"""``result.json``: what came out of a run, in one file for whoever compares many."""

from __future__ import annotations

from typing import Any, Dict

from .config import TrainConfig
from .data import Data
from .state import EpochRecord, RunState

RESULT = "result.json"


def result_of(
    config: TrainConfig, data: Data, state: RunState, ended: Dict[str, Any]
) -> Dict[str, Any]:
    """Return what ``result.json`` holds; errors are fractions, 0 to 1.

    Parameters
    ----------
    config : TrainConfig
        The run.
    data : Data
        Its images.
    state : RunState
        Its history.
    ended : dict
        What the log's ``end`` event says.
    """

    def of(record: EpochRecord, prefix: str = "") -> Dict[str, Any]:
        errors = {kind: getattr(record, f"{prefix}{kind}_error") for kind in ("top1", "top5")}
        return {"epoch": record.epoch, **{f"{key}_error": value for key, value in errors.items()}}

    averaged = state.best_ema()
    return {
        "name": config.name,
        "score": state.best().top1_error[data.chooser],
        "best": of(state.best()),
        "last": {**of(state.history[-1]), "train_loss": state.history[-1].train_loss},
        "average": of(averaged, "ema_") if averaged else None,
        "epochs": len(state.history),
        "stopped_early": state.next_epoch < config.last_epoch,
        "seconds": round(sum(record.seconds for record in state.history), 2),
        **ended,
        "settings": config.as_dict(),
    }
