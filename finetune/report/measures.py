"""What the page shows beyond the run's own figures, counted from the held-out messages.

Nothing is measured a second way: right and wrong, the label that counts, and the share answered
are those of `finetune.evaluation` and `finetune.calibration`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.calibration import RiskThreshold, threshold_at_risk
from finetune.report.values import Prediction, TrainingReport
from finetune.risk import Trials

FloatArray = npt.NDArray[np.float64]

BINS = 15  # as in `expected_calibration_error`
_RESAMPLES = 200
_POINTS = 100  # of the risk-coverage curve


@dataclass(frozen=True, slots=True)
class IntentScore:
    """One intent on the test messages: its own `n`, precision, recall and F1 (0 where undefined),
    the messages it missed and those it took from others, the surest mistakes first."""

    name: str
    n: int
    guessed: int
    precision: float
    recall: float
    f1: float
    missed: tuple[Prediction, ...]
    taken: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Two intents that were taken for each other: `there` messages of `one` were read as `other`,
    `back` the other way round; `examples` are the surest."""

    one: str
    other: str
    there: int
    back: int
    examples: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """The messages whose confidence lies in (low, high]: how sure, and how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class RiskCurve:
    """The share of wrong answers (k,) when the surest `coverage` (k,) of the messages are answered;
    `low` and `high` hold 90 % of it over redrawn chats."""

    coverage: FloatArray
    risk: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Promise:
    """The threshold of the calibration messages, and what it does on the test messages: the share
    that would be answered and the share of those answers that is wrong (None: no answer)."""

    certified: RiskThreshold
    answered: float
    wrong: float | None


def per_intent(judged: Sequence[Prediction]) -> list[IntentScore]:
    """Every intent that a judged message is labelled with or read as, the lowest F1 first; those
    with no message of their own come last.

    The mean F1 of those with messages of their own is `evaluation.intent_metrics`' macro_f1.
    """
    names = sorted({name for one in judged for name in (one.label, str(one.guess))})
    if not names:
        return []
    from sklearn.metrics import precision_recall_fscore_support

    gold, guesses = [one.label for one in judged], [str(one.guess) for one in judged]
    figures = precision_recall_fscore_support(gold, guesses, labels=names, zero_division=0.0)
    guessed = Counter(guesses)
    missed, taken = _mistakes_by(judged)
    scores = [
        IntentScore(
            name,
            int(n),
            guessed[name],
            float(precision),
            float(recall),
            float(f1),
            tuple(missed[name]),
            tuple(taken[name]),
        )
        for name, precision, recall, f1, n in zip(names, *figures, strict=True)
    ]
    return sorted(scores, key=lambda score: (score.n == 0, score.f1, -score.n))


def confusions(judged: Sequence[Prediction], examples: int = 3) -> list[Confusion]:
    """Pairs of intents by the number of messages confused between them, the most first."""
    pairs: defaultdict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for one in _surest_mistakes(judged):
        first, second = sorted((one.label, str(one.guess)))
        pairs[first, second].append(one)
    ranked = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))
    return [_confusion(pair, mistakes, examples) for pair, mistakes in ranked]


def matrix(judged: Sequence[Prediction]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Names (c,) and counts (c, c): messages of the row's intent that were read as the column's."""
    names = sorted({name for one in judged for name in (one.label, str(one.guess))})
    number = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for one in judged:
        counts[number[one.label], number[str(one.guess)]] += 1
    return names, counts


def reliability(judged: Sequence[Prediction]) -> list[Bin]:
    """The bins of `expected_calibration_error` that hold a message, from unsure to sure."""
    confidence, right = verdicts(judged)
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return [
        Bin(
            place / BINS,
            (place + 1) / BINS,
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(right[inside].mean()),
        )
        for place in range(BINS)
        if (inside := places == place).any()
    ]


