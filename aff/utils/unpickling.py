"""Servers of a distributed job that unpickle nothing: mxnet's would run whatever an optimizer's
pickle says, of anyone who reaches their port. Gradients are updated on the workers here.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any, NoReturn


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise pickle.UnpicklingError("a pickle that reached this process of the job was refused")


def _say_refused(raised: Any) -> None:
    if isinstance(raised.exc_value, pickle.UnpicklingError):
        print(f"a server of the job: {raised.exc_value}", file=sys.stderr)
    else:
        sys.__unraisablehook__(raised)


def refuse_pickles() -> None:
    """Have this process refuse every pickle; a refusal within mxnet's server is said in a line."""
    pickle.loads = pickle.load = _refuse  # type: ignore[assignment]
    sys.unraisablehook = _say_refused
