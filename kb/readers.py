"""Files become articles; whatever cannot be read is one sentence with its file and line.

A reader yields good and bad alike, each with its place, so that a bad line in the middle hides
none after it: the caller chooses between stopping at the first and counting them.
"""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from kb.article import Article
from kb.errors import KBError
from kb.markup import first_heading, html_to_markdown, plain, split_front_matter

_Read = Iterator[tuple[str, Article | str]]
"""(`file:line`, the article found there or what is wrong there)."""


@dataclass(frozen=True, slots=True)
class Articles:
    """What a folder holds: the articles, why lines were left out, and files nobody reads."""

    articles: list[Article] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def read_articles(folder: Path, *, skip_bad: bool = False) -> Articles:
    """Every article below `folder` (or in one file), in the order of the paths.

    Reads .md .markdown .html .htm .txt .csv .jsonl; the names of other files are returned in
    `ignored`. Raises KBError naming `file:line` at the first bad file, line or repeated id;
    with `skip_bad` such sentences are collected in `bad` and reading goes on.
    """
    result = Articles()
    places: dict[str, str] = {}
    for place, found in _read_all(folder, result.ignored):
        if isinstance(found, Article) and found.id in places:
            first = places[found.id]
            found = f"the article id {found.id!r} is already used at {first}; give one another id"
        if isinstance(found, Article):
            places[found.id] = place
            result.articles.append(found)
        elif skip_bad:
            result.bad.append(f"{place}: {found}.")
        else:
            raise KBError(f"{place}: {found}.")
    return result


def _read_all(folder: Path, ignored: list[str]) -> _Read:
    if not folder.exists():
        raise KBError(f"{folder}: there is no such folder; put the articles there.")
    for path in sorted([folder] if folder.is_file() else folder.rglob("*")):
        name = Path(path.name) if path == folder else path.relative_to(folder)
        if not path.is_file() or any(part.startswith((".", "~$")) for part in name.parts):
            continue
        if read := _READERS.get(path.suffix.casefold()):
            try:
                yield from read(path, name.with_suffix("").as_posix())
            except OSError as error:
                yield str(path), f"the file cannot be read ({error.strerror})"
        else:
            ignored.append(name.as_posix())


# One file, one article


def _decode(data: bytes) -> str:
    """UTF-8 text, with or without a byte order mark; ValueError says what the bytes are instead."""
    if b"\0" in data:
        raise ValueError("this is not text (it holds a zero byte); save it as UTF-8 text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"byte {error.start} (line {line}) is not UTF-8 text; save the file as UTF-8"
        ) from None


def _one_article(
    convert: Callable[[str, str], tuple[str, str, str]],
) -> Callable[[Path, str], _Read]:
    """A reader of files that hold one article; `convert` gives (title, text, url)."""

    def read(path: Path, name: str) -> _Read:
        place = f"{path}:1"
        fallback = re.sub(r"[-_\s]+", " ", name.rsplit("/", 1)[-1]).strip().capitalize()
        try:
            title, text, url = convert(_decode(path.read_bytes()), fallback)
        except ValueError as error:
            yield place, str(error)
            return
        if text.strip():
            yield place, Article(name, title, text.strip(), url or place)
        else:
            yield place, "the article is empty; write it, or remove the file"

    return read


def _markdown(content: str, fallback: str) -> tuple[str, str, str]:
    header, body = split_front_matter(content)
    fields = _front_matter(header)
    title = str(fields.get("title") or "").strip() or first_heading(body) or fallback
    return title, body, str(fields.get("url") or "")


def _front_matter(header: str) -> Mapping[str, object]:
    import yaml

    try:
        fields = yaml.safe_load(header)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" (line {mark.line + 2})" if mark else ""
        raise ValueError(
            f"the front matter{at} is not YAML; put values that hold a colon in quotes"
        ) from None
    return fields if isinstance(fields, dict) else {}


