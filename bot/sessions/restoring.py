"""A conversation's state as JSON, and back: what the log keeps so that a chat can go on tomorrow.

Every field of every value is written, but for what only explains a past decision, so that a new
one needs nothing here. Each comes back equal to what it was, vectors to the bit. An object holds
one thing, under the name of its kind:

    {"Ask": {"slot": "order_id", ...}}    a dataclass, field by field
    {"map": {"order_id": "TT-1"}}         a mapping
    {"set": ["order_id"]}                 a set
    {"float32": "AACAPw=="}               a vector, little-endian, in base64
    [1, "two"]                            a tuple

A field that this Frontdesk does not know is passed over, and one that an earlier Frontdesk did not
write has its default: a state outlives an update.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from bot.state import State
from bot.storage.database import storable

_LITTLE = np.dtype("<f4")
_LEFT_OUT = {("Evidence", "templates"), ("Evidence", "hits")}
"""What only explains a decision, at length, and is in the log beside it."""


def dumps(state: State) -> str:
    """The state as one line of JSON. Raises TypeError for a value that has no place there."""
    written = json.dumps(encoded(state), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return storable(written)


def loads(text: str) -> State:
    """The state that `dumps` wrote. Raises ValueError where the text is none."""
    try:
        state = decoded(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no state of a conversation: {error}") from error
    if not isinstance(state, State):
        raise ValueError(f"no state of a conversation but {type(state).__name__}")
    return state


def encoded(value: Any) -> Any:
    """A value of a state as plain JSON values."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple() | list():
            return [encoded(part) for part in value]
        case frozenset():
            return {"set": sorted(encoded(part) for part in value)}
        case Mapping():
            return {"map": {str(name): encoded(part) for name, part in value.items()}}
        case np.ndarray():
            return {"float32": b64encode(value.astype(_LITTLE).tobytes()).decode("ascii")}
        case np.generic():
            return value.item()
    name = type(value).__name__
    if known().get(name) is not type(value):
        raise TypeError(f"{name} has no place in a saved state")
    return {name: {part: encoded(getattr(value, part)) for part in _kept(name)}}


@cache
def _kept(name: str) -> tuple[str, ...]:
    """The fields of a dataclass that are written."""
    return tuple(one.name for one in fields(known()[name]) if (name, one.name) not in _LEFT_OUT)


def decoded(value: Any) -> Any:
    """The value that `encoded` made plain."""
    if isinstance(value, list):
        return tuple(decoded(part) for part in value)
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "float32":
        return np.frombuffer(b64decode(content, validate=True), _LITTLE).astype(np.float32)
    if kind == "set":
        return frozenset(decoded(part) for part in content)
    parts = {name: decoded(part) for name, part in content.items()}
    if kind == "map":
        return parts
    made = known()[kind]
    names = {field.name for field in fields(made) if field.init}
    return made(**{name: part for name, part in parts.items() if name in names})


@cache
def known() -> Mapping[str, type[Any]]:
    """What a state may be made of, by name: the values of the dialogue, and hits of the search."""
    import bot.decision
    import bot.state
    from kb.passages import Passage
    from kb.search import Hit

    homes = (bot.state, bot.decision)
    found = [Hit, Passage, *(made for home in homes for made in _dataclasses(home))]
    return {made.__name__: made for made in found}


def _dataclasses(home: ModuleType) -> list[type[Any]]:
    return [
        found
        for found in vars(home).values()
        if isinstance(found, type) and is_dataclass(found) and found.__module__ == home.__name__
    ]
