"""Print this Python's version where it serves; otherwise say which versions do, and end with exit code 2.

Runs on any Python, so that one which is too old gets as far as the message.
"""
import os
import sys

OLDEST, NEWEST = (3, 8), (3, 12)


def serves(version):
    return OLDEST <= version <= NEWEST


def candidates():
    """Commands on the PATH that run a Python which serves."""
    names = ["python3.%d" % minor for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    command = "%s -c \"import sys; sys.exit(0 if '%%d.%%d' %% sys.version_info[:2] == '%s' else 1)\" >%s 2>&1"
    return [name for name in names if os.system(command % (name, name[len("python"):], os.devnull)) == 0]


if __name__ == "__main__":
    if serves(sys.version_info[:2]):
        print("%d.%d" % sys.version_info[:2])
    else:
        found = candidates()
        sys.stderr.write("%s is Python %d.%d, but mxnet 1.9.1 needs Python %d.%d to %d.%d: name one, e.g. "
                         "make demo PYTHON=%s%s\n"
                         % ((sys.executable,) + sys.version_info[:2] + OLDEST + NEWEST
                            + (found[0] if found else "python3.11",
                               " (found here: %s)" % ", ".join(found) if found else "")))
        sys.exit(2)
