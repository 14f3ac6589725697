"""`replays.db`: a row a turn, in a file beside the log.

A million turns with their evidence are gigabytes. In the log they would have to be copied whenever
a customer is erased; here they may be deleted at any time. docs/replay.md lists the columns.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from bot.errors import BotError
from bot.storage.database import connect, connect_to_read, in_words, storable, transaction

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE replays (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, request TEXT NOT NULL,
            chats TEXT NOT NULL, workspace TEXT NOT NULL, version TEXT NOT NULL,
            model TEXT NOT NULL, index_digest TEXT NOT NULL, about TEXT NOT NULL,
            blocks INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, figures TEXT)""",
        "CREATE INDEX replays_request ON replays (request)",
        """CREATE TABLE turns (
            replay INTEGER NOT NULL REFERENCES replays ON DELETE CASCADE,
            chat INTEGER NOT NULL, turn INTEGER NOT NULL, conversation TEXT NOT NULL, seen TEXT,
            message TEXT NOT NULL, gold TEXT NOT NULL, intent TEXT, confidence REAL,
            correct INTEGER, trusted INTEGER NOT NULL, outside INTEGER,
            kind TEXT NOT NULL, rule TEXT NOT NULL, template TEXT, reason TEXT,
            citations TEXT NOT NULL, reply TEXT NOT NULL, verdict TEXT,
            agent_reply TEXT, agent_template TEXT, act TEXT, rank INTEGER, candidates INTEGER,
            similarity REAL, intent_right INTEGER, ranked_score REAL, ranked_right INTEGER,
            entities TEXT, confirms INTEGER NOT NULL, ms REAL NOT NULL, evidence TEXT NOT NULL,
            PRIMARY KEY (replay, chat, turn)) WITHOUT ROWID""",
    ),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the bot would have done at one customer turn, and what is known of it.

    The columns of `turns` in docs/replay.md. `entities` are (rightly found, found, marked).
    """

    chat: int
    turn: int
    conversation: str
    seen: str | None
    message: str
    gold: Sequence[str]
    intent: str | None
    confidence: float | None
    correct: bool | None
    trusted: bool
    outside: bool | None
    kind: str
    rule: str
    template: str | None
    reason: str | None
    citations: Sequence[Mapping[str, Any]]
    reply: str
    verdict: str | None
    agent_reply: str | None
    agent_template: str | None
    act: str | None
    rank: int | None
    candidates: int | None
    similarity: float | None
    intent_right: bool | None
    ranked_score: float | None
    ranked_right: bool | None
    entities: tuple[int, int, int] | None
    confirms: bool
    ms: float
    evidence: Mapping[str, Any]


COLUMNS = tuple(field.name for field in fields(Turn))
Row = Sequence[Any]
"""A turn as SQLite holds it, by COLUMNS: less to hold and to hand on than a Turn."""
_HEAVY = {"citations": "'[]'", "reply": "''", "evidence": "'{}'"}
"""Columns that the figures do without, and what stands in their place."""


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """A replay as `replays.db` lists it; `figures` is None until it is finished."""

    id: int
    at: str
    request: str
    chats: str
    workspace: str
    version: str
    model: str
    index_digest: str
    about: Mapping[str, Any]
    blocks: int
    seconds: float
    figures: Mapping[str, Any] | None


_NAMES = tuple(field.name for field in fields(ReplayRow))


class ReplayStore:
    """The replays of one workspace; open it with `ReplayStore.open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, made first where there is none. Raises BotError."""
        return cls(path, connect(path, MIGRATIONS))

    @classmethod
    def open_to_read(cls, path: Path) -> Self:
        """Open a file that need not be writable. BotError where it is not there, too."""
        if not path.is_file():
            raise BotError(f"{path} is not there; run `frontdesk replay CHATS` first")
        return cls(path, connect_to_read(path, MIGRATIONS, len(MIGRATIONS)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._connection.close()

    def replays(self) -> list[ReplayRow]:
        """All replays, latest first."""
        return self._replays("ORDER BY id DESC")

    def replay(self, number: int) -> ReplayRow:
        """One replay. BotError where there is none of that number."""
        found = self._replays("WHERE id = ?", number)
        if not found:
            raise BotError(
                f"{self.path} has no replay {number}; run `frontdesk replay CHATS`, which says its"
                " number"
            )
        return found[0]

    def same(self, request: str) -> ReplayRow | None:
        """The latest replay of a request."""
        return next(iter(self._replays("WHERE request = ? ORDER BY id DESC", request)), None)

    def start(self, *, request: str, about: Mapping[str, Any], **named: str) -> ReplayRow:
        """Begin a replay; `named` are its chats, workspace, version, model and index_digest."""
        row = {"at": _now(), "request": request, "about": to_json(about), **named}
        places = ", ".join(f":{name}" for name in row)
        with in_words(self.path), transaction(self._connection):
            cursor = self._connection.execute(
                f"INSERT INTO replays ({', '.join(row)}) VALUES ({places})", row
            )
        return self.replay(cursor.lastrowid or 0)

    def add_block(self, replay: int, block: int, rows: Iterable[Row], seconds: float) -> None:
        """Commit the turns of a block, by its number from 0, and the wall time that it took, all or
        nothing. BotError where another process has done it meanwhile."""
        with in_words(self.path), transaction(self._connection):
            done = self._connection.execute(
                "UPDATE replays SET blocks = blocks + 1, seconds = seconds + ?"
                " WHERE id = ? AND blocks = ?",
                (seconds, replay, block),
            )
            if not done.rowcount:
                raise BotError(
                    f"replay {replay} is being run by another process too; let that one finish and"
                    " give the command again, or begin another with --fresh"
                )
            self._connection.executemany(_INSERT, ((replay, *row) for row in rows))

    def finish(self, replay: int, figures: Mapping[str, Any]) -> None:
        """Keep the figures of a replay."""
        with in_words(self.path), transaction(self._connection):
            self._connection.execute(
                "UPDATE replays SET figures = ? WHERE id = ?", (to_json(figures), replay)
            )

    def count(self, replay: int) -> int:
        """How many turns of a replay are done."""
        with in_words(self.path):
            query = "SELECT count(*) FROM turns WHERE replay = ?"
            found: int = self._connection.execute(query, (replay,)).fetchone()[0]
        return found

    def turns(
        self, replay: int, kind: str | None = None, *, every: int = 1, light: bool = False
    ) -> Iterator[Turn]:
        """The turns of a replay in order, a few in memory at a time: those of one kind of decision
        where one is named, and of one chat of `every` so many. `light` ones come without
        citations, reply and evidence."""
        columns = [_HEAVY.get(name, name) if light else name for name in COLUMNS]
        query = f"""SELECT {", ".join(columns)} FROM turns
            WHERE replay = ?1 AND (?2 IS NULL OR kind = ?2) AND chat % ?3 = 0 ORDER BY chat, turn"""
        with in_words(self.path):
            for row in self._connection.execute(query, (replay, kind, every)):
                yield _turn(row)

    def surest(self, replay: int, besides: str, every: int) -> Iterator[tuple[str, float]]:
        """Of each turn of one chat of `every` so many: its conversation, and the confidence in the
        likeliest intent but `besides`; 0 where there is none."""
        query = """SELECT conversation, coalesce(
                (SELECT value ->> 'score' FROM json_each(evidence, '$.intents')
                 WHERE value ->> 'name' <> ?2 LIMIT 1), 0.0)
            FROM turns WHERE replay = ?1 AND chat % ?3 = 0 ORDER BY chat, turn"""
        with in_words(self.path):
            yield from self._connection.execute(query, (replay, besides, every))

    def _replays(self, clause: str, *values: object) -> list[ReplayRow]:
        with in_words(self.path):
            query = f"SELECT {', '.join(_NAMES)} FROM replays {clause}"
            rows = self._connection.execute(query, values).fetchall()
        return [_replay(row) for row in rows]


def turns(store: ReplayStore, replay: int) -> Iterator[Turn]:
    """The turns of a replay, in order. BotError where there is none of that number."""
    return store.turns(store.replay(replay).id)


_INSERT = f"INSERT INTO turns VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
_PLACES = {name: place for place, name in enumerate(COLUMNS)}
_BOOLEANS = [
    _PLACES[name]
    for name in ("correct", "trusted", "outside", "intent_right", "ranked_right", "confirms")
]
_TEXTS = [_PLACES[name] for name in ("conversation", "message", "reply", "agent_reply")]
_JSON = [_PLACES[name] for name in ("gold", "citations", "entities", "evidence")]
_values = attrgetter(*COLUMNS)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _replay(row: Sequence[Any]) -> ReplayRow:
    found = dict(zip(_NAMES, row, strict=True))
    parsed = {"about": json.loads(found["about"]), "figures": _parsed(found["figures"])}
    return ReplayRow(**{**found, **parsed})


def row_of(turn: Turn) -> Row:
    """A turn as it is stored."""
    row = list(_values(turn))
    for place in _JSON:
        row[place] = None if row[place] is None else to_json(row[place])
    for place in _TEXTS:
        row[place] = None if row[place] is None else storable(row[place])
    return row


def _turn(row: Sequence[Any]) -> Turn:
    values = list(row)
    for place in _JSON:
        values[place] = _parsed(values[place])
    for place in _BOOLEANS:
        values[place] = None if values[place] is None else bool(values[place])
    return Turn(*values)


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def to_json(value: object) -> str:
    """A value as compact JSON that a database can hold."""
    return storable(_encode(value))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