def _html(content: str, fallback: str) -> tuple[str, str, str]:
    page = html_to_markdown(content)
    return first_heading(page.text) or page.title or fallback, page.text, ""


def _text(content: str, fallback: str) -> tuple[str, str, str]:
    return fallback, content, ""


# One file, many articles


def _jsonl(path: Path, name: str) -> _Read:
    unnamed: dict[str, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield f"{path}:{number}", _json_record(line, f"{path}:{number}", name, unnamed)


def _json_record(line: bytes, place: str, name: str, unnamed: dict[str, int]) -> Article | str:
    try:
        fields = json.loads(_decode(line))
    except json.JSONDecodeError as error:
        return f"this line is not JSON ({error.msg} at column {error.colno})"
    except (ValueError, RecursionError) as error:
        return str(error)
    if not isinstance(fields, dict):
        return "this line is not a JSON object; write one article a line in braces"
    return _record(fields, place, name, unnamed)


def _csv(path: Path, name: str) -> _Read:
    csv.field_size_limit(sys.maxsize)  # articles are longer than the default 131,072 characters
    unnamed: dict[str, int] = {}
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        delimiter = max(",;\t", key=file.readline().count)
        file.seek(0)
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            place = f"{path}:{rows.line_num + 1}"
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield place, f"this row is not CSV ({error})"
                continue
            if row is None:
                return
            if header is None:
                header = [column.strip().casefold() for column in row]
            elif any(cell.strip() for cell in row):
                yield place, _csv_record(header, row, place, name, unnamed)


def _csv_record(
    header: list[str], row: list[str], place: str, name: str, unnamed: dict[str, int]
) -> Article | str:
    if any("\ud800" <= char <= "\udfff" or char == "\0" for cell in row for char in cell):
        return "this row is not UTF-8 text; save the file as UTF-8"
    if len(row) > len(header):
        return (
            f"this row has {len(row)} cells under {len(header)} headings; "
            "put a cell that holds a comma in double quotes"
        )
    return _record(dict(zip(header, row, strict=False)), place, name, unnamed)


_FORMS = (("question", "answer"), ("title", "text"))


def _record(
    fields: Mapping[str, object], place: str, name: str, unnamed: dict[str, int]
) -> Article | str:
    """An article from a record's fields, or what is wrong with them."""
    form = next((form for form in _FORMS if all(key in fields for key in form)), None)
    if form is None:
        return 'an article needs "question" and "answer", or "title" and "text"'
    for key in (*form, "url"):
        value = fields.get(key)
        if not isinstance(value, str) and (key != "url" or value is not None):
            return f'"{key}" must be text, not {json.dumps(value, default=str)[:40]}'
        if key != "url" and not str(value).strip():
            return f'"{key}" is empty'
    title, text = (str(fields[key]).strip() for key in form)
    given = fields.get("id")
    if isinstance(given, bool) or not isinstance(given, str | int | None):
        return f'"id" must be text or a whole number, not {json.dumps(given, default=str)[:40]}'
    id_ = str("" if given is None else given).strip() or _made_up_id(name, title, unnamed)
    source = str(fields.get("url") or "").strip() or place
    return Article(id_, plain(title) or title, text, source, faq=form[0] == "question")


def _made_up_id(name: str, title: str, unnamed: dict[str, int]) -> str:
    """An id that outlives moved lines: the file and a digest of the title, numbered on repeats."""
    id_ = f"{name}#{sha256(title.encode()).hexdigest()[:8]}"
    unnamed[id_] = unnamed.get(id_, 0) + 1
    return id_ if unnamed[id_] == 1 else f"{id_}-{unnamed[id_]}"


_READERS: Mapping[str, Callable[[Path, str], _Read]] = {
    ".md": _one_article(_markdown),
    ".markdown": _one_article(_markdown),
    ".html": _one_article(_html),
    ".htm": _one_article(_html),
    ".txt": _one_article(_text),
    ".csv": _csv,
    ".jsonl": _jsonl,
}
