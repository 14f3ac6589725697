"""The turns as the page carries them: columns for the table, and the evidence in blocks.

The table needs a few short values of every turn at once. The evidence is a hundred times as much
and is wanted one turn at a time, so it lies in blocks of BLOCK turns that are unpacked when one of
them is opened. Both are JSON, deflated (RFC 1950), in base64.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.replay import Turn
from bot.replay.compare import change_of

BLOCK = 500
LONGEST = 1000
"""Characters of a message in the table; the evidence has it whole."""
PRINTED = 40
"""Turns that are on paper, and on the screen where no script runs."""

Pair = tuple[Turn, Turn | None]
"""A turn, and the same turn as the replay that is compared with answered it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The table's columns and its blocks of evidence as text without any markup; how many turns
    there are, of one chat in `every`; the first PRINTED of them."""

    columns: str
    blocks: tuple[str, ...]
    turns: int
    every: int
    first: tuple[Pair, ...]


@dataclass(slots=True)
class _Coded:
    """A column of few values: the values, and the number of its value for each turn."""

    places: dict[str, int] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)

    def add(self, value: str | None) -> None:
        self.codes.append(self.places.setdefault(value or "", len(self.places)))

    def as_json(self) -> dict[str, Any]:
        return {"names": list(self.places), "codes": self.codes}


_CODED: Mapping[str, Callable[[Turn], str | None]] = {
    "conversation": lambda turn: turn.conversation,
    "kind": lambda turn: turn.kind,
    "template": lambda turn: turn.template,
    "intent": lambda turn: turn.intent,
    "gold": lambda turn: ", ".join(turn.gold),
    "verdict": lambda turn: turn.verdict,
    "act": lambda turn: turn.act,
    "seen": lambda turn: turn.seen,
}
_CODED_BEFORE = ("kind", "template", "intent")


def packed(pairs: Iterable[Pair], every: int, about: Mapping[str, Any]) -> Packed:
    """Pack turns that come in order; `about` goes with the columns."""
    coded: dict[str, _Coded] = {}
    plain: dict[str, list[Any]] = {"turn": [], "message": [], "confidence": []}
    blocks, waiting, first = list[str](), list[dict[str, Any]](), list[Pair]()
    for turn, before in pairs:
        if len(first) < PRINTED:
            first.append((turn, before))
        for name, value in _short(turn, before):
            coded.setdefault(name, _Coded()).add(value)
        plain["turn"].append(turn.turn)
        plain["message"].append(turn.message[:LONGEST])
        plain["confidence"].append(None if turn.confidence is None else round(turn.confidence, 4))
        waiting.append(_evidence(turn, before))
        if len(waiting) == BLOCK:
            blocks.append(deflated(waiting))
            waiting = []
    if waiting:
        blocks.append(deflated(waiting))
    columns = {"coded": {name: column.as_json() for name, column in coded.items()}, **plain}
    text = deflated({**about, "block": BLOCK, **columns})
    return Packed(text, tuple(blocks), len(plain["turn"]), every, tuple(first))


def deflated(value: Any) -> str:
    """A JSON value as deflated text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"))).decode("ascii")


def _short(turn: Turn, before: Turn | None) -> Iterator[tuple[str, str | None]]:
    for name, value in _CODED.items():
        yield name, value(turn)
    if before is not None:
        yield "change", change_of(before, turn)
        for name in _CODED_BEFORE:
            yield f"{name}_before", _CODED[name](before)


def _evidence(turn: Turn, before: Turn | None) -> dict[str, Any]:
    """What is shown of a turn that is opened; nothing that the columns have."""
    whole = {"message": turn.message} if len(turn.message) > LONGEST else {}
    agent = {
        "agent_reply": turn.agent_reply,
        "agent_template": turn.agent_template,
        "rank": turn.rank,
        "candidates": turn.candidates,
    }
    known = {name: value for name, value in agent.items() if value is not None}
    other = {} if before is None else {"before": _answer(before) | _side(before)}
    return {**whole, **known, **_answer(turn), **other}


def _answer(turn: Turn) -> dict[str, Any]:
    evidence = {
        name: value
        for name, value in turn.evidence.items()
        if name not in ("rule", "runner_up", "margin", "reason")  # those are in the rest
    }
    return {
        "rule": turn.rule,
        "reason": turn.reason,
        "reply": turn.reply,
        "similarity": turn.similarity,
        "cited": [str(cited["passage"]) for cited in turn.citations],
        "ms": round(turn.ms, 2),
        **_rounded(evidence),
    }


def _side(turn: Turn) -> dict[str, Any]:
    return {
        "kind": turn.kind,
        "template": turn.template,
        "intent": turn.intent,
        "confidence": turn.confidence,
        "verdict": turn.verdict,
    }


def _rounded(value: Any) -> Any:
    """Four digits are more than is shown, and less to carry. Numbers of passages are longer than a
    script can count, so they become text."""
    if isinstance(value, dict):
        return {
            name: str(each) if name == "passage" and isinstance(each, int) else _rounded(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value
