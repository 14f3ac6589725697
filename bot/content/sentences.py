"""A passage cut into what may be quoted by itself: a sentence, or a list, table or code as a whole.

A step says little without the step before it, so a list is never cut, and the sentence that leads
into it ("Do this:") belongs to it. Cuts are places in the passage's own text: nothing is rewritten.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.content.tables import is_row, read_out
from kb.markup import plain

Kind = Literal["sentence", "block", "table"]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of a passage: `start` and `end` (exclusive) in its Markdown text, and the plain text
    of that piece, which ends in its `rows` where it is a table."""

    start: int
    end: int
    text: str
    kind: Kind = "sentence"
    rows: tuple[str, ...] = ()


def units(markdown: str) -> tuple[Unit, ...]:
    """The pieces of a passage, in order; together they hold all of its words.

    >>> [unit.text for unit in units("Wait. Then:\\n\\n1. Open it.\\n2. Close it.")]
    ['Wait.', 'Then:\\n1. Open it.\\n2. Close it.']
    """
    found = [_unit(markdown, span, kind) for span, kind in _joined(_pieces(markdown), markdown)]
    return tuple(unit for unit in found if unit.text)


def _unit(markdown: str, span: Span, kind: Kind) -> Unit:
    raw = markdown[slice(*span)]
    start = span[0] + len(raw) - len(raw.lstrip())
    end = span[0] + len(raw.rstrip())
    if kind != "table":
        return Unit(start, end, plain(raw), kind)
    rows = read_out(raw)
    return Unit(start, end, "\n".join(filter(None, (lead(raw), *rows))), kind, rows)


def lead(markdown: str) -> str:
    """What leads into a table, as plain text."""
    return plain("\n".join(line for line in markdown.splitlines() if not is_row(line)))


# --- blocks --------------------------------------------------------------------------------------

_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_ITEM = re.compile(
    r"[ \t]*(?:[-*+•·]|\(?\d{1,2}[.)、）]|[a-z][.)]|[①-⑳]|步骤\s?\d+)(?=\s|[^\x00-\x7f])"
)
_INDENTED = re.compile(r"[ \t]{2,}\S")
_MARKUP = " \t\n*_"


def _pieces(markdown: str) -> Iterator[tuple[Span, Kind]]:
    """Lists, tables and code each as one piece, all else sentence by sentence."""
    for kind, (start, end) in _blocks(markdown):
        if kind == "sentence":
            yield from ((span, kind) for span in sentences(markdown, start, end))
        else:
            yield (start, end), kind


def _blocks(markdown: str) -> Iterator[tuple[Kind, Span]]:
    """Runs of lines of a like sort; a blank line ends a paragraph, but not a list."""
    last, start, end, fenced = "", 0, 0, False
    for line in _LINE.finditer(markdown):
        sort = "code" if fenced else _sort(line[0], last)
        if _FENCE.match(line[0]):
            sort, fenced = "code", not fenced
        if not line[0].strip() and last in ("list", "code"):
            continue  # part of it if more of it follows
        if sort != last or not sort:
            if last:
                yield _kind(last), (start, end)
            start = line.start()
        last, end = sort, line.end()
    if last:
        yield _kind(last), (start, end)


def _sort(line: str, last: str) -> str:
    if not line.strip():
        return ""
    if _ITEM.match(line) or (last == "list" and _INDENTED.match(line)):
        return "list"
    return "table" if is_row(line) else "text"


def _kind(sort: str) -> Kind:
    if sort == "table":
        return "table"
    return "sentence" if sort == "text" else "block"


def _joined(pieces: Iterator[tuple[Span, Kind]], text: str) -> list[tuple[Span, Kind]]:
    """A piece that ends in a colon is one with what it leads into."""
    found: list[tuple[Span, Kind]] = []
    for span, kind in pieces:
        if found and text[slice(*found[-1][0])].rstrip(_MARKUP).endswith((":", "：")):
            (start, _), _ = found.pop()
            found.append(((start, span[1]), kind))
        else:
            found.append((span, kind))
    return found


# --- sentences -----------------------------------------------------------------------------------

_CLOSING = "\"'”’)\\]*_」』）】》"
# A run of marks is tried once, from its first: a line of dots would take the square of its length.
_END = re.compile(rf"(?<![.!?…])[.!?…]++[{_CLOSING}]*+(?=\s)|[。！？]+[{_CLOSING}]*|\n[ \t]*\n")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|vs|no|mr|mrs|ms|dr|st|fig|inc|ltd|min|max)|\b[A-Za-z])\.\Z", re.I
)
_LONGEST_ABBREVIATED = len(" approx.")
_LOWER = re.compile(r"\s+[a-z]")


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Where the sentences of a text lie, English and Chinese; together they hold all of it.

    >>> text = "It costs 3.50 EUR, e.g. by card. 三天内到账。可以查询。"
    >>> [text[a:b].strip() for a, b in sentences(text)]
    ['It costs 3.50 EUR, e.g. by card.', '三天内到账。', '可以查询。']
    """
    end = len(text) if end is None else end
    found: list[Span] = []
    for mark in _END.finditer(text, start, end):
        if _ends(text, start, mark, end):
            found.append((start, mark.end()))
            start = mark.end()
    return [*found, (start, end)] if text[start:end].strip() else found


def _ends(text: str, start: int, mark: re.Match[str], end: int) -> bool:
    """Whether an end mark ends a sentence: not after "e.g.", nor before a small letter."""
    if mark[0][0] in "。！？\n":
        return bool(text[start : mark.start()].strip())
    if _LOWER.match(text, mark.end(), end):
        return False
    before = max(start, mark.end() - _LONGEST_ABBREVIATED)
    return not (mark[0] == "." and _ABBREVIATED.search(text, before, mark.end()))