def risk_curve(judged: Sequence[Prediction], seed: int = 7) -> RiskCurve:
    """Risk at every coverage, with a bootstrap over conversations (200 redraws).

    Messages of equal confidence are answered together: between them the curve is their mean.
    """
    confidence, right = verdicts(judged)
    order = np.argsort(-confidence, kind="stable")
    wrong = _shared_by_ties(confidence[order], (~right[order]).astype(float))
    chat = _chats(judged)
    at = np.unique(np.linspace(1, len(wrong), min(_POINTS, len(wrong))).astype(int))
    coverage = at / len(wrong)
    rng, chats = np.random.default_rng(seed), int(chat.max()) + 1
    drawn = [rng.multinomial(chats, np.full(chats, 1 / chats))[chat] for _ in range(_RESAMPLES)]
    risks = np.stack([_risk_at(coverage, wrong, times[order].astype(float)) for times in drawn])
    low, high = np.quantile(risks, (0.05, 0.95), axis=0)
    return RiskCurve(coverage, _risk_at(coverage, wrong, np.ones(len(wrong))), low, high)


def promise(report: TrainingReport) -> Promise | None:
    """What the owner's limit lets the bot answer: certified on the calibration messages, from where
    those of validation let the search begin, counted on the test messages. None where there is
    nothing to count."""
    judged = report.part("test")
    if not judged:
        return None
    held, others = report.part("calibration"), report.part("validation")
    inside = np.zeros(len(others), np.bool_)
    pilot = Trials.of(*verdicts(others), _chats(others), inside, share=0.0)
    certified = threshold_at_risk(
        *verdicts(held), report.max_wrong, conversations=_chats(held), pilot=pilot
    )
    if certified.threshold is None:
        return Promise(certified, 0.0, None)
    confidence, right = verdicts(judged)
    answered = confidence >= certified.threshold
    wrong = float((~right[answered]).mean()) if answered.any() else None
    return Promise(certified, float(answered.mean()), wrong)


def verdicts(judged: Sequence[Prediction]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Confidence (n,) of judged messages and whether the guess is right (n,)."""
    confidence = np.array([one.confidence for one in judged], np.float64)
    return confidence, np.array([one.right for one in judged], np.bool_)


def _chats(judged: Sequence[Prediction]) -> npt.NDArray[np.int64]:
    """(n,) a number for the conversation of each message, 0 and up."""
    ids = [one.place.conversation for one in judged]
    return np.unique(np.array(ids, dtype=object), return_inverse=True)[1].astype(np.int64)


def _surest_mistakes(judged: Sequence[Prediction]) -> list[Prediction]:
    return sorted((one for one in judged if not one.right), key=lambda one: -one.confidence)


def _mistakes_by(
    judged: Sequence[Prediction],
) -> tuple[defaultdict[str, list[Prediction]], defaultdict[str, list[Prediction]]]:
    """The mistakes by the label that was missed, and by the intent that was read instead."""
    missed: defaultdict[str, list[Prediction]] = defaultdict(list)
    taken: defaultdict[str, list[Prediction]] = defaultdict(list)
    for one in _surest_mistakes(judged):
        missed[one.label].append(one)
        taken[str(one.guess)].append(one)
    return missed, taken


def _confusion(pair: tuple[str, str], mistakes: list[Prediction], examples: int) -> Confusion:
    there = sum(one.label == pair[0] for one in mistakes)
    back = len(mistakes) - there
    one, other = pair if there >= back else pair[::-1]
    return Confusion(one, other, max(there, back), min(there, back), tuple(mistakes[:examples]))


def _shared_by_ties(confidence: FloatArray, wrong: FloatArray) -> FloatArray:
    """Each sorted message's wrongness as the mean of those that are just as sure."""
    _, group = np.unique(-confidence, return_inverse=True)
    return (np.bincount(group, weights=wrong) / np.bincount(group))[group]


def _risk_at(coverage: FloatArray, wrong: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of wrong answers among the surest `coverage` of the weighted messages."""
    answered = np.cumsum(weights)
    mistakes = np.cumsum(weights * wrong)
    upto = np.searchsorted(answered, coverage * answered[-1] - 1e-9)
    return np.asarray(mistakes[upto] / answered[upto])
