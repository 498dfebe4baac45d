"""What people read on a terminal: lines and tables that fit its width.

Where standard output is no terminal (a file, a pipe) and COLUMNS is not set, nothing is folded: a
record stays one line, whatever terminal is near, so that it can be searched.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import List, Optional, Sequence

Row = Sequence[object]
GAP = 2
#: Columns of prose are not made narrower than this.
NARROWEST = 24
_NUMBER = re.compile(r"(?:[\d.,]+(?: ?[%MG])?|-)?")
#: Where a head may be broken.
_BREAK = re.compile(r" |(?<=[a-z]-)(?=[a-z])")
#: Stands for the blanks inside a field, which is not broken there.
_BLANK = "\u00a0"


def width() -> int:
    """Return the columns of the terminal, or those that COLUMNS says; 0 where there is neither."""
    return shutil.get_terminal_size((0, 0)).columns


def fold(line: str, limit: Optional[int] = None, indent: int = 10) -> str:
    """Return a line as lines that fit: broken between its fields, which two blanks part, where each
    field fits by itself, else between words; long words (paths, commands) stay whole.

    Parameters
    ----------
    line : str
        The line.
    limit : int, optional
        Columns, 0: any number; by default those of `width`.
    indent : int, default 10
        Blanks before all lines but the first.
    """
    limit = width() if limit is None else limit
    if not limit or len(line) <= limit:
        return line
    if max(map(len, re.split(r" {2,}", line))) <= limit - indent:
        line = re.sub(r"(?<! ) (?! )", _BLANK, line)
    lines = textwrap.wrap(
        line,
        max(limit, indent + 1),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace(_BLANK, " ")


def fold_command(command: str, limit: Optional[int] = None, indent: int = 10) -> str:
    """Return a command as lines that fit and can be pasted, each flag beside its values; arguments
    as those of `fold`, but that the first line, too, stands behind the indent.
    """
    limit = width() if limit is None else limit
    if not limit or len(command) <= limit - indent:
        return command
    parts = textwrap.wrap(
        re.sub(" (?!-)", _BLANK, command),
        max(limit - indent - 2, 1),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f" \\\n{' ' * indent}".join(parts).replace(_BLANK, " ")


def columns(
    head: Row, rows: Sequence[Row], prose: bool = False, limit: Optional[int] = None
) -> str:
    """Return a table as text, each column as wide as it needs; numbers are flush right.

    One that is too wide gets heads of several lines; then its last column is folded, if that is
    prose; then columns move into further blocks below, each with the first column again.

    Parameters
    ----------
    head, rows : sequences
        Of cells.
    prose : bool, default False
        Whether the last column holds sentences.
    limit : int, optional
        Columns of the terminal, 0: any number; by default those of `width`.
    """
    limit = width() if limit is None else limit
    texts = [[str(cell) for cell in row] for row in (head, *rows)]
    flush = [all(_NUMBER.fullmatch(cell) for cell in column[1:]) for column in zip(*texts)]
    widths = [max(map(len, column)) for column in zip(*texts)]
    if not limit or _total(widths) <= limit:
        return "\n".join(_lines(texts, widths, flush))
    widths = [
        max(map(len, [*_BREAK.split(column[0]), *column[1:]])) if column[0] else size
        for column, size in zip(zip(*texts), widths)
    ]
    if prose:
        widths[-1] = min(widths[-1], max(NARROWEST, limit - _total(widths[:-1]) - GAP))
    blocks = []
    for block in _blocks(widths, limit):
        lines = _lines(
            [[row[index] for index in block] for row in texts],
            [widths[index] for index in block],
            [flush[index] for index in block],
        )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _blocks(widths: Sequence[int], limit: int) -> List[List[int]]:
    """Return the numbers of the columns that stand beside each other, block by block."""
    blocks = [[0]]
    for index in range(1, len(widths)):
        if len(blocks[-1]) > 1 and _total([widths[i] for i in (*blocks[-1], index)]) > limit:
            blocks.append([0])
        blocks[-1].append(index)
    return blocks


def _lines(texts: List[List[str]], widths: Sequence[int], flush: Sequence[bool]) -> List[str]:
    lines = []
    for number, row in enumerate(texts):
        cells = [
            textwrap.wrap(cell, size, break_long_words=False, break_on_hyphens=number == 0)
            if len(cell) > size
            else [cell]
            for cell, size in zip(row, widths)
        ]
        height = max(map(len, cells))
        blank = [[""] * (height - len(cell)) for cell in cells]
        filled = [
            [*above, *cell] if number == 0 else [*cell, *above]  # heads stand at the bottom
            for above, cell in zip(blank, cells)
        ]
        for line in zip(*filled):
            padded = (
                text.rjust(size) if right else text.ljust(size)
                for text, size, right in zip(line, widths, flush)
            )
            lines.append((" " * GAP).join(padded).rstrip())
    return lines
