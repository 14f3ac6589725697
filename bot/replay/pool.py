"""The replies that an agent's true reply is ranked against: a bounded sample of all in the chats.

Which replies are in the pool depends on the set of replies and the seed alone, and which of them a
turn draws on its chat and the seed: not on the order of the files, the blocks or the workers.
"""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from finetune.corpus import Message
from finetune.evaluation import rank_of_right
from finetune.text import normalise

FloatArray = NDArray[np.float32]
SIZE = 4096
WRONG = 99
_SPARE = 32
"""Drawn beyond WRONG at first, for those that turn out to be the right one."""


@dataclass(slots=True)
class Sample:
    """The SIZE distinct replies of a stream with the least hashes, which is a uniform sample of the
    distinct ones (bottom-k sampling: Cohen and Kaplan 2007). Replies with the same normalised text
    are one, and the alphabetically first spelling stands for them."""

    seed: int
    _heap: list[tuple[int, str]] = field(default_factory=list)
    _kept: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, text: str, key: str) -> None:
        """Take a reply into account; `key` says when two are the same (`corpus.reply_key`)."""
        name = normalise(text)
        if name in self._kept:
            self._kept[name] = min(self._kept[name], (text, key))
            return
        mark = -hash64(f"{self.seed}:{name}")  # the heap's top is the one to go
        if len(self._heap) < SIZE:
            heapq.heappush(self._heap, (mark, name))
        elif mark < self._heap[0][0]:
            return
        else:
            del self._kept[heapq.heapreplace(self._heap, (mark, name))[1]]
        self._kept[name] = (text, key)

    def replies(self) -> list[tuple[str, str]]:
        """(text, key) of the sample, in alphabetical order."""
        return sorted(self._kept.values())


@dataclass(frozen=True, slots=True)
class Pool:
    """Sampled replies: their normalised texts (`names`) and keys, and their vectors (p, d)."""

    seed: int
    names: Sequence[str]
    keys: Sequence[str]
    vectors: FloatArray

    def rank(
        self, messages: Sequence[Message], texts: Sequence[str], queries: FloatArray,
        vectors: FloatArray,
    ) -> Iterator[tuple[int, int]]:  # fmt: skip
        """(rank, candidates) of the true reply to each message, which has one; `texts` are all
        texts that messages number and `vectors` (t, d) theirs, `queries` (n, d) the messages'."""
        conversation, rng = None, np.random.default_rng(self.seed)
        name_of = cache(normalise)  # replies repeat
        for message, query in zip(messages, queries, strict=True):
            if message.conversation != conversation:
                conversation = message.conversation
                rng = np.random.default_rng((self.seed, hash64(conversation)))
            true = (name_of(texts[message.reply]), message.reply_key)
            wrong = self._draw(true, rng)
            candidates = np.concatenate([vectors[message.reply][None], self.vectors[wrong]])
            yield rank_of_right(candidates @ query), len(candidates)

    def _draw(self, true: tuple[str, str], rng: np.random.Generator) -> list[int]:
        """Places of WRONG replies, fewer where there are not so many: none that is the true one
        in other words, or comes from its template."""
        name, key = true
        wrong, total = list[int](), len(self.names)
        for count in (WRONG + _SPARE, total):
            drawn = rng.choice(total, min(count, total), replace=False).tolist()
            wrong = [i for i in drawn if self.keys[i] != key and self.names[i] != name]
            if len(wrong) >= WRONG:
                break
        return wrong[:WRONG]


def hash64(text: str) -> int:
    """A hash of 64 bits that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())
