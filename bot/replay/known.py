"""The texts that were encoded beforehand: those that come up in many blocks, and the candidates.

They are tens of thousands of vectors, so they lie on disk, and each block is given its own.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.replay.pool import Pool
from bot.replay.reading import Encoded, encode
from bot.replay.survey import Chat, Survey
from bot.replay.workers import Work, Workers
from finetune.scratch import as_key, scratch
from finetune.tags import FoundEntity
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.console import Progress

FloatArray = NDArray[np.float32]
CHUNK = 2048
"""Texts that are encoded in one job."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A text with its vector (d,); what customers say, `said`, with its entities."""

    text: str
    said: bool
    vector: FloatArray
    entities: Sequence[FoundEntity]


class Known:
    """Texts with their vectors, on disk."""

    def __init__(self) -> None:
        columns = "text BLOB PRIMARY KEY, said INT, vector BLOB, entities TEXT"
        self._database = scratch(self, f"texts ({columns})")

    @classmethod
    def of(cls, found: Survey, workers: Workers, progress: "Progress") -> "Known":
        """Encode what repeats and what is a candidate."""
        said = {*found.said}
        heard = {*found.heard, *(text for text, _ in found.replies)} - said
        known = cls()
        for encoded in _encoded(workers, _encode_messages, said, progress):
            known.add(encoded, said=True)
        for encoded in _encoded(workers, _encode_replies, heard, progress):
            known.add(encoded, said=False)
        return known

    def add(self, encoded: Encoded, *, said: bool) -> None:
        """Keep texts that are new."""
        entities = (encoded.entities.get(place, ()) for place in range(len(encoded.texts)))
        rows = zip(encoded.texts, encoded.vectors, entities, strict=True)
        self._database.executemany(
            "INSERT INTO texts VALUES (?, ?, ?, ?)",
            (
                (as_key(text), said, vector.tobytes(), json.dumps([*map(astuple, found)]))
                for text, vector, found in rows
            ),
        )

    def of_chats(self, chats: Sequence[Chat]) -> Encoded:
        """Those of the texts of some chats, in a fixed order. What a customer says is known only
        where its entities are."""
        turns = [turn for chat in chats for turn in chat.chat.turns]
        said = {turn.text for turn in turns if turn.speaker == "customer"}
        found = [*self._rows(sorted({turn.text for turn in turns}))]
        rows = [row for row in found if row.said]
        rows += [row for row in found if not row.said and row.text not in said]
        entities = {place: row.entities for place, row in enumerate(rows) if row.entities}
        return Encoded([row.text for row in rows], _stacked(rows), entities)

    def pool(self, seed: int, replies: Sequence[tuple[str, str]]) -> Pool:
        """The pool of these replies, (text, key), all of which are here."""
        rows = [*self._rows([text for text, _ in replies])]
        names = [normalise(text) for text, _ in replies]
        return Pool(seed, names, [key for _, key in replies], _stacked(rows))

    def _rows(self, texts: Sequence[str]) -> Iterator[_Row]:
        """Those of some texts that are here, in their order."""
        query = "SELECT said, vector, entities FROM texts WHERE text = ?"
        for text in texts:
            for said, vector, entities in self._database.execute(query, (as_key(text),)):
                found = [FoundEntity(*one) for one in json.loads(entities)]
                yield _Row(text, bool(said), np.frombuffer(vector, np.float32), found)


def _encoded(
    workers: Workers, work: Work, texts: Collection[str], progress: "Progress"
) -> Iterator[Encoded]:
    """Texts encoded in chunks that do not depend on who encodes them, texts of like length
    together."""
    ordered, done = sorted(texts, key=lambda text: (-len(text), text)), 0
    chunks = (ordered[at : at + CHUNK] for at in range(0, len(ordered), CHUNK))
    for encoded in workers.map(work, chunks):
        yield encoded
        progress("encode what repeats", done := done + len(encoded.texts), len(ordered))


def _encode_messages(desk: "Desk", texts: Sequence[str]) -> Encoded:
    return encode(desk.model, texts)


def _encode_replies(desk: "Desk", texts: Sequence[str]) -> Encoded:
    return encode(desk.model, texts, entities=False)


def _stacked(rows: Collection[_Row]) -> FloatArray:
    return np.stack([row.vector for row in rows]) if rows else np.zeros((0, 1), dtype=np.float32)
