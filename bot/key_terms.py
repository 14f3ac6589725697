"""What a group of messages is called: by the words that it says more than the others do.

Class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794), counted by messages:

    score(term, group) = share of the group's messages with it * log(1 + all / all with it)

A term is one word or two; in scripts without spaces, two to four characters in a row. So Chinese
is named by Chinese words without a dictionary of them.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from finetune.text import UNSPACED, normalise

TERMS = 3
"""That name a group, at most."""
FEWEST = 0.2
"""A term in a smaller share of a group's messages names it only where there is no other."""
_WHOLE = 0.7
"""A longer term in this share of the messages of a shorter one stands for it."""
_RUN = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")


def terms(message: str) -> set[str]:
    """The terms of a message, folded; numbers are none.

    >>> sorted(terms("Cancel my 退款单 7"))
    ['cancel', 'cancel my', 'my', '款单', '退款', '退款单']
    """
    found: set[str] = set()
    for run in _RUN.findall(normalise(message)):
        if re.match(f"[{UNSPACED}]", run):
            found.update(run[i : i + n] for n in (2, 3, 4) for i in range(len(run) - n + 1))
        else:
            words = [word for word in run.split() if not word.isdecimal()]
            found.update(words, map(" ".join, pairwise(words)))
    return found


class KeyTerms:
    """Terms counted over all messages, to name groups of them."""

    def __init__(self) -> None:
        self._all: Counter[str] = Counter()
        self._messages = 0

    def add(self, message: str) -> None:
        """Count a message."""
        self._all.update(terms(message))
        self._messages += 1

    def name(self, messages: Iterable[str]) -> tuple[str, ...]:
        """The terms that tell a group of messages from the others, best first, ties by name; none
        where the messages hold no words."""
        said = [terms(message) for message in messages]
        held = Counter(term for one in said for term in one)
        frequent = {term: n for term, n in held.items() if n >= FEWEST * len(said)} or held
        scores = {term: n * self._rarity(term) for term, n in frequent.items()}
        ranked = sorted(scores, key=lambda term: (-scores[term], -len(term), term))
        return _distinct([_longest(term, ranked, held) for term in ranked])

    def _rarity(self, term: str) -> float:
        return math.log(1 + self._messages / max(1, self._all[term]))


def _longest(term: str, ranked: Sequence[str], held: Counter[str]) -> str:
    """The longest term that this one is nearly always a part of."""
    wholes = [o for o in ranked if term in o and held[o] >= _WHOLE * held[term]]
    return max(wholes, key=lambda other: (len(other), other))


def _distinct(ranked: Iterable[str]) -> tuple[str, ...]:
    """The first few that share no part with those before them."""
    kept: list[str] = []
    for term in ranked:
        if len(kept) < TERMS and not any(_overlap(term, other) for other in kept):
            kept.append(term)
    return tuple(kept)


def _overlap(one: str, other: str) -> bool:
    """Whether two terms share a word, or a pair of characters in scripts without spaces."""
    return bool(_parts(one) & _parts(other))


def _parts(term: str) -> set[str]:
    if re.match(f"[{UNSPACED}]", term):
        return set(map("".join, pairwise(term)))
    return set(term.split())
