"""`written(turns=200)` makes a replay and its page; `written.compared()` one of two replays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks._made_replay import made_replay
from bot.replay import Comparison, Figures, ReplayStore, comparison, figures
from bot.replay_page import write_page


@dataclass(frozen=True, slots=True)
class Written:
    """A page, and what it was made from."""

    path: Path
    store: ReplayStore
    replay: int
    compared: Comparison | None = None

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def figures(self) -> Figures:
        return figures(self.store, self.replay)


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Written]]:
    """`write(turns=200, against=False, **made)`: a page of made rows, or of two such replays."""
    stores: list[ReplayStore] = []

    def write_(turns: int = 200, against: bool = False, **made: Any) -> Written:
        folder = tmp_path_factory.mktemp("page")
        store = ReplayStore.open(folder / "replays.db")
        stores.append(store)
        before = made_replay(store, turns, **made)
        after = made_replay(store, turns, better=0.3, **made) if against else before
        compared = comparison(store, before, after) if against else None
        path = folder / "replay.html"
        write_page(store, after, path, bot="The Bakery", compared=compared)
        return Written(path, store, after, compared)

    yield write_
    for store in stores:
        store.close()
