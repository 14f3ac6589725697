"""Chats as index arrays, and their messages read in batches.

The agents' words are the real agents', whatever the bot would have said. So turns do not depend on
each other's decisions and are batched across conversations: every distinct text is encoded once,
and windows are indices into the vectors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.console import silent
from bot.dialogue.several import split
from bot.model import Model, Readings, joined
from finetune.conversation import Conversation
from finetune.corpus import NO_TEXT, Dialogue, Message, Texts, build_dialogue
from finetune.evaluation import reply_ranks
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.console import Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BATCH = 256
"""Turns that are read in one pass of the heads."""


@dataclass(frozen=True, slots=True)
class History:
    """Chats as dialogues over their distinct texts. `parts` are the requests that a text falls
    into, which are texts too; only of those that make several."""

    texts: Texts
    dialogues: Sequence[Dialogue]
    parts: Mapping[int, tuple[int, ...]]

    def messages(self) -> Iterator[Message]:
        """The customers' messages, in order."""
        return (message for dialogue in self.dialogues for message in dialogue.messages)


def read_history(conversations: Iterable[Conversation], model: Model) -> History:
    """Chats as the model's windows see them; turns without text are passed over."""
    texts = Texts()
    dialogues = [
        build_dialogue(chat, model.labels, texts, model.context_turns) for chat in conversations
    ]
    said = dict.fromkeys(message.text for one in dialogues for message in one.messages)
    found = {text: split(texts.all[text]) for text in said}
    parts = {text: tuple(map(texts.add, some)) for text, some in found.items() if some}
    return History(texts, dialogues, parts)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts with their vectors (n, d) and the entities found in them."""

    texts: Sequence[str]
    vectors: FloatArray
    entities: Mapping[int, Sequence[FoundEntity]]
    """By place in `texts`; only where there are any."""


def encode(model: Model, texts: Sequence[str], *, entities: bool = True) -> Encoded:
    """Encode texts in batches by length; without their `entities` it is a little quicker."""
    if not entities:
        return Encoded(texts, model.encode(texts), {})
    vectors, found = model.encode_messages(texts)
    return Encoded(texts, vectors, {i: e for i, e in enumerate(found) if e})


class Vectors:
    """The vectors of distinct texts, (n, d), and the entities in those that customers say, each
    found when it is first needed."""

    def __init__(self, model: Model, texts: Texts, progress: "Progress | None" = None) -> None:
        self.all = np.zeros((len(texts), model.dimension), dtype=np.float32)
        self.entities: dict[int, Sequence[FoundEntity]] = {}
        self._done = np.zeros(len(texts), dtype=np.bool_)
        self._model, self._texts = model, texts
        self._progress = progress or silent

    def know(self, encoded: Encoded) -> None:
        """Take the vectors of texts that were encoded elsewhere."""
        indices = [self._texts.add(text) for text in encoded.texts]
        self.all[indices] = encoded.vectors
        self.entities |= {indices[i]: found for i, found in encoded.entities.items()}
        self._done[indices] = True

    def need(self, indices: IntArray) -> None:
        """Encode those of these texts that are not encoded yet, batched by length."""
        new = self._new(indices)
        if len(new):
            before = int(self._done.sum())
            self.all[new], found = self._model.encode_messages(
                [self._texts.all[i] for i in new],
                progress=lambda done: self._progress("encode", before + done, len(self.all)),
            )
            self.entities |= {i: e for i, e in zip(new.tolist(), found, strict=True) if e}
            self._done[new] = True

    def need_unread(self, indices: IntArray) -> None:
        """As `need`, for what agents say: entities are not looked for."""
        new = self._new(indices)
        if len(new):
            self.all[new] = self._model.encode([self._texts.all[i] for i in new])
            self._done[new] = True

    def _new(self, indices: IntArray) -> IntArray:
        new: IntArray = np.unique(indices[indices != NO_TEXT])
        fresh: IntArray = new[~self._done[new]]
        return fresh

    def texts(self, indices: Sequence[int]) -> list[str]:
        """The texts of some indices."""
        return [self._texts.all[i] for i in indices]

    def windows(self, indices: IntArray) -> FloatArray:
        """The turns (n, k, d) of windows (n, k); zeros where there is no turn."""
        turns: FloatArray = self.all[indices]
        turns[indices == NO_TEXT] = 0
        return turns


def read_messages(
    model: Model, messages: Sequence[Message], windows: IntArray, vectors: Vectors
) -> Readings:
    """What the heads make of the messages, whose vectors are there. Windows with as many turns are
    read together: the heads need not look at what is empty."""
    speakers = np.stack([message.speakers for message in messages])
    order = np.argsort((speakers != 0).sum(axis=1), kind="stable")
    parts = [
        model.read(
            vectors.texts([messages[row].text for row in rows]),
            vectors.windows(windows[rows]),
            speakers[rows],
        )
        for rows in (order[at : at + BATCH] for at in range(0, len(order), BATCH))
    ]
    return joined(parts).rows(np.argsort(order))


def rank_replies(
    messages: Sequence[Message],
    queries: FloatArray,
    vectors: FloatArray,
    candidates: Iterator[IntArray],
) -> IntArray:
    """The rank of each agent's reply (n,) among its candidates, 0 where no reply followed."""
    rows = [row for row, message in enumerate(messages) if message.reply != NO_TEXT]
    ranks = np.zeros(len(messages), dtype=np.int64)
    ranks[rows] = reply_ranks(queries[rows], vectors, islice(candidates, len(rows)))
    return ranks
