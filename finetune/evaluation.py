"""How good a model is, in the numbers that others publish, counted without favour.

A message with several labelled intents is right when any of them comes first; a reply is ranked
against replies that are truly different from it; a tie counts against the model.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from finetune.calibration import expected_calibration_error
from finetune.tags import Span
from finetune.text import normalise

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent said, and the template it came from where that is known."""

    text: str
    template: str | None = None


def intent_metrics(
    probabilities: FloatArray, gold: Sequence[set[str]], labels: Sequence[str]
) -> dict[str, float]:
    """n, accuracy, macro_f1 and ece of the first guess; only n where there is nothing to judge.

    Args:
        probabilities: (n, c), calibrated, one column a label.
        gold: the labelled intents of each message, at least one; one that is not among `labels`
            can never be right.
        labels: (c,) names of the columns.

    macro_f1 is scikit-learn's over the labels that occur in gold, where a message's one label is
    the guess if it is right, else the alphabetically first of its labels. Where labels have a "/",
    group_accuracy is that of what stands before the first one, its likelihoods added up.
    """
    if not len(gold):
        return {"n": 0}
    from sklearn.metrics import f1_score

    guesses = [labels[place] for place in probabilities.argmax(axis=1)]
    right = np.array([guess in names for guess, names in zip(guesses, gold, strict=True)])
    single = [
        guess if guess in names else min(names) for guess, names in zip(guesses, gold, strict=True)
    ]
    f1 = f1_score(single, guesses, labels=sorted(set(single)), average="macro", zero_division=0.0)
    return {
        "n": len(gold),
        "accuracy": float(right.mean()),
        "macro_f1": float(f1),
        **_group_accuracy(probabilities, gold, labels),
        "ece": expected_calibration_error(probabilities.max(axis=1), right),
    }


def _group_accuracy(
    probabilities: FloatArray, gold: Sequence[set[str]], labels: Sequence[str]
) -> dict[str, float]:
    groups = [label.partition("/")[0] for label in labels]
    if groups == list(labels):
        return {}
    names = sorted(set(groups))
    belongs = np.asarray([[group == name for name in names] for group in groups], float)
    guesses = (probabilities @ belongs).argmax(axis=1)
    true = [{label.partition("/")[0] for label in own} for own in gold]
    right = [names[guess] in own for guess, own in zip(guesses, true, strict=True)]
    return {"group_accuracy": float(np.mean(right))}


def multi_intent_metrics(
    probabilities: FloatArray, gold: Sequence[set[str]], labels: Sequence[str], share: float
) -> dict[str, float]:
    """n, exact and micro_f1 of all the intents found in a message: those at least `share` times
    as likely as the likeliest (Tsoumakas and Katakis 2007 name both figures)."""
    if not len(gold):
        return {"n": 0}
    names = np.asarray(labels)
    found = [set(names[row >= share * row.max()].tolist()) for row in probabilities]
    both = sum(len(guess & true) for guess, true in zip(found, gold, strict=True))
    total = sum(len(guess) + len(true) for guess, true in zip(found, gold, strict=True))
    exact = np.mean([guess == true for guess, true in zip(found, gold, strict=True)])
    return {"n": len(gold), "exact": float(exact), "micro_f1": 2 * both / total}


def class_metrics(
    probabilities: FloatArray, gold: IntArray, labels: Sequence[str]
) -> dict[str, float]:
    """As `intent_metrics`, for one label a message, given by its number (n,)."""
    return intent_metrics(probabilities, [{labels[number]} for number in gold], labels)


def entity_metrics(
    texts: Sequence[str], gold: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]
) -> dict[str, Any]:
    """n, precision, recall, f1 (micro, exact spans) and the same for each type, by seqeval.

    Every character is a token to seqeval, so the figures do not depend on a tokenizer. Of spans
    that overlap in one text, which tags cannot hold, the first counts.
    """
    if not len(texts):
        return {"n": 0}
    from seqeval.metrics import classification_report

    marked = [character_tags(text, spans) for text, spans in zip(texts, gold, strict=True)]
    guessed = [character_tags(text, spans) for text, spans in zip(texts, found, strict=True)]
    if not any(gold) and not any(found):
        return {"n": len(texts), "precision": 1.0, "recall": 1.0, "f1": 1.0, "types": {}}
    report = classification_report(marked, guessed, output_dict=True, zero_division=0)
    types = {name: _figures(row) for name, row in report.items() if not name.endswith(" avg")}
    overall = _figures(report["micro avg"])
    del overall["n"]
    return {"n": len(texts), **overall, "types": types}


