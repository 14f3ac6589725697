"""What is known after a message: the values it states, checked, over those that have not expired.

Of several mentions of one thing that counts which is not denied: in "4412, not 4421" and in
"不是4421，是4412" it is 4412. A message that corrects ("sorry, I meant ...") means the mention that
differs from what is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING
from unicodedata import normalize

from bot.actions.validation import Check, Checked
from bot.decision import Ask, Reading
from bot.dialogue.short_answers import picked, words
from bot.state import State

if TYPE_CHECKING:
    from bot.workspace.settings import EntitySettings

MOST_LISTED = 9
"""Values of a list that may be chosen by their number."""
MOST_MENTIONS = 20
"""Mentions of one thing in a message that are looked at; each may cost a check."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known in a turn.

    `before` is what was known before the message, `stated` what the message gives and is accepted,
    `refused` what is wrong with what is not; `slots` is all that is known with the message, and
    `meanings` what its words mean, where they are understood.
    """

    before: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)


def known_after(
    state: State,
    text: str,
    reading: Reading,
    entities: Mapping[str, EntitySettings],
    now: float,
    check: Check,
) -> Known:
    """What is known once `text` was read at the time `now`, in seconds.

    A value that is refused or denied takes the known one with it: the customer means another.
    """
    before = unexpired(state, entities, now)
    stated, refused, gone = dict[str, str](), dict[str, str](), set[str]()
    for slot, mentions in _mentioned(state, text, reading, entities).items():
        checked = [(check(slot, mention.value), mention.denied) for mention in mentions]
        meant = _meant(checked, before.get(slot), corrects(text))
        if meant is None:
            gone |= {slot} if before.get(slot) in {found.value for found, _ in checked} else set()
        elif meant.complaint is None:
            stated[slot] = meant.value
        else:
            refused[slot] = meant.complaint
    gone |= refused.keys()
    kept = {slot: value for slot, value in before.items() if slot not in gone}
    meanings = {slot: value for slot, value in state.meanings.items() if slot not in stated}
    meanings |= {
        slot: value
        for slot, value in reading.values.items()
        if stated.get(slot) == reading.entities.get(slot)
    }
    return Known(before, stated, refused, kept | stated, meanings)


def unexpired(
    state: State, entities: Mapping[str, EntitySettings], now: float
) -> Mapping[str, str]:
    """The slots of a state that may still be used. No age is negative: time never goes back."""

    def is_fresh(slot: str) -> bool:
        entity = entities.get(slot)
        if entity is None or entity.expires_after_minutes is None:
            return True
        age = max(now, state.now) - state.filled_at.get(slot, now)
        return age <= 60 * entity.expires_after_minutes

    return {slot: value for slot, value in state.slots.items() if is_fresh(slot)}


# --- mentions ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mention:
    value: str
    denied: bool


def _mentioned(
    state: State, text: str, reading: Reading, entities: Mapping[str, EntitySettings]
) -> Mapping[str, list[_Mention]]:
    """The mentions of everything that was read, and of what was asked for."""
    pending = state.pending.slot if isinstance(state.pending, Ask) else ""
    found = {
        slot: _mentions(text, value, entities.get(slot)) for slot, value in reading.entities.items()
    }
    if pending in entities and pending not in found:
        asked = _mentions(text, None, entities[pending]) or _chosen(text, entities[pending].values)
        return {**found, pending: asked} if asked else found
    return found


def _mentions(text: str, read: str | None, entity: EntitySettings | None) -> list[_Mention]:
    """Those that the settings find, or else the one that was read."""
    plain = normalize("NFKC", text)
    found = list(islice(entity.mentions(text), MOST_MENTIONS)) if entity is not None else []
    if not found and read is not None:
        found = [(max(plain.find(normalize("NFKC", read)), 0), read)]
    return [_Mention(value, _is_denied(plain, start)) for start, value in found]


def _chosen(text: str, values: tuple[str, ...]) -> list[_Mention]:
    """The listed value that a message picks by its number, or by a part that only it has."""
    place = picked(words(text), values) if len(values) <= MOST_LISTED else None
    return [] if place is None else [_Mention(values[place], denied=False)]


def _meant(
    mentions: Iterable[tuple[Checked, bool]], known: str | None, correcting: bool
) -> Checked | None:
    """The first value that is not denied; in a correction what is new goes before what is known."""
    affirmed = [found for found, denied in mentions if not denied]
    if correcting:
        affirmed.sort(key=lambda found: found.value == known)
    return affirmed[0] if affirmed else None


_DENYING = re.compile(
    r"(?:\b(?:not|instead of|rather than)|n[’']t|不是|而不是|并非|而非|不要)\s*"
    r"(?:(?:the|a|an|my|for|from|with|order|size|number|no|#)\b\s*|订单号?|单号|号码|尺码|[号是:：#“\"'‘])*$",
    re.IGNORECASE,
)


def _is_denied(text: str, start: int) -> bool:
    return _DENYING.search(text[max(0, start - 40) : start]) is not None


# --- corrections ---------------------------------------------------------------------------------

_CORRECTING = re.compile(
    r"^\W*(?:no|nope|nah|not|wait|oops|whoops|sorry|actually|correction)\b"
    r"|\b(?:i mean|i meant|wrong|mistake|mistyped|typo|oops|whoops|correction|instead|rather"
    r"|actually|should (?:be|have been|say)|make (?:it|that)|change (?:it|that|the|my)|not)\b"
    r"|[说打写弄搞记输填看]错|错了|有误|更正|纠正|应该是|应为|我是说|我的意思|其实是|不对|而不是"
    r"|[改换]成|[改换]为|^\W*(?:不是|不|抱歉|不好意思|等等)",
    re.IGNORECASE,
)


def corrects(text: str) -> bool:
    """Whether a message sounds as if it took back what was said.

    >>> corrects("no, I meant TT-4412"), corrects("我说错了，是4412"), corrects("and TT-4412?")
    (True, True, False)
    """
    return _CORRECTING.search(text) is not None
