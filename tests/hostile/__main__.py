"""The long form."""

import argparse
import contextlib
import io
import math
import tempfile
from collections import Counter
from pathlib import Path

from . import __doc__ as about
from . import list_kinds, try_kind


def main():
    """Try all kinds, or those that are named, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", metavar="KIND", nargs="*", default=list_kinds())
    parser.add_argument("--times", type=int, default=200, help="of each kind")
    parser.add_argument("--minutes", type=float, default=math.inf, help="at most, for each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the first attempt")
    options = parser.parse_args()
    print(f"{'what':<50} {'tried':>8} {'broke':>6}", flush=True)
    broke = 0
    for kind in options.kinds:
        quiet = contextlib.redirect_stdout(io.StringIO())
        with tempfile.TemporaryDirectory(prefix="aff-hostile-") as folder, quiet:
            outcomes = try_kind(
                kind, Path(folder), options.seed, options.times, 60 * options.minutes
            )
        for what, outcome in outcomes.items():
            broke += len(outcome.broke)
            name = f"{kind.replace('_', ' ')}: {what}"
            print(f"{name:<50} {outcome.tried:>8} {len(outcome.broke):>6}", flush=True)
            for trouble, count in Counter(outcome.broke).most_common(20):
                print(f"    {count} times: {trouble}")
    return 1 if broke else 0


if __name__ == "__main__":
    raise SystemExit(main())
