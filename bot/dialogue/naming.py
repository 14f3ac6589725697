"""A listed value that a message names by its beginning: "the Dunlin 300" for "Dunlin 300 sleeping
bag". One word may be any word ("swift", "summer"), so it takes two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from bot.dialogue.short_answers import words

FEWEST_WORDS = 2
LONGEST = 2_000
"""Characters of a message that are looked at."""


def named_in_short(text: str, values: tuple[str, ...]) -> str | None:
    """The one listed value whose first two words a message has, where no other begins so.

    >>> bags = ("Dunlin 300 sleeping bag", "Dunlin 600 sleeping bag", "Eider winter bag")
    >>> named_in_short("how warm is the dunlin 300?", bags)
    'Dunlin 300 sleeping bag'
    """
    if not (starts := _starts(values)):
        return None
    pairs = map(" ".join, pairwise(words(text[:LONGEST]).split()))
    found = {starts[pair] for pair in pairs if pair in starts}
    return found.pop() if len(found) == 1 else None


def beginning(value: str) -> str:
    """The first two words of a value that has more, as `words` folds them; "" of a shorter one."""
    said = words(value).split()
    return " ".join(said[:FEWEST_WORDS]) if len(said) > FEWEST_WORDS else ""


@lru_cache(maxsize=64)
def _starts(values: tuple[str, ...]) -> Mapping[str, str]:
    """The values by their beginnings, where it is that of one alone."""
    firsts = {value: " ".join(words(value).split()[:FEWEST_WORDS]) for value in values}
    count = Counter(firsts.values())
    return {start: value for value in values if (start := beginning(value)) and count[start] == 1}
