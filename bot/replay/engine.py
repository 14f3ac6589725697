"""A replay from end to end: look through the chats, encode what repeats, answer block after block.

The same request is the same replay: what an interruption left undone is done when it is asked for
again, and what is done is read again. All numbers but the times follow from the request alone,
whatever the number of workers and wherever they are.
"""

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.replay.answering import Block, answer
from bot.replay.pool import Pool
from bot.replay.reading import Encoded, encode
from bot.replay.store import ReplayRow, ReplayStore, to_json
from bot.replay.survey import Chat, Seen, Selection, Survey, survey
from bot.replay.workers import DeskSource, Engine, Work, Workers, start
from finetune.conversation import Conversation
from finetune.tags import FoundEntity
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.console import Progress

FloatArray = NDArray[np.float32]
SEED = 7
SCHEME = 5
"""Changed with whatever changes the numbers of a replay: then the same request is another one."""
CHUNK = 2048
"""Repeated texts that are encoded in one job."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to replay and how.

    `chats` is read several times. `source` tells workers where to open the desk; without it the
    desk works alone. Chats that the model, or one of the `others` it will be compared with, has
    seen in training are left out, or with `include_seen` marked. `name` and `workspace` say what
    was replayed. `fresh` begins anew where the same request was replayed before.
    """

    desk: "Desk"
    chats: Iterable[Conversation]
    name: str = ""
    workspace: str = ""
    source: DeskSource | None = None
    others: Sequence["Desk"] = ()
    include_seen: bool = False
    workers: int = 1
    engine: Engine = "processes"
    fresh: bool = False
    seed: int = SEED

    def selection(self) -> Selection:
        """The chats that take part."""
        desks = (self.desk, *self.others)
        return Selection(self.chats, [Seen(desk.model.folder) for desk in desks], self.include_seen)


def replay(request: Request, store: ReplayStore, progress: "Progress") -> ReplayRow:
    """Replay chats; gives the finished replay, with its figures.

    Turns are rows as soon as their block is done: an interruption loses the last blocks only.

    Raises:
        BotError: no customer says anything in the chats, all of them were seen in training, or a
            worker cannot do its part.
    """
    from bot.replay.summary import finish

    selection = request.selection()
    found = survey(selection, request.seed, progress)
    row = _begin(request, found, store)
    if row.figures is not None:
        return row
    with start(request.desk, request.source, request.workers, request.engine) as workers:
        _answer(workers, _Run(request, selection, found, row), store, progress)
    return finish(store, row.id, request.desk)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a replay that may have been begun before."""

    request: Request
    selection: Selection
    survey: Survey
    row: ReplayRow

    @property
    def today(self) -> date:
        """The day on which the replay was begun, whenever it is finished."""
        return datetime.fromisoformat(self.row.at).date()


def _begin(request: Request, found: Survey, store: ReplayStore) -> ReplayRow:
    """The replay of this request: one that is there, unless a fresh one is wanted, or a new one."""
    key = request_key(request.desk, found, request.seed)
    known = None if request.fresh else store.same(key)
    if known is not None:
        return known
    desk = request.desk
    return store.start(
        request=key,
        about=_about(desk, found),
        chats=request.name,
        workspace=request.workspace,
        version=desk.model.version,
        model=desk.model.fingerprint,
        index_digest=desk.index.digest,
    )


def request_key(desk: "Desk", found: Survey, seed: int) -> str:
    """SHA-256 of all that decides the numbers of a replay."""
    parts = [
        SCHEME,
        seed,
        found.digest,
        desk.model.fingerprint,
        desk.index.digest,
        asdict(desk.thresholds),
        [asdict(template) for template in desk.templates],
        desk.settings.model_dump(mode="json", include={"language", "entities"}),
    ]
    return hashlib.sha256(to_json(parts).encode()).hexdigest()


def _about(desk: "Desk", found: Survey) -> dict[str, Any]:
    return {
        "language": desk.settings.language,
        "labels": list(desk.model.labels),
        "thresholds": asdict(desk.thresholds),
        "survey": found.as_json(),
    }


def _answer(workers: Workers, run: _Run, store: ReplayStore, progress: "Progress") -> None:
    """Do the blocks that are not done yet."""
    started = time.perf_counter()
    table = _Table.of(run.survey, workers, progress)
    pool = table.pool(run.request.seed, run.survey.replies)
    left = islice(run.selection.blocks(), run.row.blocks, None)
    jobs = (Block(chats, table.known(chats), pool, run.today) for chats in left)
    done = store.count(run.row.id)
    for number, turns in enumerate(workers.map(answer, jobs), run.row.blocks):
        now = time.perf_counter()
        store.add_block(run.row.id, number, turns, now - started)
        started, done = now, done + len(turns)
        progress("answer", done, run.survey.turns)


def _encoded(
    workers: Workers, work: Work, texts: Collection[str], progress: "Progress"
) -> list[Encoded]:
    """Texts encoded in chunks that do not depend on who encodes them, texts of like length
    together."""
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    chunks = [ordered[at : at + CHUNK] for at in range(0, len(ordered), CHUNK)]
    found, done = [], 0
    for encoded in workers.map(work, chunks):
        found.append(encoded)
        progress("encode what repeats", done := done + len(encoded.texts), len(ordered))
    return found


def _encode_messages(desk: "Desk", texts: Sequence[str]) -> Encoded:
    return encode(desk.model, texts)


def _encode_replies(desk: "Desk", texts: Sequence[str]) -> Encoded:
    return encode(desk.model, texts, entities=False)


Row = tuple[FloatArray, Sequence[FoundEntity]]


@dataclass(frozen=True, slots=True)
class _Table:
    """The texts that were encoded beforehand, of which each block is given its own: those that
    customers say, with their entities, and those that only agents do."""

    said: Mapping[str, Row]
    heard: Mapping[str, Row]

    @classmethod
    def of(cls, found: Survey, workers: Workers, progress: "Progress") -> "_Table":
        """Encode what repeats and what is a candidate."""
        said = {*found.said}
        heard = {*found.heard, *(text for text, _ in found.replies)} - said
        return cls(
            _rows(_encoded(workers, _encode_messages, said, progress)),
            _rows(_encoded(workers, _encode_replies, heard, progress)),
        )

    def known(self, chats: Sequence[Chat]) -> Encoded:
        """Those of the texts of some chats, in a fixed order. What a customer says is known only
        where its entities are."""
        turns = [turn for chat in chats for turn in chat.chat.turns]
        said = {turn.text for turn in turns if turn.speaker == "customer"}
        heard = {turn.text for turn in turns} - said
        rows = {text: self.said[text] for text in sorted(said | heard) if text in self.said}
        rows |= {text: self.heard[text] for text in sorted(heard) if text in self.heard}
        entities = {place: found for place, (_, found) in enumerate(rows.values()) if found}
        return Encoded(list(rows), _stacked(rows.values()), entities)

    def pool(self, seed: int, replies: Sequence[tuple[str, str]]) -> Pool:
        """The pool of these replies, (text, key), all of which are here."""
        rows = [self.said.get(text) or self.heard[text] for text, _ in replies]
        names = [normalise(text) for text, _ in replies]
        return Pool(seed, names, [key for _, key in replies], _stacked(rows))


def _rows(parts: Iterable[Encoded]) -> dict[str, Row]:
    return {
        text: (part.vectors[place], part.entities.get(place, ()))
        for part in parts
        for place, text in enumerate(part.texts)
    }


def _stacked(rows: Collection[Row]) -> FloatArray:
    return np.stack([vector for vector, _ in rows]) if rows else np.zeros((0, 1), dtype=np.float32)
