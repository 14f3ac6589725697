"""A chat as a value: who said what, in which order, and what was labelled about it.

    >>> chat = Conversation.model_validate(
    ...     {"id": 7, "turns": [{"speaker": "customer", "text": "Hi", "intent": "greet"}]}
    ... )
    >>> chat.id, chat.turns[0].intents
    ('7', ('greet',))

Keys that are `null` count as absent. Keys nobody knows are ignored here; `unknown_keys` lists
them, so that a reader can tell its user.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

Speaker = Literal["customer", "agent"]
Sentiment = Literal["negative", "neutral", "positive"]
OUT_OF_SCOPE = "oos"
"""The intent that marks what is outside the bot's business; no template ever answers it."""
SENTIMENTS: tuple[str, ...] = get_args(Sentiment)
SplitName = Literal["train", "validation", "test"]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

_SPLIT_NAMES = {"dev": "validation", "val": "validation", "valid": "validation"}


def _as_split(value: object) -> object:
    name = value.strip().lower() if isinstance(value, str) else value
    return _SPLIT_NAMES.get(name, name) if isinstance(name, str) else name


def _as_id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _present(data: object) -> object:
    """`data` without the keys whose value is null."""
    if not isinstance(data, Mapping):
        return data
    return {key: value for key, value in data.items() if value is not None}


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EntitySpan(_Value):
    """Characters `start` to `end` (exclusive) of a turn's text are an entity of this type."""

    start: Annotated[int, Field(ge=0, strict=True)]
    end: Annotated[int, Field(ge=1, strict=True)]
    type: Label


class Turn(_Value):
    """One message. `intents` may come as "intent" (one) or "intents" (a list), not both.

    `template` is the response template an agent used; `at` is when it was said (ISO 8601).
    `sentiment` is how a customer felt when saying it.
    The text may be empty: such a turn is kept in its chat and teaches nothing.
    """

    speaker: Speaker
    text: str
    intents: tuple[Label, ...] = ()
    entities: tuple[EntitySpan, ...] = ()
    sentiment: Sentiment | None = None
    template: Label | None = None
    at: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_intent_key(cls, data: object) -> object:
        data = _present(data)
        if not isinstance(data, dict) or "intent" not in data:
            return data
        if "intents" in data:
            raise ValueError('give "intent" or "intents", not both')
        intent = data.pop("intent")
        return {**data, "intents": (intent,)}

    @model_validator(mode="after")
    def _spans_inside_text(self) -> Self:
        for span in self.entities:
            if not span.start < span.end <= len(self.text):
                raise ValueError(
                    f"the entity span {span.start}-{span.end} is not inside the text, "
                    f"which has {len(self.text)} characters"
                )
        return self


class Conversation(_Value):
    """One chat, at least one turn long. `split` is set only where the file says so."""

    id: Annotated[Label, BeforeValidator(_as_id)]
    split: Annotated[SplitName | None, BeforeValidator(_as_split)] = None
    tags: tuple[str, ...] = ()
    turns: Annotated[tuple[Turn, ...], Field(min_length=1)]

    @property
    def has_entities(self) -> bool:
        """True where somebody marked entities: then a turn of it without any has none."""
        return any("entities" in turn.model_fields_set for turn in self.turns)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: object) -> object:
        return _present(data)


_CHAT_KEYS = frozenset(Conversation.model_fields)
_TURN_KEYS = frozenset(Turn.model_fields) | {"intent"}
_SPAN_KEYS = frozenset(EntitySpan.model_fields)


def unknown_keys(data: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a valid chat's JSON that are ignored, e.g. "lang" or "turns[].mood"."""
    yield from data.keys() - _CHAT_KEYS
    for turn in data["turns"]:
        yield from (f"turns[].{key}" for key in turn.keys() - _TURN_KEYS)
        for span in turn.get("entities") or ():
            yield from (f"turns[].entities[].{key}" for key in span.keys() - _SPAN_KEYS)


_PLAIN_WORDS = {
    "missing": "is missing",
    "model_type": "must be a JSON object",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "datetime_from_date_parsing": "must be an ISO 8601 date and time",
    "datetime_parsing": "must be an ISO 8601 date and time",
}


def first_fault(error: ValidationError) -> str:
    """The first fault of a chat in words: "turns[2].speaker must be 'customer' or 'agent'"."""
    fault = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    words = _PLAIN_WORDS.get(fault["type"], message)
    separator = " " if words.startswith(("must", "is ")) else ": "
    return f"{place.lstrip('.') or 'the line'}{separator}{words}"
