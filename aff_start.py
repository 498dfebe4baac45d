"""What the console script ``aff`` and the training scripts begin with. It is outside of the
package: Ctrl-C ends them without a traceback also while Python imports that.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command begins


def main() -> int:
    """Run ``aff COMMAND ...``; returns the exit code."""
    from aff.cli.main import main as run

    return run()
