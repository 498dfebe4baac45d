"""Files and servers made to do harm, given to what reads them. The short form is part of the tests;
the long form prints what was tried, and what broke:

    python -m tests.hostile --times 1000

A kind is one module: ``tries(folder, rng, times)`` yields what is tried and a call that tries it.
Its ``COST`` says of how many tries one is made where each is slow, its ``LONGEST`` how many seconds
one may take. A call may return, or end in one line (`aff.InputError`, `RunError`); anything else
broke, as did a call that took the memory or the time of a hundred.
"""

import importlib
import math
import pkgutil
import random
import resource
import signal
import time
import traceback
from collections import defaultdict
from dataclasses import dataclass, field

import aff
from aff.cli.common.parser import one_line
from aff.utils.errors import RunError

#: Seconds and MB that a call may take. (The machine may be shared.)
LONGEST, MOST = 60, 700


@dataclass
class Outcome:
    """How often something was tried, and how it broke."""

    tried: int = 0
    broke: list = field(default_factory=list)


class Hung(BaseException):
    """A call does not end."""


def list_kinds():
    """The names of the kinds."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if not name.startswith("_"))


def attempt(call, longest=LONGEST):
    """How a call broke; an empty text where it did not. It may take `longest` seconds."""

    def hung(*_):
        raise Hung

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    handler = signal.signal(signal.SIGALRM, hung)
    signal.alarm(longest)
    start = time.monotonic()
    try:
        call()
    except (aff.InputError, RunError) as error:
        line = one_line(error)
        if not line.isprintable() or len(line) > 4000:
            return f"a message of {len(line)} characters: {line[:100]!r}"
    except Hung:
        return "hangs"
    except KeyboardInterrupt:  # is meant for all of it
        raise
    except BaseException as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "/aff/" in f.filename]
        where = f"{frames[-1].filename.split('/aff/')[-1]}:{frames[-1].lineno}" if frames else ""
        return f"{type(error).__name__} in {where}: {str(error)[:100]!r}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return f"took {grown} MB and {time.monotonic() - start:.0f} s" if grown > MOST else ""


def try_kind(kind, folder, seed, times, seconds=math.inf):
    """Try a kind so many times, or for so many seconds; an `Outcome` by what was tried."""
    until = time.monotonic() + seconds
    outcomes = defaultdict(Outcome)
    module = importlib.import_module(f"{__name__}.{kind}")
    times = max(1, times // getattr(module, "COST", 1))
    for what, call in module.tries(folder, random.Random(f"{kind} {seed}"), times):
        outcome = outcomes[what]
        outcome.tried += 1
        trouble = attempt(call, getattr(module, "LONGEST", LONGEST))
        if trouble:
            outcome.broke.append(trouble)
        if time.monotonic() > until:
            break
    return dict(outcomes)
