"""How a command ends: its exit code, and one line on standard error where something was wrong."""

from __future__ import annotations

import sys
from typing import Callable

from ...distributed import process
from ...utils.errors import InputError, Interrupted, RunError, last_line, spell
from ...utils.output import drop, flush_output
from .parser import one_line

Spelling = Callable[[str], str]


def flag(field: str) -> str:
    """Return the flag of a setting, as most commands spell it."""
    return f"--{field.replace('_', '-')}"


def guarded(prog: str, run: Callable[[], int], spelling: Spelling = flag) -> int:
    """Run a command; what a user can put right ends in one line and exit code 2, a run that failed
    in 1.

    Parameters
    ----------
    prog : str
        What the line starts with.
    run : callable
        The command.
    spelling : callable, optional
        Setting to its flag.
    """
    try:
        code = run()
        flush_output()
        process.finish(code)
        return code
    except InputError as error:
        code, message = 2, spell(error.message, spelling)
    except BrokenPipeError:
        drop()
        process.finish(1, "nobody reads its output")
        return 1
    except RunError as error:
        code, message = 1, spell(error.message, spelling)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        code, message = 1, str(what)
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except Interrupted as error:
        line = one_line(spell(error.message, spelling))
        print(f"{prog}: {line}", file=sys.stderr)
        process.finish(error.code, line)
        return error.code
    except Exception as error:
        if not _failed_in_mxnet(error):
            raise
        text = last_line(error) or "out of memory"
        hint = ": lower --batch-size" if "memory" in text.lower() else ""
        code, message = 1, f"mxnet failed: {text}{hint}"
    print(f"{prog}: error: {one_line(message)}", file=sys.stderr)
    process.finish(code, one_line(message))
    return code


def _failed_in_mxnet(error: Exception) -> bool:
    mxnet = sys.modules.get("mxnet")  # a command may end before it is imported
    if isinstance(error, MemoryError):
        return True
    return mxnet is not None and isinstance(error, mxnet.MXNetError)
