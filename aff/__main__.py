"""``python -m aff COMMAND ...``, the same as the console script ``aff``."""

import sys

from aff.utils.interrupts import end_at_once

if __name__ == "__main__":
    end_at_once()  # until the command begins
    from aff.cli.main import main

    sys.exit(main())
