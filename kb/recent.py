"""What was read lately is not read again: values by key, in bounded memory."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A reader that remembers. `read` gives the values of several keys at once; those kept weigh
    at most about `most`, by `weight`. When there is no room for more, all are forgotten: what is
    asked for often is soon there again. Threads may share one."""

    def __init__(
        self,
        read: Callable[[Sequence[K]], Mapping[K, V]],
        most: int,
        weight: Callable[[V], int] = lambda _: 1,
    ) -> None:
        self._read, self._most, self._weight = read, most, weight
        self._kept: dict[K, V] = {}
        self._weighs = 0
        self._lock = threading.Lock()

    def get(self, keys: Sequence[K]) -> list[V]:
        """The values of some keys, in their order. KeyError for one that `read` does not give."""
        with self._lock:
            if missing := [key for key in keys if key not in self._kept]:
                if self._weighs > self._most:
                    self._kept, self._weighs, missing = {}, 0, list(keys)
                new = self._read(missing)
                self._kept.update(new)
                self._weighs += sum(map(self._weight, new.values()))
            return [self._kept[key] for key in keys]
