"""Conversations as index arrays: every distinct text once, every dialogue as positions in it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from finetune.conversation import OUT_OF_SCOPE, SENTIMENTS, Conversation, Turn
from finetune.evaluation import Reply
from finetune.examples import normalise
from finetune.tags import Span

IntArray = NDArray[np.int64]
NO_TEXT = -1
NO_LABEL = -1


class Texts:
    """Distinct texts in order of first use; `add` gives a text's index."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._index: dict[str, int] = {}

    def add(self, text: str) -> int:
        index = self._index.setdefault(text, len(self.all))
        if index == len(self.all):
            self.all.append(text)
        return index

    def __len__(self) -> int:
        return len(self.all)


@dataclass(frozen=True, slots=True)
class Message:
    """A customer turn as an example.

    `window` (k,) and `speakers` (k,) are the last turns up to this one, left-padded. `intents` are
    label numbers (empty: not labelled), `sentiment` one of SENTIMENTS (NO_LABEL: not labelled) and
    `spans` its entities (None: nobody marked them). `reply` is the text index of the agent's next
    turn or NO_TEXT, and `reply_key` its identity (same key: the same reply). `turn` is the
    position in the conversation, `at` when it was said.
    """

    conversation: str
    turn: int
    window: IntArray
    speakers: IntArray
    intents: tuple[int, ...]
    gold: frozenset[str]
    reply: int
    reply_key: str
    sentiment: int = NO_LABEL
    spans: tuple[Span, ...] | None = None
    at: datetime | None = None

    @property
    def text(self) -> int:
        return int(self.window[-1])

    @property
    def names_intent(self) -> bool:
        """Whether a guessed intent can be right or wrong here: not where the only label marks the
        message as out of scope and that mark was not taught as an intent. Scope is judged there."""
        return bool(self.intents or self.gold - {OUT_OF_SCOPE})


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation: its customer messages and the distinct texts they need, in order."""

    messages: tuple[Message, ...]

    def texts(self) -> set[int]:
        needed = {int(i) for message in self.messages for i in message.window if i != NO_TEXT}
        return needed | {m.reply for m in self.messages if m.reply != NO_TEXT}


def numbers_of(names: Iterable[str]) -> IntArray:
    """A number for each name (n,), the same for the same one, in order of first use."""
    number: dict[str, int] = {}
    return np.asarray([number.setdefault(name, len(number)) for name in names], dtype=np.int64)


def label_names(conversations: Iterable[Conversation]) -> list[str]:
    """The intents that these conversations teach, those of their customers' messages, sorted."""
    turns = (turn for chat in conversations for turn in chat.turns)
    return sorted({name for turn in turns if is_message(turn) for name in turn.intents})


def entity_types(conversations: Iterable[Conversation]) -> list[str]:
    """The types of the entities that are marked in customers' messages, sorted."""
    turns = (turn for chat in conversations for turn in chat.turns if is_message(turn))
    return sorted({span.type for turn in turns for span in turn.entities})


def is_message(turn: Turn) -> bool:
    """True for what a customer said, if anything."""
    return turn.speaker == "customer" and bool(turn.text.strip())


def build_dialogue(
    chat: Conversation, labels: Sequence[str], texts: Texts, context_turns: int
) -> Dialogue:
    """Examples of one conversation; empty turns are passed over, texts are added to `texts`."""
    turns = [(place, turn) for place, turn in enumerate(chat.turns) if turn.text.strip()]
    indices = np.asarray([texts.add(turn.text) for _, turn in turns], dtype=np.int64)
    speakers = np.asarray([1 if turn.speaker == "customer" else 2 for _, turn in turns])
    number = {name: i for i, name in enumerate(labels)}
    messages = []
    for position, (place, turn) in enumerate(turns):
        if turn.speaker != "customer":
            continue
        following = turns[position + 1][1] if position + 1 < len(turns) else None
        replied = following is not None and following.speaker == "agent"
        messages.append(
            Message(
                conversation=chat.id,
                turn=place,
                window=last(indices, position, context_turns, NO_TEXT),
                speakers=last(speakers, position, context_turns, 0),
                intents=tuple(
                    number[name] for name in dict.fromkeys(turn.intents) if name in number
                ),
                gold=frozenset(turn.intents),
                reply=int(indices[position + 1]) if replied else NO_TEXT,
                reply_key=reply_key(following) if replied and following else "",
                sentiment=SENTIMENTS.index(turn.sentiment) if turn.sentiment else NO_LABEL,
                spans=_spans(turn) if chat.has_entities else None,
                at=turn.at,
            )
        )
    return Dialogue(tuple(messages))


def _spans(turn: Turn) -> tuple[Span, ...]:
    return tuple((span.start, span.end, span.type) for span in turn.entities)


def reply_key(turn: Turn) -> str:
    """What makes two replies the same: the template they name, or their normalised text."""
    return f"template:{turn.template}" if turn.template else normalise(turn.text)


def last(values: IntArray, position: int, count: int, padding: int) -> IntArray:
    """The `count` values that end at `position`, left-padded."""
    window = values[max(0, position + 1 - count) : position + 1]
    return np.concatenate([np.full(count - len(window), padding), window]).astype(np.int64)


def intent_targets(messages: Sequence[Message], classes: int) -> NDArray[np.float32]:
    """Target distributions (n, classes); several labels share the mass; no label is a zero row."""
    targets = np.zeros((len(messages), classes), dtype=np.float32)
    for row, message in enumerate(messages):
        for label in message.intents:
            targets[row, label] = 1.0 / len(message.intents)
    return targets


def reply_counts(dialogues: Iterable[Dialogue]) -> Counter[str]:
    """How often each reply was given."""
    return Counter(m.reply_key for d in dialogues for m in d.messages if m.reply != NO_TEXT)


def replies_of(messages: Iterable[Message], texts: Texts) -> dict[int, Reply]:
    """The agents' replies to these messages, by text index."""
    return {m.reply: _reply(m, texts) for m in messages if m.reply != NO_TEXT}


def _reply(message: Message, texts: Texts) -> Reply:
    kind, _, template = message.reply_key.partition(":")
    named = template if kind == "template" and template else None
    return Reply(texts.all[message.reply], named)
