"""When two messages say the same thing, up to case, numbers, punctuation and spacing.

Nothing here assumes that words are separated by spaces.
"""

import re
import unicodedata

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han (with its extensions).
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")
_SPACE_BESIDEUNSPACED = re.compile(f"(?<=[{UNSPACED}]) | (?=[{UNSPACED}])")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_ZEROS = re.compile("00+")
_APOSTROPHES = "'\u2019\u02bc"
_KEPT = ("L", "M", "N", "So")  # letters, marks, numbers, pictures


class _Folding(dict[int, str]):
    """A table for `str.translate`, filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kept = unicodedata.category(character).startswith(_KEPT)
        self[code] = character if kept else "" if character in _APOSTROPHES else " "
        return self[code]


_FOLDING = _Folding()


def _compose(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def normalise(text: str) -> str:
    """The near-duplicate key of a message; "" when it holds punctuation and spaces only.

    NFKC and case folding; every number becomes 0; an apostrophe goes; other punctuation and
    spaces become one space, or none beside a character of a script written without spaces.

    >>> normalise("What's  order #12,345?") == normalise("whats ORDER #7")
    True
    >>> normalise("你好, 我要 2 张票")
    '你好我要0张票'
    """
    folded = _compose(_compose(text).casefold())
    words = _NUMBER.sub("0", folded).translate(_FOLDING).split()
    return _ZEROS.sub("0", _compose(_SPACE_BESIDEUNSPACED.sub("", " ".join(words))))


def words_in(key: str) -> float:
    """How many words a normalised text holds; two unspaced characters count as one word."""
    unspaced = len(_UNSPACED_CHARACTER.findall(key))
    return unspaced / 2 + len(_UNSPACED_CHARACTER.sub(" ", key).split())
