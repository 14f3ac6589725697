"""What a group of messages is called: by the words that it says more than the others do.

Class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794), counted by messages:

    score(word, group) = share of the group's messages with it * log((1 + all) / all with it)

In scripts without spaces a pair of characters stands for a word, as in the index of the articles.
The best words are then told with those that nearly always stand beside them: "get my refund",
"退款什么时候到账".
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from finetune.text import UNSPACED, normalise

TERMS = 3
"""That name a group, at most."""
FEWEST = 0.2
"""A word in a smaller share of a group's messages names it only where there is no other."""
_WHOLE = 0.7
"""Words are told together that stand together in this share of the messages with one of them."""
_MOST_WORDS, _MOST_CHARACTERS = 3, 8
_PLACEHOLDER = re.compile(r"\[\w+\]")
"""What stands for masked personal data says nothing."""
_RUN = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")

Phrase = tuple[str, ...]
"""Words in a row, or characters in a row."""


def words(message: str) -> set[Phrase]:
    """The words of a message, folded, and pairs of characters in scripts without spaces; numbers
    are none.

    >>> sorted(words("Cancel 退款单 7"))
    [('cancel',), ('款', '单'), ('退', '款')]
    """
    return {
        phrase
        for run, unspaced in _runs(message)
        for phrase in _in_a_row(run, *((2, 2) if unspaced else (1, 1)))
    }


class KeyTerms:
    """Words counted over all messages, to name groups of them."""

    def __init__(self) -> None:
        self._all: Counter[Phrase] = Counter()
        self._messages = 0

    def add(self, message: str) -> None:
        """Count a message."""
        self._all.update(words(message))
        self._messages += 1

    def name(self, messages: Iterable[str]) -> tuple[str, ...]:
        """The terms that tell a group of messages from the others, best first, ties by name; none
        where the messages hold no words."""
        messages = list(messages)
        held = Counter(phrase for message in messages for phrase in _phrases(message))
        seeds = Counter(word for message in messages for word in words(message))
        frequent = {w: n for w, n in seeds.items() if n >= FEWEST * len(messages)} or seeds
        best = sorted(frequent, key=lambda w: (-seeds[w] * self._rarity(w), w))
        return tuple(map(_written, _distinct(self._whole(word, held) for word in best)))

    def _whole(self, word: Phrase, held: Counter[Phrase]) -> Phrase:
        """A word with those that nearly always stand beside it, the most telling ones."""
        wholes = [p for p, n in held.items() if n >= _WHOLE * held[word] and _holds(p, word)]
        return max(wholes, key=lambda p: (held[p] * sum(map(self._rarity, _words_of(p))), p))

    def _rarity(self, word: Phrase) -> float:
        return math.log((1 + self._messages) / max(1, self._all[word]))


def _runs(message: str) -> Iterator[tuple[Phrase, bool]]:
    """(units in a row, whether they are characters of a script without spaces)."""
    for run in _RUN.findall(normalise(_PLACEHOLDER.sub(" ", message))):
        if re.match(f"[{UNSPACED}]", run):
            yield tuple(run), True
        else:
            yield tuple(word for word in run.split() if not word.isdecimal()), False


def _in_a_row(run: Phrase, fewest: int, most: int) -> Iterator[Phrase]:
    for length in range(fewest, most + 1):
        yield from (run[i : i + length] for i in range(len(run) - length + 1))


def _phrases(message: str) -> set[Phrase]:
    """All that may be told together."""
    return {
        phrase
        for run, unspaced in _runs(message)
        for phrase in _in_a_row(run, *((2, _MOST_CHARACTERS) if unspaced else (1, _MOST_WORDS)))
    }


def _words_of(phrase: Phrase) -> Iterator[Phrase]:
    length = 2 if _is_unspaced(phrase) else 1
    return _in_a_row(phrase, length, length)


def _holds(phrase: Phrase, word: Phrase) -> bool:
    return word in _words_of(phrase)


def _distinct(phrases: Iterable[Phrase]) -> list[Phrase]:
    """The first few that share nothing; one that holds an earlier one takes its place."""
    kept: list[Phrase] = []
    for phrase in phrases:
        like = [place for place, other in enumerate(kept) if not set(phrase).isdisjoint(other)]
        if len(like) == 1 and set(phrase) > set(kept[like[0]]):
            kept[like[0]] = phrase
        elif not like and len(kept) == TERMS:
            break
        elif not like:
            kept.append(phrase)
    return kept


def _is_unspaced(phrase: Phrase) -> bool:
    return re.match(f"[{UNSPACED}]", phrase[0]) is not None


def _written(phrase: Phrase) -> str:
    return ("" if _is_unspaced(phrase) else " ").join(phrase)
