"""What came first under a key, remembered on disk: memory does not grow with the keys."""

from finetune.scratch import scratch


class FirstSeen:
    """The first value and place of each key, numbers of 64 bits, in a temporary file of SQLite's
    own, which goes with the object.

    >>> seen = FirstSeen()
    >>> seen.add(7, value=1, place=10), seen.add(7, value=2, place=11), len(seen)
    ((1, 10), (1, 10), 1)
    """

    def __init__(self) -> None:
        self._db = scratch(self, "seen (key INTEGER PRIMARY KEY, value INT, place INT)")

    def add(self, key: int, *, value: int, place: int) -> tuple[int, int]:
        """The value and place that the key came with first, which may be these."""
        row = (key, value, place)
        if self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", row).rowcount:
            return value, place
        found = self._db.execute("SELECT value, place FROM seen WHERE key = ?", (key,))
        known: tuple[int, int] = found.fetchone()
        return known

    def __len__(self) -> int:
        count: int = self._db.execute("SELECT count(*) FROM seen").fetchone()[0]
        return count
