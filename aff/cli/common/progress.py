"""What is shown of work on many files."""

from __future__ import annotations

import sys
from typing import Iterable

from tqdm import tqdm


def progress(items: Iterable, total: int, description: str) -> Iterable:
    """Yield the items behind a bar on a terminal, with a line every tenth elsewhere."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=description, leave=False)
        return
    step = max(1, total // 10)
    for number, item in enumerate(items, 1):
        yield item
        if number % step == 0 and total >= 1000:
            print(f"{description}: {number} of {total}", file=sys.stderr, flush=True)
