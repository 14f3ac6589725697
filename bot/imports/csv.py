"""CSV or TSV with a header: a turn, a chat or a labelled text a row (`bot.imports.rows`).

The separator is the comma, semicolon, tab or bar that the header has most of.
"""

import csv
from collections.abc import Iterator

from bot.errors import BotError
from bot.imports import Look
from bot.imports.rows import chats_of, columns_of
from bot.imports.source import Bad, Found, JsonObject, Source, is_utf8, lines

_SEPARATORS = ",;\t|"


def recognises(look: Look) -> bool:
    """By its suffix alone: almost any text looks like CSV."""
    return look.suffix in (".csv", ".tsv", ".tab")


def read(source: Source) -> Iterator[Found]:
    """The chats of the table; a row that does not fit the header is bad."""
    yield from chats_of(source, rows(source), source.path.stat().st_size)


def rows(source: Source) -> Iterator[tuple[str, JsonObject | Bad]]:
    """(file:line, row by column) of the table. Raises BotError where no column is the text."""
    first = next((line for _, line in lines(source.path)), "")
    texts = (f"{line}\n" for _, line in lines(source.path, source.advance))
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(texts, delimiter=separator, strict=True)
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
    header = [cell.strip() for cell in cells]
    named = f"{source.path}:1: the columns are {', '.join(header)}"
    for ours, theirs in source.columns.items():
        if theirs and theirs not in header:
            raise BotError(f'{named}; "{theirs}", told for {ours}, is none of them; correct it')
    if "text" not in columns_of(header, source.columns).of:
        raise BotError(f"{named}; say which is the text: --columns text=…")
    return header


def _row(place: str, header: list[str], cells: list[str]) -> JsonObject | Bad:
    if len(cells) != len(header):
        return Bad(place, f"{len(cells)} cells where the header has {len(header)}")
    if not is_utf8("".join(cells)):
        return Bad(place, "not valid UTF-8")
    return dict(zip(header, cells, strict=True))
