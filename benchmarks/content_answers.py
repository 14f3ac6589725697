"""What is kept of the right answer when it is cut, and how often a half answer says so.

    python benchmarks/content_answers.py [--tune]

Passages are made of the answers of different questions that lie nearest to each other, mixed, so
that each holds something else beside the right answer, as a help article does:

    stackfaq     answers of threads, asked by paraphrases of the thread's question
    bank-faqs    answers of a bank, asked by the question that stands above each

The two nearest passages by their vectors are cited, where one of them holds an answer to the
question. `kept` is the share of that answer's characters that is quoted, `right` the share of what
is quoted that is that answer, `characters` the length of what is quoted.

Before that the sample's labelled questions: how often a second passage is cited, how often that is
beside the point, of another article than the one that answers, and how many are answered rightly.

Half answers: two paraphrases of different threads in one message, of which the passages answer the
first (`told`: the second is named as not found), against one paraphrase that they answer
(`false alarms`). Values are chosen on one half (--tune prints it), figures are of the other.
"""

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.search import DIMENSION, FINGERPRINT, encode, make
from bot.content import choosing
from bot.content.answer import terms_of
from bot.content.checking import content_terms
from bot.content.choosing import Piece, choose, pieces, scores, worth_quoting
from bot.content.citing import FOUND, cited
from bot.content.coverage import missing
from kb.article import Article
from kb.evaluation import read_queries
from kb.index import Index
from kb.passages import LONGEST, Passage, size, split
from kb.readers import read_articles
from kb.search import search
from kb.store import build
from kb.vectors import FloatArray

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "retrieval"
SAMPLE = Path(__file__).resolve().parents[1] / "data" / "outdoor"
QUOTED_BEFORE = 700
Places = Sequence[tuple[int, int, int]]
"""(passage, piece, characters of it that are quoted)."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """A passage of several answers: its pieces, their vectors (n, d), and whose answer each is."""

    found: Sequence[Piece]
    owners: Sequence[str]
    vectors: FloatArray


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its vector (d,), the passages cited for it, and whose answer is right."""

    text: str
    vector: FloatArray
    cited: Sequence[Mixed]
    owner: str


Quote = Callable[[Case], Places]


def half(owner: str) -> int:
    """0 (values are chosen on it) or 1 (figures are of it)."""
    return sha256(owner.encode()).digest()[0] % 2


def grouped(texts: Sequence[str], owners: Sequence[str], vectors: FloatArray) -> list[list[int]]:
    """Each answer with its nearest of other questions, as many as a passage holds, mixed."""
    rng = random.Random(0)
    left, found, near = set(range(len(texts))), [], vectors @ vectors.T
    for first in rng.sample(range(len(texts)), len(texts)):
        if first not in left:
            continue
        group = [first]
        for other in np.argsort(-near[first]).tolist():
            new = other in left and owners[other] not in {owners[i] for i in group}
            if new and size(" ".join(texts[i] for i in [*group, other])) <= LONGEST:
                group.append(other)
            if len(group) > 5:
                break
        left -= set(group)
        found.append(rng.sample(group, len(group)))
    return found


def mixed(texts: Sequence[str], owners: Sequence[str]) -> tuple[list[Mixed], FloatArray]:
    """The passages, and their vectors (n, d)."""
    groups = grouped(texts, owners, encode(texts))
    flat = encode([piece.unit.text for text in texts for piece in pieces(text)])
    ends = np.cumsum([len(pieces(text)) for text in texts]).tolist()
    own = [flat[end - len(pieces(text)) : end] for text, end in zip(texts, ends, strict=True)]
    passages = [
        Mixed(
            [piece for i in group for piece in pieces(texts[i])],
            [owners[i] for i in group for _ in pieces(texts[i])],
            np.concatenate([own[i] for i in group]),
        )
        for group in groups
    ]
    return passages, encode(["\n".join(texts[i] for i in group) for group in groups])