def character_tags(text: str, spans: Sequence[Span]) -> list[str]:
    """One IOB2 tag a character."""
    tags = ["O"] * len(text)
    for start, end, name in spans:
        if all(tag == "O" for tag in tags[start:end]):
            tags[start:end] = [f"B-{name}", *[f"I-{name}"] * (end - start - 1)]
    return tags


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        "precision": float(row["precision"]),
        "recall": float(row["recall"]),
        "f1": float(row["f1-score"]),
        "n": int(row["support"]),
    }


def ranking_metrics(ranks: IntArray) -> dict[str, float]:
    """n, r@1, r@5, r@10 and mrr of 1-based ranks; only n where there are none."""
    if not len(ranks):
        return {"n": 0}
    recalls = {f"r@{k}": float((ranks <= k).mean()) for k in (1, 5, 10)}
    return {"n": len(ranks), **recalls, "mrr": float((1.0 / ranks).mean())}


def distinct_replies(replies: Iterable[Reply]) -> list[Reply]:
    """The replies without near-repeats (same normalised text), the first of each, in order."""
    first: dict[str, Reply] = {}
    for reply in replies:
        first.setdefault(_key(reply.text), reply)
    return list(first.values())


def draw_candidates(
    right: Reply, pool: Sequence[Reply], rng: np.random.Generator, n: int = 99
) -> list[int]:
    """Positions of up to `n` wrong replies, drawn without repeats from `pool`.

    A reply with the right one's normalised text or template is never drawn. The pool must be
    distinct already (`distinct_replies`). Fewer than `n` come back from a small pool.
    """
    drawn: list[int] = []
    for place in _shuffled(len(pool), rng):
        if len(drawn) == n:
            break
        if not _same(right, pool[place]):
            drawn.append(place)
    return drawn


def candidate_sets(
    right: Iterable[int], replies: Mapping[int, Reply], seed: int, n: int = 99
) -> Iterator[npt.NDArray[np.int64]]:
    """For each right reply, lazily, the numbers of it and of up to `n` wrong ones, it first.

    `replies` are all replies of the chats that are judged, by any number; the same seed and order
    give the same candidates.
    """
    number_of = {reply: number for number, reply in replies.items()}
    pool = distinct_replies(replies.values())
    rng = np.random.default_rng(seed)
    for number in right:
        drawn = draw_candidates(replies[number], pool, rng, n)
        yield np.asarray([number, *(number_of[pool[place]] for place in drawn)], dtype=np.int64)


def reply_ranks(
    queries: FloatArray, vectors: FloatArray, candidates: Iterable[IntArray]
) -> npt.NDArray[np.int64]:
    """Ranks (m,) of the right replies for reply queries (m, d), by dot product.

    `vectors` (t, d) are those of all texts; the m `candidates` number them, the right one first.
    """
    ranks = [
        rank_of_right(vectors[numbers] @ query)
        for query, numbers in zip(queries, candidates, strict=False)
    ]
    return np.asarray(ranks, dtype=np.int64)


def rank_of_right(scores: FloatArray, right_index: int = 0) -> int:
    """The 1-based rank of the right candidate's score among (n,) scores; a tie counts against it.

    A score that is not a number puts the right one last.
    """
    ahead = ~(scores < scores[right_index])  # also true for every comparison with NaN
    return int(ahead.sum())


def _shuffled(count: int, rng: np.random.Generator, at_a_time: int = 256) -> Iterator[int]:
    """0 to count - 1 in random order, at the cost of those that are taken: Fisher and Yates'
    shuffle of a list of which only the moved places are ever written down."""
    moved: dict[int, int] = {}
    for left in range(count, 0, -at_a_time):
        sizes = np.arange(left, max(left - at_a_time, 0), -1)
        for size, place in zip(sizes.tolist(), rng.integers(sizes).tolist(), strict=True):
            yield moved.get(place, place)
            moved[place] = moved.get(size - 1, size - 1)


def _same(one: Reply, other: Reply) -> bool:
    if one.template is not None and one.template == other.template:
        return True
    return _key(one.text) == _key(other.text)


@lru_cache(maxsize=65_536)
def _key(text: str) -> str:
    return normalise(text)
