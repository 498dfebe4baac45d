"""Commands whose streams are closed or full, in locales that there are not, given names that are
not UTF-8: each ends by itself, without a traceback.
"""

import os
from functools import partial

from ..conftest import PHOTOGRAPH
from ._process import run

#: Each starts Python and mxnet.
COST, LONGEST = 10, 300
#: What a shell does with the streams of a command.
STREAMS = {
    "nothing done to streams": '"$@"',
    "stdout closed": '"$@" >&-',
    "stderr closed": '"$@" 2>&-',
    "stdout and stderr closed": '"$@" >&- 2>&-',
    "all closed": '"$@" <&- >&- 2>&-',
    "stdout full": '"$@" >/dev/full',
    "stderr full": '"$@" 2>/dev/full',
    "stdout without a reader": '{ "$@"; echo $? >&3; } 3>code | true; exit $(cat code)',
}
LOCALES = (
    *({"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    *({"LANG": "xx"}, {"LC_ALL": "xx_YY.none"}, {"LC_ALL": "C.UTF-8"}, {}),
    *({"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}),
    {"PYTHONIOENCODING": "utf-8:strict"},
)
NAME = os.fsdecode(b"\xff-\xc3\xa9-\x80")
COMMANDS = (
    ("list", "models"),
    ("list", "nothing"),
    ("--help",),
    ("summary", "cifar_aff_resnet20"),
    ("check", NAME),
    ("evaluate", NAME),
    ("predict", "fashion_mnist_aff_resnet8", f"{NAME}.jpg"),
    ("plot", NAME, "--out", f"{NAME}.png"),
    ("train-cifar", "--dataset", "digits", "--save-dir", NAME, "--num-epochs", "0"),
    ("prepare", NAME, "out"),
    ("vectors", NAME),
)


def tries(folder, rng, times):
    """A command, what is done to its streams, and a locale."""
    link = os.path.join(folder, f"{NAME}.jpg")
    os.symlink(PHOTOGRAPH, link)
    for number in range(times):
        what = list(STREAMS)[number % len(STREAMS)]
        command, environment = rng.choice(COMMANDS), rng.choice(LOCALES)
        codes = (0, 1, 2, 120, 141)  # 120: Python's own, where a stream cannot be flushed
        yield (
            what,
            partial(
                run,
                *("-m", "aff", *command),
                cwd=folder,
                codes=codes if what != "nothing done to streams" else codes[:3],
                shell=STREAMS[what],
                environment=environment,
            ),
        )
