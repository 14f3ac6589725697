"""Rasa training data, YAML of version 2 and 3: NLU examples and stories, in a file or a project.

    nlu:      each example is a chat of one turn with its intent; `[Rome](city)` marks an entity
    stories:  each is a chat; its users' texts are turns, and so are actions whose response is known

Synonyms, lookup tables, regular expressions and rules say nothing a customer said and are left.
YAML cannot be read in pieces: a file is read whole, and may be up to 20 MiB.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import BotError
from bot.imports import Look
from bot.imports.source import Bad, Chat, Found, JsonObject, Source

LARGEST = 20 * 2**20
TEXTLESS = "step without a text"
_SUFFIXES = (".yml", ".yaml")
_MARKED = re.compile(r"\[([^\]\n]+)\](?:\(([^)\n]*)\)|(\{[^}\n]*\}))")
_TOP = re.compile(r"^(?:nlu|stories|responses):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    top: Mapping[str, Node]
    has_entities: bool


def recognises(look: Look) -> bool:
    """Whether it is, or has in it, YAML with examples or stories."""
    if look.path.is_dir():
        return any(_TOP.search(_text(path)) for path in _files(look.path))
    return look.suffix in _SUFFIXES and any(map(_TOP.match, look.lines))


def read(source: Source) -> Iterator[Found]:
    """The examples and then the stories of all files, numbered through."""
    files = [_file(path, source) for path in _files(source.path)]
    responses = {name: text for file in files for name, text in _responses(file)}
    number = 0
    for file in files:
        for place, chat in (*_examples(file, source), *_stories(file, source, responses)):
            if isinstance(chat, str):
                yield Bad(place, chat)
                continue
            number += 1
            yield Chat(place, {"id": source.numbered(number), "turns": chat})


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        raise BotError(
            f"{path}: is larger than {LARGEST >> 20} MiB, and YAML is read whole; split it"
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BotError(f"{path}:1: is not UTF-8 text; save it as UTF-8") from None


def _file(path: Path, source: Source) -> _File:
    text = _text(path)
    source.advance(path.stat().st_size)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        top = _mapping(yaml.compose(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BotError(f"{path}:{line}: is not valid YAML ({error.problem}); correct it") from None
    source.ignored.update(top.keys() & {"rules"})
    return _File(path, top, _MARKED.search(text) is not None)


def _mapping(node: Node | None) -> dict[str, Node]:
    if not isinstance(node, MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, ScalarNode)}


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _scalar(node: Node | None) -> str:
    return str(node.value).strip() if isinstance(node, ScalarNode) else ""


def _responses(file: _File) -> Iterator[tuple[str, str]]:
    for name, variations in _mapping(file.top.get("responses")).items():
        texts = (_scalar(_mapping(variation).get("text")) for variation in _items(variations))
        if text := next(filter(None, texts), ""):
            yield name, text


# --- examples ------------------------------------------------------------------------------------

Turns = list[JsonObject]


def _examples(file: _File, source: Source) -> Iterator[tuple[str, Turns | str]]:
    for node in _items(file.top.get("nlu")):
        group = _mapping(node)
        if "intent" not in group:
            source.ignored.update(f"nlu.{key}" for key in group.keys() - {"examples"})
            continue
        intent = _scalar(group["intent"])
        for line, text in _example_lines(group.get("examples")):
            turn = _marked(text, file.has_entities)
            place = f"{file.path}:{line}"
            if isinstance(turn, str):
                yield place, turn
            else:
                yield place, [{"speaker": "customer", **turn, "intents": [intent]}]


def _example_lines(node: Node | None) -> Iterator[tuple[int, str]]:
    """(line, text) of the examples, written as one text with a dash a line or as a list."""
    if isinstance(node, ScalarNode):
        first = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
        for number, line in enumerate(node.value.split("\n"), first):
            if text := line.strip().removeprefix("-").strip():
                yield number, text
    for item in _items(node):
        text_node = _mapping(item).get("text", item)
        yield item.start_mark.line + 1, _scalar(text_node).removeprefix("- ")


def _marked(text: str, has_entities: bool) -> JsonObject | str:
    """The text without its marks and the entities that they marked; a text says what is wrong.

    >>> _marked("to [Rome](city)", True)
    {'text': 'to Rome', 'entities': [{'start': 3, 'end': 7, 'type': 'city'}]}
    """
    plain, entities, end = "", [], 0
    for mark in _MARKED.finditer(text):
        kind = _type(mark)
        if not kind:
            return f"{mark[0]} marks an entity without a type"
        plain += text[end : mark.start()]
        entities.append({"start": len(plain), "end": len(plain) + len(mark[1]), "type": kind})
        plain, end = plain + mark[1], mark.end()
    turn: JsonObject = {"text": plain + text[end:]}
    return {**turn, "entities": entities} if has_entities else turn


def _type(mark: re.Match[str]) -> str:
    """`(city)`, `(city:rome)` of version 1, or `{"entity": "city", "role": "to"}`."""
    if mark[2] is not None:
        return str(mark[2]).partition(":")[0].strip()
    try:
        return str(json.loads(mark[3]).get("entity", ""))
    except ValueError:
        return ""


# --- stories -------------------------------------------------------------------------------------


def _stories(
    file: _File, source: Source, responses: Mapping[str, str]
) -> Iterator[tuple[str, Turns | str]]:
    for node in _items(file.top.get("stories")):
        story = _mapping(node)
        place = f"{file.path}:{node.start_mark.line + 1}"
        turns = [
            _step(_mapping(step), source, responses, file.has_entities)
            for step in _items(story.get("steps"))
        ]
        fault = next((turn for turn in turns if isinstance(turn, str)), None)
        yield place, fault or [turn for turn in turns if isinstance(turn, dict)]


def _step(
    step: Mapping[str, Node], source: Source, responses: Mapping[str, str], has_entities: bool
) -> JsonObject | str | None:
    if "user" in step:
        turn = _marked(_scalar(step["user"]), has_entities)
        if isinstance(turn, str):
            return turn
        intent = _scalar(step.get("intent"))
        return {"speaker": "customer", **turn, **({"intents": [intent]} if intent else {})}
    if "bot" in step:
        return {"speaker": "agent", "text": _scalar(step["bot"])}
    action = _scalar(step.get("action"))
    if action in responses:
        return {"speaker": "agent", "text": responses[action], "template": action}
    if _speaks(step):
        source.drop(TEXTLESS)
    return None


def _speaks(step: Mapping[str, Node]) -> bool:
    keys: Sequence[str] = ("intent", "action", "or")
    return any(key in step for key in keys)
