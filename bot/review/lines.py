"""The review through a pipe: a message a line out, the same lines with their intents in."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bot.errors import BotError
from bot.review.items import Item
from bot.review.kept import Answer

Place = tuple[str, int]


def line_of(item: Item) -> dict[str, Any]:
    """A message as `review --json` lists it (docs/json.md); `intent` is for the answer."""
    asked = item.asked
    return {
        "conversation": asked.conversation,
        "turn": asked.turn,
        "message": asked.message,
        "intent": None,
        "before": [{"speaker": speaker, "text": text} for speaker, text in item.before],
        "did": asked.did,
        "rule": asked.rule,
        "margin": asked.margin,
        "readings": [{"name": found.name, "score": found.score} for found in asked.intents],
    }


@dataclass(slots=True)
class Lines:
    """What a file of answers says: `answers`, how many lines had none, and "file:line: why" of the
    bad ones that were skipped."""

    answers: list[Answer] = field(default_factory=list)
    open: int = 0
    bad: list[str] = field(default_factory=list)


def read_lines(
    path: Path, items: Iterable[Item], intents: Collection[str], *, skip_bad: bool = False
) -> Lines:
    """Read the answers to messages. A line is a JSON object with `conversation`, `turn`, `intent`
    and perhaps `message`, which must then be the same, and `new`: true for an intent that is new.

    Raises:
        BotError: the file cannot be read, or unless `skip_bad` a line of it is bad.
    """
    found, places = Lines(), {(item.asked.conversation, item.asked.turn): item for item in items}
    known = set(intents)
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            answer = _answer(line, places, known)
        except ValueError as error:
            fault = f"{path}:{number}: {error}"
            if not skip_bad:
                raise BotError(f"{fault}; mend it, or leave it out with --skip-bad") from None
            found.bad.append(fault)
            continue
        if answer is None:
            found.open += 1
        else:
            found.answers.append(answer)
    return found


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError:
        raise BotError(f"{path} is not valid UTF-8; save it as UTF-8") from None


def _answer(line: str, places: Mapping[Place, Item], known: set[str]) -> Answer | None:
    """The answer of a line, None where it has none; ValueError says in words what is wrong."""
    data = _object(line)
    item = _item(data, places)
    intent = data.get("intent")
    if intent is None:
        return None
    if not isinstance(intent, str) or not intent.strip():
        raise ValueError("intent must be the name of one, or null")
    intent = intent.strip()
    if data.get("new") is True:
        known.add(intent)
    if intent not in known:
        near = get_close_matches(intent, known, n=1)
        guess = f"; did you mean {near[0]}?" if near else ";"
        raise ValueError(f'there is no intent {intent}{guess} a new one needs "new": true')
    return item, intent


def _object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not valid JSON ({error})") from None
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    return data


def _item(data: Mapping[str, Any], places: Mapping[Place, Item]) -> Item:
    conversation, turn = data.get("conversation"), data.get("turn")
    if not isinstance(conversation, str) or type(turn) is not int:
        raise ValueError("conversation must be a text and turn a whole number")
    item = places.get((conversation, turn))
    if item is None:
        raise ValueError(f"no turn {turn} of {conversation} is there to review")
    if data.get("message", item.asked.message) != item.asked.message:
        raise ValueError(f"turn {turn} of {conversation} is another message")
    return item
