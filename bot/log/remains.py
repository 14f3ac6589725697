"""Files of a workspace in which words stand that were erased from its log.

Transcripts, what a trained version remembers, and the history of the terminal are the owner's: they
are named, never rewritten. A text is known when it is the whole of a message there, as it was
written or masked; one of under four characters, or of nothing but what was masked, names nobody and
is not looked for.
"""

import csv
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.log.erasure import Doomed, session_of
from bot.privacy import Privacy

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.workspace import Workspace

SHORTEST = 4
_FILES = (
    ".history",
    "questions.jsonl",
    "followups.jsonl",
    "chats/*.jsonl",
    "chats/*.csv",
    "models/*/memory.jsonl",
    "models/*/predictions.json",
    "models/*/report.html",
)


@dataclass(frozen=True, slots=True)
class Remains:
    """A file, how often erased words stand in it, and what rids it of them."""

    file: str
    count: int
    remedy: str


def remains(
    workspace: "Workspace", doomed: Doomed, progress: "Progress | None" = None
) -> list[Remains]:
    """Where the words of erased sessions still stand."""
    privacy = Privacy(workspace.settings.personal_patterns())
    wanted = _wanted(doomed.texts, privacy)

    def stands(text: str) -> bool:
        return text in wanted or privacy.text(text) in wanted or session_of(text) in doomed.sessions

    files = [path for pattern in _FILES for path in sorted(workspace.root.glob(pattern))]
    found = []
    for done, path in enumerate(files, start=1):
        count = sum(map(stands, _READERS[path.suffix](path)))
        if count:
            found.append(Remains(str(path), count, _remedy(path)))
        if progress:
            progress("look for remains", done, len(files))
    return found


def _wanted(texts: Iterable[str], privacy: Privacy) -> set[str]:
    """The texts and what masking makes of them; of several lines, each too, as a history has it."""
    whole = {form for text in texts for form in (text, privacy.text(text))}
    lines = {line for text in whole for line in text.split("\n")}
    stripped = {text.strip() for text in whole | lines}
    return {text for text in stripped if len(text) >= SHORTEST and not _MASKED.fullmatch(text)}


_MASKED = re.compile(r"(?:\[\w+\]\W*)+")


def _remedy(path: Path) -> str:
    if path.parent.parent.name == "models":
        version = path.parent.name
        return (
            "delete the lines from the chats, run `frontdesk finetune --fresh`, and delete the"
            f" folder of {version}"
        )
    if path.name == ".history":
        return "delete the lines, or the file: it only recalls what was typed at the terminal"
    return "delete the lines, then run `frontdesk finetune --fresh` if it was trained on"


# Each gives the texts of a file that could be a message or the name of a chat, stripped.


def _of_jsonl(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            yield from _of_json_text(line)


def _of_json(path: Path) -> Iterator[str]:
    return _of_json_text(path.read_text(encoding="utf-8", errors="replace"))


def _of_json_text(text: str) -> Iterator[str]:
    try:
        return _strings(json.loads(text))
    except ValueError:  # no JSON: then whatever is between quotes
        return (part.strip() for part in text.split('"'))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _of_csv(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.reader(file):
            yield from (cell.strip() for cell in row)


def _of_html(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return (html.unescape(part).strip() for part in re.split(r'[<>"]|&quot;', text))


def _of_history(path: Path) -> Iterator[str]:
    """A line of a message begins with a plus sign there."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            yield line.removeprefix("+").strip()


_READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    ".jsonl": _of_jsonl,
    ".json": _of_json,
    ".csv": _of_csv,
    ".html": _of_html,
    "": _of_history,  # .history has no suffix
}
