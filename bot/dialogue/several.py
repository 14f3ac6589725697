"""Two requests in one message: where it falls apart, and what is decided on the parts.

A message is split where the customer says that something else follows ("and also", "另外"); each
part is then read like a message of its own, all parts in one pass. A part that is neither certain
nor found is said to be not understood; where no part is, the message counts as one.

The share of the likeliest intent that a model has learnt (`Model.share`) can tell that a message
has two intents, but not which words ask for which, and two intents that share the probability
clear no threshold; so the words decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.decision import (
    Ask,
    Decision,
    Evidence,
    Handoff,
    Part,
    Several,
    SmallTalk,
    Unknown,
    parts_of,
)
from bot.dialogue.memory import advance, summed
from bot.dialogue.short_answers import words
from bot.dialogue.turn import Heard, Turn, evidence_of
from bot.scripts import HAN
from bot.state import State

MOST_PARTS = 3
LONGEST = 1_000
"""Characters of a message that is looked at; a longer one is a story."""
FEWEST_WORDS, FEWEST_HAN = 3, 4
"""A shorter part asks for nothing by itself; one of Chinese is counted in characters."""

_UNDERSTOOD = frozenset(
    {"intent-certain", "passage-certain", "slot-filled", "choice-picked", "corrected", "confirmed"}
    | {"follow-up"}
)
_EDGE = r"(?:^|[\s,.;:!?，。；：！？、…~～）)\]\"”]+)"
_SPLIT = re.compile(
    rf"{_EDGE}(?:(?:oh|ah|ok|okay|and|&|but|well)[\s,]+)*"
    r"(?:also|and also|as well as that|plus|another (?:thing|question)|one (?:more|other)"
    r" (?:thing|question)|(?:and )?while (?:you(?:'|’)?re|you are|we(?:'|’)?re|i(?:'|’)?m) at it"
    r"|(?:on )?top of that|in addition|additionally|besides(?: that)?|apart from that|by the way"
    r"|btw|secondly|second question|next question|(?<=[.!?;,] )oh and|(?<=[.!?;] )and)"
    r"(?=[\s,:.]|$)[\s,:.]*(?:i (?:also )?(?:wanted to|want to|would like to) (?:ask|know)[\s,:]*)?"
    r"|(?:[，。；！？,.;!?、\s]|^)(?:另外|还有个?(?:事|问题|一件事|一个问题)?|顺便(?:问一?下|问问|再问一?下)?"
    r"|对了|再就是|还想(?:问一?下?|知道)|再问一?下|以及|其次|同时|(?<=[\s，。；])然后)(?:[，,：:\s]*)",
    re.IGNORECASE,
)
_HAN = re.compile(HAN)


def split(text: str) -> tuple[str, ...]:
    """The requests of a message, in order; none where it is one.

    >>> split("Where is my order? And also, when do you open on Sunday?")
    ('Where is my order?', 'when do you open on Sunday?')
    >>> split("能开发票吗，另外多久能到货")
    ('能开发票吗', '多久能到货')
    >>> split("I also have a dog")
    ()
    """
    if len(text) > LONGEST:
        return ()
    parts = [part for piece in _cut(text) if (part := piece.strip(" \t\n,，;；、"))]
    whole = len(parts) in range(2, MOST_PARTS + 1) and all(_asks(part) for part in parts)
    return tuple(parts) if whole else ()


def several(turn: Turn) -> Decision | None:
    """The decisions on the parts of the message, the question for a missing slot last."""
    if len(turn.parts) < 2:
        return None
    decided = _decided(turn, turn.parts)
    called = next((part for _, part in decided if isinstance(part, Handoff)), None)
    if called is not None:  # the person will see the whole message
        return replace(called, summary=summed(turn.state.so_far, turn.text, turn.slots))
    ordered = [heard for heard, part in decided if not isinstance(part, Ask)]
    asking = [heard for heard, part in decided if isinstance(part, Ask)]
    parts = _decided(turn, [*ordered, *asking]) if asking and ordered else decided
    if not any(isinstance(part, Ask) for _, part in parts):  # another part said what was missing
        places = {id(heard): place for place, heard in enumerate(turn.parts)}
        parts = sorted(parts, key=lambda found: places[id(found[0])])
    return _together(turn, parts)


def _decided(turn: Turn, heard: Sequence[Heard]) -> list[tuple[Heard, Part]]:
    """Each part decided with what the parts before it left behind."""
    found: list[tuple[Heard, Part]] = []
    state = _without_streaks(turn.state)
    for one in heard:
        part = parts_of(turn.decide(state, one))[0]
        if found and part.evidence.rule == "slot-unfilled":  # nobody has had the time to answer
            part = parts_of(turn.decide(replace(state, pending=None), one))[0]
        if part.evidence.rule == "perhaps":  # one part's choices would hide what the other asks
            part = Unknown("uncertain", part.evidence)
        found.append((one, part))
        state = _without_streaks(advance(state, one.text, one.reading, part, turn.now))
    return found


def _without_streaks(state: State) -> State:
    """The parts are one message to the customer: none of them counts as one more in a row."""
    return replace(state, unknown_streak=0, upset_streak=0)


def _together(turn: Turn, decided: Sequence[tuple[Heard, Part]]) -> Decision | None:
    """Several, where two parts are different requests that are understood, or one is and the rest
    is said not to be; None leaves the message to be read as one."""
    understood = [part for _, part in decided if part.evidence.rule in _UNDERSTOOD]
    asked = dict.fromkeys(_key(part) for part in understood if not isinstance(part, SmallTalk))
    left = [part for _, part in decided if isinstance(part, Unknown)]
    if len(asked) < 2 and not (len(asked) == 1 and left):
        return None
    kept = [(one, part) for one, part in decided if part in understood or part in left]
    if len(kept) < 2:
        return None
    slots = {name: value for _, part in kept for name, value in part.evidence.slots.items()}
    evidence: Evidence = replace(evidence_of(turn, "several"), slots=slots)
    return Several(
        tuple(_as_part(turn, part) for _, part in kept),
        tuple(one.text for one, _ in kept),
        evidence,
    )


def _key(part: Part) -> object:
    """What a part says: two of one template, or of the same passages, are one request."""
    return getattr(part, "template", None) or getattr(part, "hits", None) or part.kind


def _as_part(turn: Turn, part: Part) -> Part:
    """A part with the tone of the whole message."""
    evidence = replace(part.evidence, upset=turn.upset)
    return replace(part, evidence=evidence)


def _cut(text: str) -> list[str]:
    """The message cut before each word that says something else follows, keeping end marks."""
    pieces, start = [], 0
    for found in _SPLIT.finditer(text):
        mark = re.match(r"[.!?。！？)）\"”]*", text[found.start() :])
        end = found.start() + (mark.end() if mark else 0)
        pieces.append(text[start : max(min(end, found.end()), found.start())])
        start = found.end()
    return [*pieces, text[start:]]


def _asks(part: str) -> bool:
    """Whether a part is long enough to ask for something."""
    return len(words(part).split()) >= FEWEST_WORDS or len(_HAN.findall(part)) >= FEWEST_HAN
