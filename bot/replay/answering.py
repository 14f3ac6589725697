"""A block of chats answered: from what the customers said to the rows that are kept.

A block is done alone: its rows follow from its chats, the texts that were encoded beforehand and
the desk, never from what the process did before. So any number of workers gives the same rows.

What a turn leaves out: the bot's own open questions. It is decided with what the customer has said
so far as its slots, and with no pending slot or choice and no count of unanswered messages, because
those follow from answers that were never given. What it would ask a yes for counts as said, and no
action is run.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.decision import Candidates, Decision, Handoff, Reading, SmallTalk, Unknown, template_of
from bot.dialogue.followups import earlier, next_question
from bot.dialogue.slots import as_confirmed
from bot.evidence import citations_json, evidence_json
from bot.model import Readings
from bot.replay.acts import act_of, confirms
from bot.replay.judging import Judge
from bot.replay.pool import Pool
from bot.replay.privacy import Privacy
from bot.replay.reading import Encoded, History, Vectors, read_history, read_messages
from bot.replay.store import Turn
from bot.replay.survey import Chat
from bot.replies import render
from bot.state import Question, State
from finetune.corpus import NO_TEXT, Message
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.dialogue.turn import Heard
    from kb.search import Hit

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Chats to answer. `known` are those of their texts that were encoded beforehand; `today` is
    the day of a turn that has no date."""

    chats: Sequence[Chat]
    known: Encoded
    pool: Pool
    today: date


@dataclass(frozen=True, slots=True)
class Answered:
    """The decision on one message, what it was made on, and its milliseconds."""

    message: Message
    text: str
    reading: Reading
    candidates: Candidates
    decision: Decision
    ms: float


def answer(desk: "Desk", block: Block) -> list[Turn]:
    """The turns of a block, in order."""
    started = time.perf_counter()
    history = read_history((chat.chat for chat in block.chats), desk.model)
    messages = list(history.messages())
    vectors, readings = read(desk, history, block.known)
    shared = 1000 * (time.perf_counter() - started) / len(messages)
    answered = answers(desk, history, vectors, readings, block.today)
    ranks = _ranks(block.pool, messages, history, readings, vectors)
    rows = zip(answered, readings.probabilities, _chats(block.chats, history), strict=True)
    turns = _Turns(desk, Judge(desk), Privacy(desk), vectors, history, shared)
    return [
        turns.row(found, shares, chat, ranks.get(row))
        for row, (found, shares, chat) in enumerate(rows)
    ]


def answers(
    desk: "Desk", history: History, vectors: Vectors, readings: Readings, today: date
) -> Iterator[Answered]:
    """The decisions on the messages of a history, in order."""
    started = time.perf_counter()
    ranked = desk.ranked(readings.queries)
    parts = _Parts.read(desk, history, vectors)
    searched = _searched(history)
    desk = desk.ahead(vectors.texts(searched), vectors.all[searched])
    shared = 1000 * (time.perf_counter() - started) / max(len(ranked), 1)
    conversation, asked = None, None
    slots: Mapping[str, str] = {}
    found_in: dict[tuple[str, str], tuple[Hit, ...]] = {}
    for row, message in enumerate(history.messages()):
        started = time.perf_counter()
        if message.conversation != conversation:
            conversation, slots, asked = message.conversation, {}, None
        text = history.texts.all[message.text]
        found = vectors.entities.get(message.text, ())
        said_on = message.at.date() if message.at else today
        reading = desk.reading(text, readings, row, found, said_on)
        before, vector = earlier(asked, text), vectors.all[message.text]
        follows = before.text if before else ""
        hits = found_in.get((text, follows))
        if hits is None:  # those for a text are the same wherever it follows the same
            hits = found_in[text, follows] = desk.hits(text, vector, before)
        candidates = Candidates(ranked[row], hits, follows)
        state = State(slots=slots, asked=asked)
        heard = parts.heard(desk, row, said_on)
        decided = desk.decide(state, text, reading, candidates, parts=heard)
        decision = desk.organised(as_confirmed(decided, desk.templates), text, vector)
        slots = decision.evidence.slots
        asked = _asked_after(desk, message, text, vector, asked, decision)
        ms = shared + 1000 * (time.perf_counter() - started)
        yield Answered(message, text, reading, candidates, decision, ms)


