"""The turns counted once more, for the drawings: bins of confidence, and what follows on what."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from bot.replay import Turn
from bot.replay_page.values import MOVES, STEPS, Counted
from finetune.report.measures import BINS, Bin

FloatArray = NDArray[np.float64]


def counted(turns: Iterable[Turn]) -> Counted:
    """Count the turns, which come chat by chat. Their bins are those of `intent.ece`."""
    found, sums = Counted(), np.zeros((BINS, 3))
    for _, chat in groupby(turns, key=lambda turn: turn.chat):
        together = list(chat)
        _follow(found, together)
        for turn in together:
            _read(found, sums, turn)
    found.bins = _bins(sums)
    return found


def _follow(found: Counted, chat: Sequence[Turn]) -> None:
    moves = [MOVES[turn.kind] for turn in chat[:STEPS]]
    found.moves.update(enumerate(moves))
    found.ways.update((place, *pair) for place, pair in enumerate(pairwise(moves)))


def _read(found: Counted, sums: FloatArray, turn: Turn) -> None:
    if turn.correct is None or turn.intent is None or turn.confidence is None:
        return
    found.right[turn.intent] += turn.correct
    place = min(max(int(np.ceil(turn.confidence * BINS)) - 1, 0), BINS - 1)
    sums[place] += 1, turn.confidence, turn.correct


def _bins(sums: FloatArray) -> list[Bin]:
    return [
        Bin(place / BINS, (place + 1) / BINS, int(n), confidence / n, right / n)
        for place, (n, confidence, right) in enumerate(sums.tolist())
        if n
    ]
