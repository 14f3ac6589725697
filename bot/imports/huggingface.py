"""A Hugging Face dataset on disk: what `save_to_disk` wrote, or the files of a dataset repository.

Arrow and Parquet need pyarrow (`pip install frontdesk[importing]`); CSV and JSON files do not. The
rows are those of `bot.imports.rows`; class numbers become their names. A file is of the split that
its folder or its name begins with.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.errors import BotError
from bot.imports import Look, csv
from bot.imports.rows import chats_of
from bot.imports.source import Bad, Found, JsonObject, Source, json_records, opened

_MARKERS = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
_COLUMNAR = (".parquet", ".arrow")
_TEXTUAL = (".csv", ".tsv", ".json", ".jsonl")
_SPLIT = re.compile(r"(train|test|validation|valid|val|dev)(?:[-_.]|$)")
_UNPACKED = 8  # columnar files are compressed: so many bytes of text are taken for each
_ROWS = 256

Rows = Iterator[tuple[str, JsonObject | Bad]]
Names = Mapping[str, list[str]]
"""The names of a column's classes, by their number."""


def recognises(look: Look) -> bool:
    """Whether it is a folder with a dataset's files, or a columnar file."""
    if look.path.is_dir():
        files = list(look.path.rglob("*"))
        return any(
            file.name in _MARKERS
            or file.suffix in _COLUMNAR
            or (file.suffix in _TEXTUAL and _SPLIT.match(file.name))
            for file in files
        )
    return look.suffix in _COLUMNAR


def read(source: Source) -> Iterator[Found]:
    """The chats of all splits, the split with each."""
    files = _files(source.path)
    if not files:
        raise BotError(f"{source.path}: has no data file; it should have {', '.join(_COLUMNAR)}")
    names = _class_names(source.path)
    sizes = sum(file.stat().st_size * (_UNPACKED if _is_columnar(file) else 1) for file in files)
    rows = (row for file in files for row in _rows(source, file, names))
    yield from chats_of(source, rows, sizes)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in (*_COLUMNAR, *_TEXTUAL)
        and file.name not in _MARKERS
        and not file.name.startswith((".", "cache-"))
    )


def _is_columnar(file: Path) -> bool:
    return file.suffix.lower() in _COLUMNAR


def _class_names(folder: Path) -> Names:
    """The class names that the dataset's description has, by column."""
    found: dict[str, list[str]] = {}
    for file in (file for name in _MARKERS[:2] for file in sorted(folder.rglob(name))):
        try:
            described = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BotError(f"{file}: is not valid JSON ({error}); mend it") from None
        found.update(_names_in(described))
    return found


def _names_in(described: Any) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(described, dict):
        return
    features = described.get("features")
    if not isinstance(features, dict):
        for inner in described.values():
            yield from _names_in(inner)
        return
    for column, feature in features.items():
        for one in (feature, feature.get("feature")) if isinstance(feature, dict) else ():
            if isinstance(one, dict) and isinstance(one.get("names"), list):
                yield column, one["names"]


def _rows(source: Source, file: Path, names: Names) -> Rows:
    split = _split_of(source.path, file)
    table, described = _table(replace(source, path=file))
    for place, row in table:
        if isinstance(row, dict):
            _name_classes(row, {**names, **described})
            if split:
                row = {"split": split, **row, **_unlike_others(row, split)}
        yield place, row


def _split_of(root: Path, file: Path) -> str | None:
    parts = file.relative_to(root).parts if root.is_dir() else (file.name,)
    found = (match[1] for part in reversed(parts) if (match := _SPLIT.match(part.lower())))
    return next(found, None)


def _unlike_others(row: JsonObject, split: str) -> JsonObject:
    """Each split numbers its rows anew."""
    return {"id": f"{split}-{row['id']}"} if isinstance(row.get("id"), int) else {}


def _name_classes(row: JsonObject, names: Names) -> None:
    for column, known in names.items():
        value = row.get(column)
        if isinstance(value, list):
            row[column] = [_named(one, known) for one in value]
        elif value is not None:
            row[column] = _named(value, known)


def _named(value: Any, known: list[str]) -> Any:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(number, int):
        return value
    return known[number] if 0 <= number < len(known) else None


def _table(source: Source) -> tuple[Rows, Names]:
    if source.path.suffix.lower() in (".csv", ".tsv"):
        return csv.rows(source), {}
    if not _is_columnar(source.path):
        return json_records(source, "data", "rows"), {}
    return _columnar(source)


def _columnar(source: Source) -> tuple[Rows, Names]:
    try:
        import pyarrow
    except ImportError:
        raise BotError(
            f"{source.path}: to read it pyarrow is needed; run `pip install frontdesk[importing]`"
        ) from None
    opener = _parquet if source.path.suffix.lower() == ".parquet" else _arrow
    try:
        schema, batches = opener(source)
    except pyarrow.ArrowException as error:
        what = str(error).partition("\n")[0]
        raise BotError(f"{source.path}: cannot be read ({what}); save it again") from error
    described = (schema.metadata or {}).get(b"huggingface", b"{}")
    return _numbered(source.path, batches), dict(_names_in(json.loads(described)))


def _numbered(path: Path, batches: Callable[[], Iterator[Any]]) -> Rows:
    number = 0
    for batch in batches():
        for start in range(0, batch.num_rows, _ROWS):
            for row in batch.slice(start, _ROWS).to_pylist():
                number += 1
                yield f"{path}: row {number}", row


def _arrow(source: Source) -> tuple[Any, Callable[[], Iterator[Any]]]:
    """The stream format, which `save_to_disk` writes, or else the file format."""
    import pyarrow

    try:
        stream = pyarrow.ipc.open_stream(opened(source.path, source.advance))
    except pyarrow.ArrowInvalid:
        file = pyarrow.ipc.open_file(opened(source.path, source.advance))
        return file.schema, lambda: map(file.get_batch, range(file.num_record_batches))
    return stream.schema, lambda: iter(stream)


def _parquet(source: Source) -> tuple[Any, Callable[[], Iterator[Any]]]:
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(source.path)

    def batches() -> Iterator[Any]:
        yield from file.iter_batches(_ROWS)
        source.advance(source.path.stat().st_size)

    return file.schema_arrow, batches
