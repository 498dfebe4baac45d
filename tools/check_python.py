"""Print this Python's version where it serves; otherwise say which do, and end with exit code 2.

Runs on any Python, so that one which is too old gets as far as the message.
"""

import os
import sys

OLDEST, NEWEST = (3, 8), (3, 12)
PROBE = "import sys; sys.exit(sys.version_info[:2] != (3, {0}))"


def candidates():
    """Commands on the PATH that run a Python which serves."""
    minors = range(NEWEST[1], OLDEST[1] - 1, -1)
    probe = 'python3.{0} -c "' + PROBE + '" >' + os.devnull + " 2>&1"
    return ["python3.{0}".format(minor) for minor in minors if os.system(probe.format(minor)) == 0]


if __name__ == "__main__":
    version = sys.version_info[:2]
    if OLDEST <= version <= NEWEST:
        print("{0}.{1}".format(*version))
    else:
        found = candidates()
        message = (
            "{0} is Python {1}.{2}, but mxnet 1.9.1 needs Python 3.8 to 3.12: "
            "name one, e.g. make demo PYTHON={3}{4}\n"
        )
        here = " (found here: {0})".format(", ".join(found)) if found else ""
        name = found[0] if found else "python3.11"
        sys.stderr.write(message.format(sys.executable, version[0], version[1], name, here))
        sys.exit(2)