def _searched(history: History) -> list[int]:
    """The texts that passages are searched for: what customers say, and the parts of it."""
    said = [message.text for message in history.messages()]
    return [*said, *(part for text in dict.fromkeys(said) for part in history.parts.get(text, ()))]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The requests that messages fall into, each read in the place of its message. `rows` says
    where in `readings` those of a message begin, by its row."""

    history: History
    vectors: Vectors
    texts: Mapping[int, tuple[int, ...]]
    rows: Mapping[int, int]
    readings: Readings | None

    @classmethod
    def read(cls, desk: "Desk", history: History, vectors: Vectors) -> "_Parts":
        """Read all parts, in batches."""
        messages = list(history.messages())
        texts = {
            row: parts
            for row, message in enumerate(messages)
            if (parts := history.parts.get(message.text))
        }
        said = [_instead(messages[row], part) for row, parts in texts.items() for part in parts]
        ends = accumulate(map(len, texts.values()), initial=0)
        rows = dict(zip(texts, ends, strict=False))
        return cls(history, vectors, texts, rows, _read(desk, said, vectors) if said else None)

    def heard(self, desk: "Desk", row: int, said_on: date) -> "tuple[Heard, ...]":
        """The parts of the message in a row."""
        if self.readings is None or not (parts := self.texts.get(row)):
            return ()
        first, vectors = self.rows[row], self.vectors
        readings = self.readings.rows(slice(first, first + len(parts)))
        entities = [vectors.entities.get(part, ()) for part in parts]
        return desk.heard(
            vectors.texts(parts), vectors.all[list(parts)], entities, readings, said_on
        )


def _instead(message: Message, part: int) -> Message:
    """A part of a message after the turns before the message."""
    return replace(message, window=np.append(message.window[:-1], part))


def _asked_after(
    desk: "Desk",
    message: Message,
    text: str,
    vector: FloatArray,
    asked: Question | None,
    decision: Decision,
) -> Question | None:
    """The question that the next message may follow: as in a session, but answered by the agent."""
    if message.reply == NO_TEXT or isinstance(decision, SmallTalk):
        return asked
    template = _template_named(message)
    known = template if template in desk.templates.by_id else None
    return next_question(asked, text, vector, known)


def _needed(history: History) -> IntArray:
    """The texts that a window or a rank reads; what is said after the last reply is in none."""
    replies = [message.reply for message in history.messages()]
    return np.append(_windows(history.messages()), replies)


def _windows(messages: Iterable[Message]) -> IntArray:
    return np.stack([message.window for message in messages])


def read(desk: "Desk", history: History, known: Encoded | None = None) -> tuple[Vectors, Readings]:
    """The vectors of what is said in a history, and what the heads make of its messages."""
    vectors, messages = Vectors(desk.model, history.texts), list(history.messages())
    if known is not None:
        vectors.know(known)
    asked = {message.text for message in messages}.union(*history.parts.values())
    vectors.need(np.asarray(sorted(asked), dtype=np.int64))
    vectors.need_unread(_needed(history))
    return vectors, _read(desk, messages, vectors)


def _read(desk: "Desk", messages: Sequence[Message], vectors: Vectors) -> Readings:
    return read_messages(desk.model, messages, _windows(messages), vectors)


def _chats(chats: Sequence[Chat], history: History) -> Iterator[Chat]:
    """The chat of each message."""
    for chat, dialogue in zip(chats, history.dialogues, strict=True):
        yield from (chat for _ in dialogue.messages)


def _ranks(
    pool: Pool, messages: Sequence[Message], history: History, readings: Readings, vectors: Vectors
) -> Mapping[int, tuple[int, int]]:
    """(rank, candidates) of the agents' replies, by the row of the message."""
    rows = [row for row, message in enumerate(messages) if message.reply != NO_TEXT]
    replied = [messages[row] for row in rows]
    found = pool.rank(replied, history.texts.all, readings.queries[rows], vectors.all)
    return dict(zip(rows, found, strict=True))


