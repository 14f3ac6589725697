"""What a very short message means: a choice of those offered, or the wish for a person.

Such a message says too little for a model to read and exactly enough for a table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

PERSON_WORDS = frozenset(
    {"agent", "an agent", "human", "a human", "person", "a person", "operator"}
    | {"人工", "转人工", "人工客服", "转人工客服", "真人", "真人客服"}
)
"""A message that is one of these words, and nothing else, asks for a person."""

_PLACES = ({"1", "one", "first", "一"}, {"2", "two", "second", "二"}, {"3", "three", "third", "三"})
_AROUND_PLACE = re.compile(r"^(?:the |option |number |第|选)?(.+?)(?: one|个| please)?$")


_BETWEEN = re.compile(r"[\W_]+")
_SIGNS = {"👍": "ok", "👌": "ok", "✅": "ok", "👎": "no", "❌": "no", "🙏": "thanks"}


@lru_cache(maxsize=512)
def words(text: str) -> str:
    """The letters and digits of `text`, folded, one space where there was anything else.

    A thumb up or down, and nothing else, is the word for it.

    >>> words("  Track, my ORDER!"), words("👍🏽")
    ('track my order', 'ok')
    """
    said = _BETWEEN.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return said or next((word for sign, word in _SIGNS.items() if sign in text), "")


def picked(message: str, titles: Sequence[str]) -> int | None:
    """Which of the offered titles (0-based) a message, as `words` gives it, picks.

    It may be the number, the title, or a part that only one of the titles has.

    >>> picked("the second one", ["Track an order", "Cancel an order"])
    1
    >>> picked("cancel", ["Track an order", "Cancel an order"])
    1
    """
    if (place := _place(message)) is not None:
        return place if place < len(titles) else None
    folded = [words(title) for title in titles]
    if message in folded:
        return folded.index(message)
    having = [place for place, title in enumerate(folded) if message in title]
    return having[0] if len(having) == 1 and len(message) > 1 else None


def _place(message: str) -> int | None:
    inner = _AROUND_PLACE.match(message)
    named = inner[1] if inner else message
    return next((place for place, names in enumerate(_PLACES) if named in names), None)
