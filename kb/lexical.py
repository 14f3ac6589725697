"""Full text: SQLite's FTS5 reads the words, and impacts computed from its postings score them.

FTS5 folds, strips accents and stems (its porter tokenizer); for scripts written without spaces it
is given overlapping pairs of characters. Its own bm25() costs about 1.5 microseconds a matching
row, 5 ms a query over 10,000 passages; so its postings are turned into impacts once, when the
index is built, and a query is a sum of a few arrays (0.1 ms), exact for every passage:

    lexical(q, p) = sum of idf(t) * saturation(t, p)  /  sum of idf(t)        over the terms t of q
    saturation    = tf / (tf + k1 * (1 - b + b * length / mean length))       in 0..1

which is BM25 divided by the most that any passage could reach for this query, so 0..1. A word
that no passage holds counts below the line: a question about something else scores low.
"""

import json
import math
import re
import sqlite3
import unicodedata
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from kb.recent import Recent

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Han
    "\uac00-\ud7af\U00020000-\U0003ffff"  # Hangul, and Han beyond the first plane
)
"""A character class body: the scripts whose words are not set apart by spaces."""

K1, B = 1.2, 0.75
MOST_CHARACTERS = 2_000
"""Of a query; the rest is not read."""
MOST_TERMS = 64
"""Different terms of a query; the rest is not looked up."""
MOST_PASSAGES = 20_000
"""A term in more passages is looked up only if the query has no other: it costs and says nothing.
Below, common words stay in; on StackFAQ's validation half they help a little."""
SPARSE = 4
"""A term in more than one passage of four is kept as a value for every passage: quicker to add."""

_TOKENIZER = "porter unicode61 remove_diacritics 2"
_RUN = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
_NUMBER = re.compile("[0-9]+")
_LONGEST_WORD = 64
_WORDS_KEPT = 20_000
_NUMBERS_KEPT = 4_000_000  # of 4 bytes


def analyse(text: str) -> list[str]:
    """The words of a text, folded; pairs of characters where a script has no spaces.

    >>> analyse("Refund 退款政策, ABC 茶")
    ['refund', '退款', '款政', '政策', 'abc', '茶']
    """
    words: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if len(run) > 1 and _UNSPACED.match(run):
            words += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            words.append(run[:_LONGEST_WORD])
    return words


class Stemmer:
    """FTS5's tokenizer by itself: a table in memory, a row a word, read back through its
    vocabulary."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)
        self._db.executescript(
            f"CREATE VIRTUAL TABLE line USING fts5(words, tokenize='{_TOKENIZER}');"
            "CREATE VIRTUAL TABLE term USING fts5vocab(line, instance);"
        )
        self._recent = Recent(partial(_stems, self._db), _WORDS_KEPT)

    def terms(self, words: Sequence[str]) -> list[str]:
        """The different terms that FTS5 makes of some words, sorted."""
        return sorted({term for terms in self._recent.get(words) for term in terms})

    def terms_of(self, words: Sequence[str]) -> list[list[str]]:
        """The terms of each word."""
        return self._recent.get(words)


def _stems(db: sqlite3.Connection, words: Sequence[str]) -> dict[str, list[str]]:
    """The terms of each word. A number, such as an order's, is a term as it is."""
    found = {word: [word] if _NUMBER.fullmatch(word) else list[str]() for word in words}
    words = [word for word, terms in found.items() if not terms]
    if not words:
        return found
    db.execute("BEGIN")
    try:
        db.executemany("INSERT INTO line(rowid, words) VALUES (?, ?)", enumerate(words))
        for term, row in db.execute("SELECT term, doc FROM term"):
            found[words[row]].append(term)
    finally:
        db.execute("ROLLBACK")
    return found


# Building

SCHEMA = f"""
CREATE VIRTUAL TABLE fulltext USING fts5(words, content='', tokenize='{_TOKENIZER}');
CREATE TABLE term (
    term TEXT PRIMARY KEY,
    passages INTEGER NOT NULL,  -- how many hold the term
    numbers BLOB,               -- int32: their places in the order of passage ids; NULL: all
    saturations BLOB NOT NULL   -- float32: one a place, see kb/lexical.py
) WITHOUT ROWID;
"""


def write(db: sqlite3.Connection, ids: Sequence[int], texts: Iterable[str]) -> None:
    """Fill the tables of SCHEMA; `ids` ascend, `texts` are theirs."""
    rows = ((id_, " ".join(analyse(text))) for id_, text in zip(ids, texts, strict=True))
    db.executemany("INSERT INTO fulltext(rowid, words) VALUES (?, ?)", rows)
    db.execute("CREATE VIRTUAL TABLE temp.posting USING fts5vocab(main, fulltext, instance)")
    db.executemany("INSERT INTO term VALUES (?, ?, ?, ?)", _impacts(db, ids))
    db.execute("DROP TABLE temp.posting")


