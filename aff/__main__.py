"""``python -m aff COMMAND ...``, the same as the console script ``aff``."""

import sys

from aff.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
