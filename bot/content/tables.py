"""A table of an article as it is read in a reply: a line a row, each cell with its heading.

    | Item | A day | Deposit |
    |---|---|---|
    | Tent | EUR 12 | EUR 100 |        - Item: Tent · A day: EUR 12 · Deposit: EUR 100

Such a line says the same at any width, in a pipe and by itself, so of a long table the rows that
the question names can stand alone. Every cell keeps the article's own words.
"""

import re
from collections.abc import Sequence
from itertools import zip_longest

from bot.scripts import HAN
from kb.markup import plain

_EDGE = re.compile(r"^[ \t]*\||(?<!\\)\|[ \t]*$")
_BETWEEN = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[ \t]*+\|?[ \t]*+:?-++[-:| \t]*+")
_HAN = re.compile(HAN)


def is_row(line: str) -> bool:
    """Whether a line of Markdown looks like a table's."""
    return line.count("|") > 1


def read_out(markdown: str) -> tuple[str, ...]:
    """The rows of a table, each as a line.

    >>> read_out("| | Mill Yard |\\n|---|---|\\n| Toilet | yes |")
    ('- Toilet · Mill Yard: yes',)
    """
    lines = [line for line in markdown.splitlines() if is_row(line)]
    ruled = len(lines) > 2 and _RULE.fullmatch(lines[1])
    head = _cells(lines[0]) if ruled else []
    rows = lines[2:] if ruled else [line for line in lines if not _RULE.fullmatch(line)]
    return tuple(filter(None, (_line(head, _cells(row)) for row in rows)))


def _cells(line: str) -> list[str]:
    inner = _EDGE.sub("", line.strip())
    return [" ".join(plain(cell).split()) for cell in _BETWEEN.split(inner)]


def _line(head: Sequence[str], cells: Sequence[str]) -> str:
    named = " · ".join(_named(h, c) for h, c in zip_longest(head, cells, fillvalue="") if c)
    return named and f"- {named}"


def _named(heading: str, cell: str) -> str:
    if not heading:
        return cell
    return f"{heading}：{cell}" if _HAN.search(heading) else f"{heading}: {cell}"
