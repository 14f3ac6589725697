"""A replay from end to end: look through the chats, encode what repeats, answer block after block.

The same request is the same replay: what an interruption left undone is done when it is asked for
again, and what is done is read again. All numbers but the times follow from the request alone,
whatever the number of workers and wherever they are.
"""

import gc
import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from bot.replay.answering import Block, answer
from bot.replay.known import Known
from bot.replay.store import ReplayRow, ReplayStore, Row, row_of, to_json
from bot.replay.survey import Seen, Selection, Survey, survey
from bot.replay.workers import DeskSource, Engine, Workers, start
from finetune.conversation import Conversation

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.console import Progress

SEED = 7
SCHEME = 6
"""Changed with whatever changes the numbers of a replay: then the same request is another one."""


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
    known = Known.of(run.survey, workers, progress)
    pool = known.pool(run.request.seed, run.survey.replies)
    left = islice(run.selection.blocks(), run.row.blocks, None)
    jobs = (Block(chats, known.of_chats(chats), pool, run.today) for chats in left)
    numbers, done = count(run.row.blocks), store.count(run.row.id)
    for rows in workers.map(_rows, jobs):
        now = time.perf_counter()
        store.add_block(run.row.id, next(numbers), rows, now - started)
        started, done = now, done + len(rows)
        progress("answer", done, run.survey.turns)
        del rows  # nobody holds them while the next block is answered


def _rows(desk: "Desk", block: Block) -> list[Row]:
    with _no_cycles():
        return [row_of(turn) for turn in answer(desk, block)]


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Nothing looks for cycles among the block's values, of which there are many and none in a
    cycle; it would take a twentieth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
