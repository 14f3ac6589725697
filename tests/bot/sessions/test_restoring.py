"""A state comes back as it was, every field of it, and a damaged one is refused."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

import bot.decision
import bot.state
from bot.decision import Answer, Ask, Cite, Clarify, Evidence, Scored, Summary, Thresholds
from bot.sessions.restoring import dumps, encoded, known, loads
from bot.state import TURNS_KEPT, Question, State, Suggestion, remember
from kb.passages import Passage
from kb.search import Hit

HIT = Hit(Passage(7, "returns", "退货", ("Boots",), "Thirty days.", "r.md:1"), 0.75, 0.7, 0.8)
EVIDENCE = Evidence(
    "intent-certain",
    (Scored("track", 0.9), Scored("cancel", 0.05)),
    (Scored("track", 0.7),),
    (HIT,),
    Thresholds(0.8, None, 0.6),
    {"order_id": "TT-1", "map": "not a map"},
)
ASK = Ask("order_id", "track", "Which order?", {"size": "M"}, EVIDENCE, attempt=1)
VECTOR = np.array([0.6, -0.8, np.finfo(np.float32).tiny], dtype=np.float32)

# A value other than the default for every field of a state. A new field wants one here: it shows
# that the field survives.
FULL: dict[str, Any] = {
    "slots": {"order_id": "TT-1", "尺码": "大"},
    "meanings": {"day": "2026-03-13"},
    "filled_at": {"order_id": 12.5},
    "confirmed": frozenset({"order_id", "size"}),
    "pending": Clarify(("track", "cancel"), EVIDENCE, wording=2),
    "interrupted": (ASK, ASK),
    "about": "track",
    "last": Cite((HIT,), EVIDENCE),
    "last_text": 'where is "TT-1"?\n🥐',
    "now": 1e9 + 0.25,
    "upset_streak": 2,
    "offered": True,
    "handed_over": True,
    "unknown_streak": 1,
    "uses": {"template track": 3, "passages": 1},
    "suggested": (Suggestion("Where is it?", "track"), Suggestion("Returns")),
    "asked": Question("how long?", VECTOR, "track"),
    "turns": (("customer", VECTOR), ("agent", -VECTOR)),
    "so_far": Summary(("hello",), {"size": "M"}, ("track",), ("returns",)),
}


def plain(value: Any) -> Any:
    """The value with vectors as bytes, so that it can be compared; what only explains, left out."""
    if isinstance(value, np.ndarray):
        return (value.dtype, value.tobytes())
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, Evidence):
        value = replace(value, templates=(), hits=())
    if is_dataclass(value):
        return type(value), {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return value


def default(field: Any) -> Any:
    return field.default if field.default is not MISSING else field.default_factory()


def test_every_field_of_a_state_comes_back() -> None:
    assert set(FULL) == {field.name for field in fields(State)}
    for field in fields(State):
        assert plain(FULL[field.name]) != plain(default(field)), field.name
    state = State(**FULL)
    assert plain(loads(dumps(state))) == plain(state)
    assert plain(loads(dumps(State()))) == plain(State())


@pytest.mark.parametrize("made", [*known().values()], ids=lambda made: made.__name__)
def test_every_value_of_a_dialogue_comes_back(made: type[Any]) -> None:
    """What any field of a state may ever hold, each of its fields set to something of its own."""
    whole = made(**{
        field.name: EVIDENCE if field.name == "evidence" else (f"<{field.name}>", place)
        for place, field in enumerate(fields(made))
        if field.init and (made.__name__, field.name) not in LEFT_OUT
    }, **{name: () for home, name in LEFT_OUT if home == made.__name__})  # fmt: skip
    assert plain(loads(dumps(State(last=whole))).last) == plain(whole)


LEFT_OUT = {("Evidence", "templates"), ("Evidence", "hits")}


def test_all_that_decisions_are_made_of_is_known() -> None:
    homes = (bot.decision, bot.state)
    made = {value for home in homes for value in vars(home).values() if is_dataclass(value)}
    assert made <= set(known().values())


@pytest.mark.parametrize("made", [*known().values()], ids=lambda made: made.__name__)
def test_what_its_fields_are_made_of_is_known_too(made: type[Any]) -> None:
    home = sys.modules[made.__module__]
    named = {name for one in fields(made) for name in re.findall(r"\b[A-Z]\w+", str(one.type))}
    for name in named - set(known()) - {"Mapping", "None", "Vector"}:
        alias = getattr(home, name)
        assert not is_dataclass(alias), name


def test_vectors_come_back_to_the_bit() -> None:
    state = State()
    rng = np.random.default_rng(7)
    for _ in range(TURNS_KEPT + 3):
        state = remember(state, "customer", rng.standard_normal(384, dtype=np.float32))
    again = loads(dumps(state))
    assert len(again.turns) == TURNS_KEPT
    assert all(
        np.array_equal(a, b) for (_, a), (_, b) in zip(state.turns, again.turns, strict=True)
    )


def test_scores_of_numpy_are_numbers() -> None:
    answer = Answer("track", {}, replace(EVIDENCE, intents=(Scored("a", np.float32(0.5)),)))  # type: ignore[arg-type]
    again = loads(dumps(State(last=answer))).last
    assert again is not None
    assert again.evidence.intents == (Scored("a", 0.5),)


def test_half_a_character_is_no_obstacle() -> None:
    assert loads(dumps(State(last_text="caf\udce9"))).last_text == "caf?"


def test_a_value_that_has_no_place_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"^object has no place in a saved state$"):
        encoded(State(last_text=object()))  # type: ignore[arg-type]


# --- states of another Frontdesk -----------------------------------------------------------------


def test_a_field_of_a_later_frontdesk_is_passed_over() -> None:
    saved = json.loads(dumps(State({"size": "M"})))
    saved["State"]["mood"] = {"map": {"colour": "blue"}}
    assert loads(json.dumps(saved)) == State({"size": "M"})


def test_a_field_that_an_earlier_frontdesk_did_not_write_has_its_default() -> None:
    saved = json.loads(dumps(State({"size": "M"}, upset_streak=2)))
    del saved["State"]["upset_streak"]
    assert loads(json.dumps(saved)) == State({"size": "M"})


def damaged() -> Iterator[str]:
    whole = dumps(State(**FULL))
    yield from ("", "{", "null", "[]", "{}", '{"State": 5}', '{"Unheard": {}}', '{"a": 1, "b": 2}')
    yield '{"Scored": {"name": "a", "score": 1}}'
    yield whole.replace('"Clarify"', '"Clarity"')
    yield whole.replace('"choices"', '"choice"')
    yield whole.replace('{"float32":"', '{"float32":"!')
    yield whole[:-5]


@pytest.mark.parametrize("text", [*damaged()])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no state of a conversation"):
        loads(text)
