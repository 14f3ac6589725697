"""Which messages a person is asked about: the least certain ones, of all kinds in turn.

Uncertainty is the margin between the two likeliest intents (Scheffer et al. 2001), of calibrated
probabilities. Like messages make one group, and every group has its turn before the next of the
same group comes: ten of a kind teach little more than two (Settles 2009, on density and diversity).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import TYPE_CHECKING

from bot.gaps.clusters import Background, clusters, spread
from bot.review.items import Item

if TYPE_CHECKING:
    from bot.gaps.clusters import Encode

_WIDER = 10
"""So many times as many as are asked about are looked at for being alike."""
_NO_REQUESTS = frozenset({"unreadable", "slot-filled", "choice-picked"})
"""Rules that decide on messages which are no requests: noise, and answers to the bot."""


def queue(
    items: Iterable[Item],
    is_reviewed: Callable[[Item], bool],
    encode: "Encode",
    most: int,
    *,
    labelled: bool = False,
) -> list[Item]:
    """The messages to ask about, `most` at most, in order; the same for the same messages.

    Those that were reviewed are left out, and those with a label unless `labelled`.
    """
    background = Background()
    waiting = (
        item
        for item in _gathered(items, background)
        if item.asked.rule not in _NO_REQUESTS
        and (labelled or not item.asked.labels)
        and not is_reviewed(item)
    )
    doubtful = nsmallest(_WIDER * most, waiting, key=_doubt)
    return [doubtful[place] for place in spread(_groups(doubtful, background, encode))][:most]


def _gathered(items: Iterable[Item], background: Background) -> Iterator[Item]:
    for item in items:
        background.add(item.asked.message)
        yield item


def _doubt(item: Item) -> tuple[float, str, int]:
    return item.asked.margin, item.asked.conversation, item.asked.turn


def _groups(items: Sequence[Item], background: Background, encode: "Encode") -> list[int]:
    if not items:
        return []
    vectors = background.encoded([item.asked.message for item in items], encode)
    groups: list[int] = clusters(vectors).tolist()
    return groups
