"""What the log holds, in figures."""

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

MOST = 10
"""How many intents and templates are counted, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of the whole log. Times are ISO 8601, None where there is no turn; `ms` are the
    percentiles 50, 95 and 99 of the time from message to reply, in milliseconds."""

    sessions: int
    turns: int
    first: str | None
    last: str | None
    channels: dict[str, int]
    decisions: dict[str, int]
    intents: dict[str, int]
    templates: dict[str, int]
    feedback: dict[str, int]
    models: dict[str, int]
    ms: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def statistics(connection: sqlite3.Connection) -> Statistics:
    """Count the log, all at one moment."""
    connection.execute("BEGIN")
    sessions = connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
    span = "SELECT count(*), min(at), max(at) FROM turns"
    turns, first, last = connection.execute(span).fetchone()
    found = Statistics(
        sessions=sessions,
        turns=turns,
        first=first,
        last=last,
        channels=_counted(connection, "channel", "sessions"),
        decisions=_counted(connection, "kind", "decisions"),
        intents=_counted(connection, "intent", "decisions", MOST),
        templates=_counted(connection, "template", "decisions", MOST),
        feedback=_counted(connection, "verdict", "feedback"),
        models=_counted(connection, "model", "decisions"),
        ms=_percentiles(connection, turns),
    )
    connection.execute("COMMIT")
    return found


def _counted(
    connection: sqlite3.Connection, column: str, table: str, most: int = -1
) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    query = f"""SELECT {column}, count(*) FROM {table} WHERE {column} IS NOT NULL
        GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT {most}"""
    return dict(connection.execute(query).fetchall())


def _percentiles(connection: sqlite3.Connection, turns: int) -> dict[str, float]:
    """The nearest rank of each: a value that was measured."""
    query = "SELECT ms FROM turns ORDER BY ms LIMIT 1 OFFSET ?"
    return {
        f"p{share}": connection.execute(query, (-(-turns * share // 100) - 1,)).fetchone()[0]
        for share in (50, 95, 99)
        if turns
    }