@dataclass(frozen=True, slots=True)
class _Turns:
    """What the rows of a block are made with; `shared` are the milliseconds that each turn has of
    what was done for all."""

    desk: "Desk"
    judge: Judge
    privacy: Privacy
    vectors: Vectors
    history: History
    shared: float

    def row(
        self, found: Answered, shares: FloatArray, chat: Chat, ranked: tuple[int, int] | None
    ) -> Turn:
        """A turn, judged, without personal data."""
        desk, judge, privacy = self.desk, self.judge, self.privacy
        message, decision = found.message, found.decision
        entities = self.vectors.entities.get(message.text, ())
        said = privacy.names(found.text, entities)
        reply = None if message.reply == NO_TEXT else self.history.texts.all[message.reply]
        rank, candidates = ranked or (None, None)
        templates = found.candidates.templates
        return Turn(
            chat=chat.number,
            turn=message.turn,
            conversation=message.conversation,
            seen=chat.seen,
            message=privacy.text(found.text, said),
            gold=sorted(message.gold),
            **_intent(judge, message, shares),
            outside=judge.is_outside(message),
            kind=decision.kind,
            rule=decision.evidence.rule,
            template=template_of(decision),
            reason=decision.reason if isinstance(decision, Handoff | Unknown) else None,
            citations=citations_json(decision),
            reply=privacy.text(render(decision, desk.templates, desk.settings.language), said),
            verdict=judge.verdict(decision, message),
            agent_reply=None if reply is None else privacy.text(reply, said),
            agent_template=_template_named(message),
            act=None if reply is None else act_of(reply, judge.hands_over(message)),
            rank=rank,
            candidates=candidates,
            similarity=_similarity(desk, decision, message, self.vectors),
            intent_right=judge.intent_right(found.reading, message),
            ranked_score=templates[0].score if templates else None,
            ranked_right=judge.ranked_right(templates[0].name, message) if templates else None,
            entities=_entities(desk, message, entities),
            confirms=confirms(found.text),
            ms=round(found.ms + self.shared, 4),
            evidence=privacy.evidence(evidence_json(decision), said),
        )


def _intent(judge: Judge, message: Message, shares: FloatArray) -> dict[str, Any]:
    if not len(shares):
        return {"intent": None, "confidence": None, "correct": None, "trusted": False}
    best = int(shares.argmax())
    name, confidence = judge.labels[best], float(shares[best])
    return {
        "intent": name,
        "confidence": confidence,
        "correct": name in message.gold if message.names_intent else None,
        "trusted": judge.trusts(name, confidence),
    }


def _template_named(message: Message) -> str | None:
    kind, _, name = message.reply_key.partition(":")
    return name if kind == "template" and name else None


def _similarity(
    desk: "Desk", decision: Decision, message: Message, vectors: Vectors
) -> float | None:
    """The cosine of what the bot and the agent say; vectors are unit length."""
    if message.reply == NO_TEXT or (said := desk.said(decision)) is None:
        return None
    return round(float(said @ vectors.all[message.reply]), 6)


def _entities(
    desk: "Desk", message: Message, found: Sequence[FoundEntity]
) -> tuple[int, int, int] | None:
    if message.spans is None or not desk.model.entity_types:
        return None
    there = set(message.spans)
    spans = {(one.start, one.end, one.type) for one in found}
    return len(there & spans), len(spans), len(there)