def cases(
    passages: Sequence[Mixed], vectors: FloatArray, asked: Sequence[tuple[str, str]]
) -> list[Case]:
    """The questions (text, owner) one of whose nearest two passages holds the answer."""
    queries = encode([text for text, _ in asked])
    found = []
    for (text, owner), query in zip(asked, queries, strict=True):
        cited = [passages[i] for i in np.argsort(-(vectors @ query))[:2].tolist()]
        if any(owner in passage.owners for passage in cited):
            found.append(Case(text, query, cited, owner))
    return found


def judge(some: Sequence[Case], quote: Quote) -> tuple[float, float, float]:
    """(kept, right, characters), means over the cases."""
    rows = [_judged(case, quote(case)) for case in some]
    kept, right, characters = zip(*rows, strict=True)
    return fmean(kept), fmean(right), fmean(characters)


def _judged(case: Case, places: Places) -> tuple[float, float, float]:
    gold = sum(
        piece.length
        for passage in case.cited
        for piece, owner in zip(passage.found, passage.owners, strict=True)
        if owner == case.owner
    )
    quoted = sum(count for _, _, count in places)
    good = sum(n for p, i, n in places if case.cited[p].owners[i] == case.owner)
    return good / gold, good / max(1, quoted), quoted


def beginnings(case: Case, most: int) -> Places:
    """The first characters of each passage, as passages were quoted before."""
    return list(_beginnings(case, most))


def _beginnings(case: Case, most: int) -> Iterator[tuple[int, int, int]]:
    for p, passage in enumerate(case.cited):
        left = most
        for i, piece in enumerate(passage.found):
            yield p, i, min(left, piece.length)
            left = max(0, left - piece.length)


def chosen(case: Case, index: Index, *, by_meaning: bool = True) -> Places:
    """What bot/content/choosing.py takes."""
    weights = {term: word.idf for term, word in terms_of(case.text, index).items()}
    scored = [
        scores(p.found, weights, case.vector, p.vectors if by_meaning else None) for p in case.cited
    ]
    kept = worth_quoting(scored)
    found = [case.cited[p].found for p in kept]
    places = choose(found, [scored[p] for p in kept])
    return [(kept[p], i, found[p][i].length) for p, i in places]


def made_index(folder: Path, texts: Sequence[str], titles: Sequence[str] = ()) -> Index:
    """The answers as an index; its vectors are of no use here."""
    heads = titles or [""] * len(texts)
    passages = [
        Passage(i + 1, str(i), head, (), text, "")
        for i, (text, head) in enumerate(zip(texts, heads, strict=True))
    ]
    build(
        folder,
        passages,
        lambda some: np.ones((len(some), DIMENSION), dtype=np.float32),
        fingerprint=FINGERPRINT,
        dimension=DIMENSION,
    )
    return Index.open(folder, FINGERPRINT)


def cutting(
    name: str, articles: Sequence[Article], asked: Sequence[tuple[str, str]], *, tune: bool
) -> None:
    """The table of one data set."""
    passages, vectors = mixed([a.text for a in articles], [owner_of(a) for a in articles])
    every = cases(passages, vectors, asked)
    some = [case for case in every if half(case.owner)]
    with TemporaryDirectory() as folder:
        whole = ["\n".join(piece.unit.text for piece in passage.found) for passage in passages]
        index = made_index(Path(folder), whole)
        ways: dict[str, Quote] = {
            f"first {QUOTED_BEFORE} of each, as before": lambda c: beginnings(c, QUOTED_BEFORE),
            "first 300 of each": lambda c: beginnings(c, 300),
            "chosen by words alone": lambda c: chosen(c, index, by_meaning=False),
            "chosen": lambda c: chosen(c, index),
        }
        print(f"\n{f'{name}, {len(some)} questions':36}{'kept':>8}{'right':>8}{'characters':>12}")
        for label, way in ways.items():
            kept, right, characters = judge(some, way)
            print(f"  {label:34}{kept:8.3f}{right:8.3f}{characters:12.0f}", flush=True)
        if tune:
            _tune([case for case in every if not half(case.owner)], index)
        index.close()