def _impacts(
    db: sqlite3.Connection, ids: Sequence[int]
) -> Iterator[tuple[str, int, bytes | None, bytes]]:
    """Rows of the table `term`, from all postings of the full text."""
    place = {id_: number for number, id_ in enumerate(ids)}
    terms: list[tuple[str, int]] = []  # (term, where its postings end)
    numbers, counts = array("i"), array("i")  # 8 bytes a posting; as tuples it would be 100
    postings = db.execute("SELECT term, doc, count(*) FROM posting GROUP BY term, doc")
    for term, group in groupby(postings, key=itemgetter(0)):
        for _, id_, count in group:
            numbers.append(place[id_])
            counts.append(count)
        terms.append((term, len(numbers)))
    where = np.frombuffer(numbers, np.int32)
    saturations = _saturations(where, np.frombuffer(counts, np.int32), len(ids))
    start = 0
    for term, end in terms:
        numbers_, values = where[start:end], saturations[start:end]
        if (end - start) * SPARSE < len(ids):
            yield term, end - start, numbers_.tobytes(), values.tobytes()
        else:
            every = np.zeros(len(ids), dtype=np.float32)
            every[numbers_] = values
            yield term, end - start, None, every.tobytes()
        start = end


def _saturations(
    where: NDArray[np.int32], counts: NDArray[np.int32], passages: int
) -> NDArray[np.float32]:
    lengths = np.bincount(where, counts, minlength=passages)
    slack = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1.0)) if passages else lengths
    return (counts / (counts + slack[where])).astype(np.float32)


# Searching


@dataclass(frozen=True, slots=True)
class _Term:
    """What a known term adds: `scores` to the passages at `places`, of `idf` at most. No scores
    where it is too common."""

    idf: float
    places: NDArray[np.intp] | slice
    scores: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Word:
    """What an index makes of a word: its terms, how much they tell (the idf of the rarest, see
    above), and whether each is held by some passage."""

    terms: tuple[str, ...]
    idf: float
    held: bool


class FullText:
    """The full text of an index of so many `passages`."""

    def __init__(self, db: sqlite3.Connection, passages: int) -> None:
        self._passages = passages
        self._stemmer = Stemmer()
        self._read = partial(_read, db, passages)
        self._recent = Recent(partial(self._read, MOST_PASSAGES), _NUMBERS_KEPT, _numbers)

    def scores(self, text: str) -> NDArray[np.float32]:
        """(passages,) the lexical score, 0..1, of every passage, in the order of their ids.

        Never raises for any text: there is no query syntax, and what is read of a text is bounded.
        """
        return self._scores(_words_read(text))

    def all_scores(self, texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """As `scores`, for each text; what they need is read at once."""
        words = [_words_read(text) for text in texts]
        self._recent.get(self._stemmer.terms(sorted({*chain.from_iterable(words)})))
        return map(self._scores, words)

    def _scores(self, words: Sequence[str]) -> NDArray[np.float32]:
        scores = np.zeros(self._passages, dtype=np.float32)
        terms = self._stemmer.terms(words)
        if not terms or not self._passages:
            return scores
        found = self._look_up(terms)
        total = found.count(None) * _idf(0, self._passages)
        for term in found:
            if term is not None and term.scores is not None:
                total += term.idf
                scores[term.places] += term.scores
        scores /= np.float32(total)
        return np.minimum(scores, 1, out=scores)

    def words(self, words: Sequence[str]) -> list[Word]:
        """What the index makes of each word, as `analyse` gives it."""
        terms = self._stemmer.terms_of(words)
        every = sorted({term for some in terms for term in some})
        found = dict(zip(every, self._recent.get(every), strict=True))
        return [self._word(tuple(some), [found[term] for term in some]) for some in terms]

    def _word(self, terms: tuple[str, ...], found: Sequence[_Term | None]) -> Word:
        unknown = _idf(0, self._passages)
        idfs = [unknown if term is None else term.idf for term in found]
        return Word(terms, max(idfs, default=0.0), None not in found)

    def _look_up(self, terms: Sequence[str]) -> list[_Term | None]:
        """The terms, without the scores of common ones unless all are common."""
        found = self._recent.get(terms)
        if all(term is not None and term.scores is None for term in found):
            return list(self._read(self._passages, terms).values())
        return found


def _words_read(text: str) -> list[str]:
    """The different words of a text, as far as they are read."""
    return list(dict.fromkeys(analyse(text[:MOST_CHARACTERS])))[:MOST_TERMS]


def _read(
    db: sqlite3.Connection, passages: int, most: int, terms: Sequence[str]
) -> dict[str, _Term | None]:
    """Some terms, with the scores of those that at most `most` passages hold; None for one that no
    passage holds."""
    rows = db.execute(
        "SELECT term, passages, numbers, iif(passages <= ?1, saturations, NULL)"
        " FROM term WHERE term IN (SELECT value FROM json_each(?2))",
        (most, json.dumps(terms)),
    )
    known = {row[0]: _term(passages, *row[1:]) for row in rows}
    return {term: known.get(term) for term in terms}


def _term(passages: int, holding: int, numbers: bytes | None, saturations: bytes | None) -> _Term:
    idf = _idf(holding, passages)
    if saturations is None:
        return _Term(idf, slice(None), None)
    places = slice(None) if numbers is None else np.frombuffer(numbers, np.int32).astype(np.intp)
    return _Term(idf, places, np.float32(idf) * np.frombuffer(saturations, np.float32))


def _numbers(term: _Term | None) -> int:
    """About how many numbers of 4 bytes a term's memory takes."""
    return 64 if term is None or term.scores is None else 64 + 3 * len(term.scores)


def _idf(holding: int, passages: int) -> float:
    """How much a term tells: positive, and largest for a term that no passage holds."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))
