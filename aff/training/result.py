"""``result.json``: what came out of a run, in one file for whoever compares many."""

from __future__ import annotations

from typing import Any, Dict

from .config import TrainConfig
from .data import Data
from .record import AVERAGE, EpochRecord
from .state import RunState

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
        scores = {name: getattr(record, prefix + name) for name in record.kept.names}
        return {"epoch": record.epoch, **scores}

    averaged = state.best_ema()
    return {
        "name": config.name,
        "score": state.best().error(data.chooser),
        "best": of(state.best()),
        "last": {**of(state.history[-1]), "train_loss": state.history[-1].train_loss},
        "average": of(averaged, AVERAGE) if averaged else None,
        "epochs": len(state.history),
        "stopped_early": state.next_epoch < config.last_epoch,
        "seconds": round(sum(record.seconds for record in state.history), 2),
        **ended,
        "settings": config.as_dict(),
    }
