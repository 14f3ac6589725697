"""What the curves, the bounds and the times need of each chat and turn, on disk: it grows."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from finetune.scratch import scratch

FloatArray = NDArray[np.float64]
BY_CHAT = (
    "judged", "wrong", "intent answered", "intent wrong", "ranked answered", "ranked wrong",
)  # fmt: skip
"""Counts that a bound needs of each chat, not of all."""
POINTS = 100
"""Of a curve."""


class Ledger:
    """The counts BY_CHAT of chats in order, and of turns the scores of each route, whether they
    were right, and the milliseconds."""

    def __init__(self) -> None:
        columns = ", ".join(f'"{name}" INT' for name in BY_CHAT)
        self._database = scratch(
            self, f"chats ({columns})", "scores (route TEXT, score REAL, wrong INT)", "times (ms)"
        )

    def add(
        self,
        counts: Mapping[str, float],
        scores: Iterable[tuple[str, float, bool]],
        times: Iterable[float],
    ) -> None:
        """One more chat: its counts, the (route, score, right) that were judged in it, and the
        milliseconds of its turns."""
        write, holes = self._database.executemany, ", ".join("?" * len(BY_CHAT))
        write(f"INSERT INTO chats VALUES ({holes})", [[int(counts[name]) for name in BY_CHAT]])
        rows = [(route, float(np.float32(score)), not right) for route, score, right in scores]
        write("INSERT INTO scores VALUES (?, ?, ?)", rows)
        write("INSERT INTO times VALUES (?)", [(ms,) for ms in times])

    def by_chat(self, name: str) -> FloatArray:
        """A count of BY_CHAT of each chat, (chats,)."""
        rows = self._database.execute(f'SELECT "{name}" FROM chats ORDER BY rowid')
        return np.fromiter((count for (count,) in rows), np.float64)

    def judged(self, route: str) -> int:
        """How many turns of a route were judged."""
        query = "SELECT count(*) FROM scores WHERE route = ?"
        count: int = self._database.execute(query, (route,)).fetchone()[0]
        return count

    def curve(self, route: str) -> list[list[float]]:
        """[threshold, coverage, wrong share] of all thresholds, the most careful first, at POINTS
        coverages at most. Turns of one score are answered together."""
        total, steps = self.judged(route), sum(1 for _ in self._steps(route))
        places = {*np.linspace(0, steps - 1, POINTS).astype(int).tolist()} if steps else ()
        found, answered, wrong = list[list[float]](), 0, 0
        for place, (score, more, more_wrong) in enumerate(self._steps(route)):
            answered, wrong = answered + more, wrong + more_wrong
            if place in places:
                found.append([round(score, 6), answered / total, wrong / answered])
        return found

    def _steps(self, route: str) -> Iterator[tuple[float, int, int]]:
        """(score, turns, wrong ones) of each distinct score of a route, the highest first."""
        query = """SELECT score, count(*), sum(wrong) FROM scores WHERE route = ?
            GROUP BY score ORDER BY score DESC"""
        return self._database.execute(query, (route,))

    def percentiles(self, shares: Sequence[float]) -> list[float]:
        """The milliseconds that these shares (0..1) of the turns stay within; between two turns, as
        far between theirs."""
        last = self._database.execute("SELECT count(*) FROM times").fetchone()[0] - 1
        ends = {end(share * last) for share in shares for end in (math.floor, math.ceil)}
        ordered = self._database.execute("SELECT ms FROM times ORDER BY ms")
        at = {place: ms for place, (ms,) in enumerate(ordered) if place in ends}
        return [float(np.interp(share * last, [*at], [*at.values()])) for share in shares]