def _tune(some: Sequence[Case], index: Index) -> None:
    was = choosing.WEIGHT, choosing.NEARLY, choosing.PASSAGE_NEARLY
    print(f"  the other half, {len(some)} questions:")
    for weight in (0.3, 0.5, 0.7, 1.0):
        for nearly in (0.4, 0.5, 0.6, 0.7):
            choosing.WEIGHT, choosing.NEARLY = weight, nearly
            kept, right, characters = judge(some, lambda c: chosen(c, index))
            label = f"weight {weight}, nearly {nearly}"
            print(f"  {label:34}{kept:8.3f}{right:8.3f}{characters:12.0f}", flush=True)
    choosing.WEIGHT, choosing.NEARLY = was[:2]
    for least in (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        choosing.PASSAGE_NEARLY = least
        kept, right, characters = judge(some, lambda c: chosen(c, index))
        label = f"passages from {least} of the best"
        print(f"  {label:34}{kept:8.3f}{right:8.3f}{characters:12.0f}", flush=True)
    choosing.PASSAGE_NEARLY = was[2]


def owner_of(article: Article) -> str:
    """The thread of an answer, or the question above it."""
    thread, slash, _ = article.id.partition("/")
    return thread if slash else article.title.strip().casefold()


def halves(articles: Sequence[Article], asked: Sequence[tuple[str, str]], side: int) -> None:
    """How often a half answer says so, and a whole one does."""
    rng = random.Random(0)
    some = [(text, owner) for text, owner in asked if half(owner) == side]
    covered: dict[str, frozenset[str]] = {}
    for article in articles:
        terms = content_terms(f"{article.title} {article.text}")
        owner = owner_of(article)
        covered[owner] = covered.get(owner, frozenset()) | terms
    alarms = told = 0
    with TemporaryDirectory() as folder:
        heads = [article.title for article in articles]
        index = made_index(Path(folder), [article.text for article in articles], heads)
        for text, owner in some:
            other = rng.choice([t for t, o in some if o != owner])
            both = f"{text.rstrip('.?')} and {other}"
            alarms += bool(missing(text, covered[owner], lambda part: terms_of(part, index)))
            told += bool(missing(both, covered[owner], lambda part: terms_of(part, index)))
        index.close()
    print(f"\nhalf answers, {len(some)} pairs of questions: told {told / len(some):.3f}", end="")
    print(f", false alarms {alarms / len(some):.3f} (before: never told)")


def second_passages() -> None:
    """What a second passage is worth on the sample's labelled questions: how often one is cited,
    how often it is of another article than the one that answers, and how often any is of that."""
    articles = read_articles(SAMPLE / "kb").articles
    asked = [query for query in read_queries(SAMPLE / "questions.jsonl") if query.gold]
    with TemporaryDirectory() as folder:
        passages = [passage for article in articles for passage in split(article)]
        index = make(Path(folder), passages, encode)
        vectors = encode([query.text for query in asked])
        found = [search(index, q.text, v, FOUND) for q, v in zip(asked, vectors, strict=True)]
        index.close()
    ways = {"the best two, as before": lambda hits: tuple(hits[:2]), "cited": cited}
    print(f"\n{f'sample, {len(asked)} questions':36}{'second':>8}{'beside':>8}{'right':>8}")
    for label, way in ways.items():
        named = [[hit.passage.article for hit in way(hits)] for hits in found]
        seconds = [(some[1], q.gold) for some, q in zip(named, asked, strict=True) if some[1:]]
        beside = sum(article not in gold for article, gold in seconds)
        right = sum(any(a in q.gold for a in some) for some, q in zip(named, asked, strict=True))
        print(f"  {label:34}{len(seconds):8}{beside:8}{right:8}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tune", action="store_true", help="also the values on the other half")
    tune = parser.parse_args().tune
    second_passages()
    threads = read_articles(DATA / "stackfaq" / "kb").articles
    queries = read_queries(DATA / "stackfaq" / "queries.jsonl")
    asked = [(query.text, query.id.split("/")[0]) for query in queries]
    halves(threads, asked, 1)
    if tune:
        halves(threads, asked, 0)
    cutting("stackfaq", threads, asked, tune=tune)
    bank = read_articles(DATA / "bank-faqs" / "kb").articles
    cutting("bank-faqs", bank, [(article.title, owner_of(article)) for article in bank], tune=tune)


if __name__ == "__main__":
    main()
