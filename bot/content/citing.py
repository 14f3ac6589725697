"""Which of the passages found are cited: the best one, and a second one where it is as good.

Of the labelled questions of the samples, a second passage of another article is beside the point
in nearly all cases, unless it is as close to the first as to be taken for it. What is close depends
on the encoder, so it is measured against the rest of what was found:

    nearness = (second - last) / (first - last)         0..1, of the FOUND best scores

More of the same article is cited always; what is quoted of it is for bot/content/choosing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.search import Hit

FOUND = 5
"""How many passages are searched for."""
NEAR = 0.6
"""Chosen on the labelled questions of both samples (docs/answers.md)."""


def cited(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The first one or two of the hits, which come best first."""
    first, second = hits[:1], hits[1:2]
    alike = bool(second) and (second[0].passage.title == first[0].passage.title or _is_near(hits))
    return (*first, *second) if alike else (*first,)


def _is_near(hits: Sequence[Hit]) -> bool:
    first, second, last = hits[0].score, hits[1].score, hits[:FOUND][-1].score
    return second - last >= NEAR * (first - last)
