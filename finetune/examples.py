"""Which chats teach and which chats judge: no message is learnt and then examined.

Four parts: `train` teaches, `validation` picks the best epoch and sets the temperature,
`calibration` certifies thresholds, `test` is looked at once. A chat goes whole into one of them,
and so do chats that share a near-duplicate customer message (`finetune.duplicates` says what that
is).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from finetune.conversation import Conversation
from finetune.duplicates import informative, near_pairs, roots
from finetune.text import normalise

__all__ = ["Splits", "normalise", "split"]

HELD_OUT = ("test", "calibration", "validation")  # filled in this order, a tenth each
MOST_HELD_OUT = 600  # chats a part: what is more would certify little and teach nothing

Parts = dict[str, list[Conversation]]
TurnPlace = tuple[str, int]  # conversation id, position of the turn in it


@dataclass(frozen=True, slots=True)
class Splits:
    """The four parts. `notes` tells their owner what was decided and why, a sentence each.

    `leaked` are held-out customer turns, as (conversation id, turn position), that have a
    near-duplicate in train: leave them out of every evaluation. It is empty unless `notes` says
    that chats could not be kept apart. Parts that the files themselves name are never in it.
    """

    train: list[Conversation]
    validation: list[Conversation]
    calibration: list[Conversation]
    test: list[Conversation]
    notes: list[str]
    leaked: frozenset[TurnPlace] = frozenset()


@dataclass(frozen=True, slots=True)
class _Repeats:
    """Where each informative customer message occurs, and which messages are nearly the same."""

    turns: Mapping[str, list[tuple[int, int]]]  # conversation id -> (turn, message) positions
    pairs: list[tuple[int, int]]  # message positions

    def messages(self, chats: Iterable[Conversation]) -> set[int]:
        return {message for chat in chats for _, message in self.turns[chat.id]}

    def near(self, chats: Iterable[Conversation]) -> set[int]:
        """The messages that these chats hold, and those nearly the same as one of them."""
        held = self.messages(chats)
        both = [*self.pairs, *((other, one) for one, other in self.pairs)]
        return held | {one for one, other in both if other in held}


def split(
    conversations: Sequence[Conversation], seed: int, kept: Mapping[str, str] | None = None
) -> Splits:
    """Divide chats into train, validation, calibration and test; the order given is irrelevant.

    A chat's own split is kept; "validation" chats become validation and calibration by halves.
    `kept` names the part of chats that an earlier run divided: they stay where they were. The
    other chats fill the parts that no file names, a tenth each but at most MOST_HELD_OUT, and
    train gets the rest; where all are named but a part is missing, it comes out of train. A group
    of chats too big for a part goes to train, and so does one without which an intent would have
    no example there. Where groups leave a part under half full, chats are divided one by one
    instead, and `leaked` lists the turns to leave out. Under ten chats, all train.
    """
    chats = sorted(conversations, key=lambda chat: _rank(seed, chat.id))
    known = {chat.id: kept[chat.id] for chat in chats if kept and chat.id in kept}
    parts, pool, notes = _named_parts([chat for chat in chats if chat.id not in known])
    repeats = _find_repeats(chats)
    missing = [name for name in HELD_OUT if not parts[name]]
    for chat in (chat for chat in chats if chat.id in known):
        parts[known[chat.id]].append(chat)
    named = {chat.id for name in HELD_OUT for chat in parts[name] if chat.split}
    _fill(parts, pool, missing, repeats, notes)
    leaked = frozenset(place for place in _leaks(parts, repeats) if place[0] not in named)
    notes += [*_leak_notes(parts, repeats, named), *_empty_notes(parts, len(chats))]
    return Splits(**parts, notes=notes, leaked=leaked)


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _named_parts(chats: Iterable[Conversation]) -> tuple[Parts, list[Conversation], list[str]]:
    """The parts as the files name them, the chats still to divide, and notes."""
    by_name: defaultdict[str | None, list[Conversation]] = defaultdict(list)
    for chat in chats:
        by_name[chat.split].append(chat)
    pool, notes = by_name[None], []
    if not by_name["train"] and not pool and by_name["validation"]:
        pool, by_name["validation"] = by_name["validation"], []
        notes.append("no chat is marked train: the validation chats are divided as if unmarked")
    half = (len(by_name["validation"]) + 1) // 2
    parts = {
        "train": by_name["train"],
        "validation": by_name["validation"][:half],
        "calibration": by_name["validation"][half:],
        "test": by_name["test"],
    }
    if not pool and not all(parts.values()):
        pool, parts["train"] = parts["train"], []
    return parts, pool, notes


def _find_repeats(chats: Iterable[Conversation]) -> _Repeats:
    turns: dict[str, list[tuple[int, int]]] = {}
    positions: dict[str, int] = {}
    for chat in chats:
        keys = (
            (place, normalise(turn.text))
            for place, turn in enumerate(chat.turns)
            if turn.speaker == "customer"
        )
        turns[chat.id] = [
            (place, positions.setdefault(key, len(positions)))
            for place, key in keys
            if informative(key)
        ]
    return _Repeats(turns, [(one, other) for one, other in near_pairs(list(positions)).tolist()])


def _fill(
    parts: Parts,
    pool: list[Conversation],
    missing: Sequence[str],
    repeats: _Repeats,
    notes: list[str],
) -> None:
    """Divide the pool over the missing parts, a tenth of it each, and train."""
    room = min(len(pool) // 10, MOST_HELD_OUT)
    if not room or not missing:
        parts["train"] += pool
        return
    groups = _groups(pool, repeats)
    divided = _divide(groups, missing, room, parts["train"])
    if any(2 * len(divided[name]) < room for name in missing):
        divided = _divide([[chat] for chat in pool], missing, room, parts["train"])
        notes.append(
            f"the chats repeat each other too much to keep repeats together (one group has "
            f"{max(map(len, groups)):,} of {len(pool):,} chats): they are divided one by one"
        )
    elif (largest := max(map(len, groups))) > room:
        notes.append(f"{largest:,} chats are linked by near-duplicate messages and stay in train")
    for name, members in divided.items():
        parts[name] += members


def _groups(chats: Sequence[Conversation], repeats: _Repeats) -> list[list[Conversation]]:
    """Chats joined, directly or through others, by a near-duplicate message; order is kept."""
    message_root = roots(1 + max(repeats.messages(chats), default=0), repeats.pairs)
    first: dict[int, int] = {}
    links = [
        (first.setdefault(message_root[message], number), number)
        for number, chat in enumerate(chats)
        for _, message in repeats.turns[chat.id]
    ]
    groups: defaultdict[int, list[Conversation]] = defaultdict(list)
    for chat, root in zip(chats, roots(len(chats), links), strict=True):
        groups[root].append(chat)
    return list(groups.values())


def _divide(
    groups: Sequence[list[Conversation]],
    names: Sequence[str],
    room: int,
    train: Iterable[Conversation],
) -> Parts:
    """Each group into the first named part with room for it, else into train: where else an intent
    would have no example left to teach, beside those of `train`, which are taught anyway."""
    parts: Parts = {name: [] for name in (*names, "train")}
    left = _intents(chat for group in groups for chat in group) + _intents(train)
    for group in groups:
        own = _intents(group)
        taught = all(left[intent] > count for intent, count in own.items())
        fitting = (name for name in names if taught and len(parts[name]) + len(group) <= room)
        part = next(fitting, "train")
        parts[part] += group
        if part != "train":
            left -= own
    return parts


def _intents(chats: Iterable[Conversation]) -> Counter[str]:
    """How many turns have each intent."""
    return Counter(intent for chat in chats for turn in chat.turns for intent in turn.intents)


def _leaks(parts: Parts, repeats: _Repeats) -> Iterator[TurnPlace]:
    """Held-out customer turns with a near-duplicate in train."""
    near = repeats.near(parts["train"])
    for name in HELD_OUT:
        for chat in parts[name]:
            yield from (
                (chat.id, turn) for turn, message in repeats.turns[chat.id] if message in near
            )


def _leak_notes(parts: Parts, repeats: _Repeats, named: set[str]) -> Iterator[str]:
    leaks = list(_leaks(parts, repeats))
    for name in HELD_OUT:
        ids = {chat.id for chat in parts[name]}
        count = sum(place[0] in ids for place in leaks)
        if not count:
            continue
        turns = sum(turn.speaker == "customer" for chat in parts[name] for turn in chat.turns)
        fate = "kept, as the files name this part" if ids <= named else "left out of evaluation"
        yield (
            f"{name}: {count:,} of {turns:,} customer turns have a near-duplicate in train; {fate}"
        )


def _empty_notes(parts: Parts, count: int) -> Iterator[str]:
    if empty := [name for name, chats in parts.items() if not chats]:
        why = "; under 10 chats all train" if count < 10 else ""
        yield f"of {count:,} chats none is left for {', '.join(empty)}{why}"
