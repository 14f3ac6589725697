"""CSV or TSV with a header: a turn, a chat or a labelled text a row (`bot.imports.rows`).

The separator is the comma, semicolon, tab or bar that the header has most of.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from bot.errors import BotError
from bot.imports import Look
from bot.imports.rows import chats_of, columns_of
from bot.imports.source import Bad, Found, JsonObject, Source, is_utf8, lines, text_lines

_SEPARATORS = ",;\t|"


def recognises(look: Look) -> bool:
    """By its suffix alone: almost any text looks like CSV."""
    return look.suffix in (".csv", ".tsv", ".tab")


def read(source: Source) -> Iterator[Found]:
    """The chats of the table; a row that does not fit the header is bad."""
    yield from chats_of(source, rows(source), source.path.stat().st_size)


def rows(source: Source) -> Iterator[tuple[str, JsonObject | Bad]]:
    """(file:line, row by column) of the table. Raises BotError where no column is the text."""
    first = next((line for _, line in lines(source.path, encoding=source.encoding)), "")
    texts = (f"{line}\n" for _, line in text_lines(source))
    told = re.fullmatch("sep=(.)", first)  # a line for Excel
    separator = told[1] if told else max(_SEPARATORS, key=first.count)
    reader = csv.reader(texts, delimiter=separator, strict=True)
    if told:
        next(reader)
    header: list[str] | None = None
    while True:
        place = f"{source.path}:{reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield place, Bad(place, f"not valid CSV ({error})")
            continue
        if cells is None:
            return
        if header is None:
            header = _header(source, cells)
        elif cells:
            yield place, _row(place, header, cells)


def _header(source: Source, cells: list[str]) -> list[str]:
    header = _unlike(cell.strip() for cell in cells)
    named = f"{source.path}:1: the columns are {', '.join(header)}"
    for ours, theirs in source.columns.items():
        if theirs and theirs not in header:
            raise BotError(f'{named}; "{theirs}", told for {ours}, is none of them; correct it')
    if "text" not in columns_of(header, source.columns).of:
        raise BotError(f"{named}; say which is the text: --columns text=…")
    return header


def _unlike(names: Iterable[str]) -> list[str]:
    """Column names without two that are the same, or one that is empty.

    >>> _unlike(["text", "", "text"])
    ['text', 'column 2', 'text (2)']
    """
    seen: Counter[str] = Counter()
    found = []
    for number, name in enumerate(names, 1):
        seen[name] += 1
        again = f"{name} ({seen[name]})" if seen[name] > 1 else name
        found.append(again if name else f"column {number}")
    return found


def _row(place: str, header: list[str], cells: list[str]) -> JsonObject | Bad:
    if len(cells) != len(header):
        return Bad(place, f"{len(cells)} cells where the header has {len(header)}")
    if not is_utf8("".join(cells)):
        return Bad(place, "not valid UTF-8")
    return dict(zip(header, cells, strict=True))
