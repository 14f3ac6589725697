"""Confidence that means what it says, and thresholds that keep a promise about wrong answers.

All functions judge held-out data that took no part in training.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.errors import FinetuneError
from finetune.risk import CONFIDENCE_LEVEL, Counts, Trials, wrong_rate_bound

__all__ = [
    "CONFIDENCE_LEVEL",
    "RiskThreshold",
    "cross_entropy",
    "expected_calibration_error",
    "fit_temperature",
    "threshold_at_risk",
    "wrong_rate_bound",
]

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

TEMPERATURES = (0.05, 20.0)
_FEWEST_FOR_TEMPERATURE = 30
_CANDIDATES = 50
_FINE_CANDIDATES = 100
_NEARLY_LEAST = 2.0  # times the least p-value on the pilot: no reason yet to begin further down
_SMALL_ENOUGH = 1e-4  # p-values below it are alike


def fit_temperature(logits: FloatArray, targets: FloatArray) -> float:
    """The temperature that minimises the negative log-likelihood of softmax(logits / T).

    Args:
        logits: (n, c) scores.
        targets: (n, c) rows that add up to 1; several right labels share a row.

    Returns:
        T between 0.05 and 20; 1.0 where n < 30, too few to fit even one number
        (Guo et al. 2017, arXiv:1706.04599).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    if len(logits) < _FEWEST_FOR_TEMPERATURE:
        return 1.0
    scores = np.asarray(logits, np.float64)
    wanted = float((scores * targets).sum(axis=1).mean())

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        return float(logsumexp(scores / temperature, axis=1).mean()) - wanted / temperature

    low, high = map(math.log, TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return float(np.clip(math.exp(found.x), *TEMPERATURES))


def cross_entropy(logits: FloatArray, targets: FloatArray) -> float:
    """The mean negative log-likelihood of softmax(logits), (n, c), under targets as above."""
    from scipy.special import logsumexp

    return float((logsumexp(logits, axis=1) - (logits * targets).sum(axis=1)).mean())


def expected_calibration_error(confidence: FloatArray, correct: BoolArray, bins: int = 15) -> float:
    """How far confidence is from accuracy, averaged over equal-width bins weighted by size.

    `confidence` (n,) lies in 0..1, `correct` (n,) is boolean; 0 is perfect, and n = 0 gives 0
    (Guo et al. 2017).
    """
    if not len(confidence):
        return 0.0
    places = np.clip(np.ceil(np.asarray(confidence) * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(places, weights=np.asarray(correct, float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


@dataclass(frozen=True, slots=True)
class RiskThreshold:
    """Answer where the score is at least `threshold`; None: never answer, `reason` says why.

    With probability `confidence_level` over the draw of the calibration chats, at most `max_risk`
    of the answers given at the threshold are wrong, in traffic of which `share` is out of scope
    (None: as in the calibration chats). `n` messages of `conversations` chats were judged, of
    which `outside` are out of scope; `pilot` other messages chose where the search began.
    `answered` and `wrong` count those at the threshold (or at the place where certifying failed);
    `wrong_rate` is their share at that share of out of scope, and `bound` its upper bound.
    """

    threshold: float | None
    max_risk: float
    confidence_level: float
    share: float | None
    n: int
    outside: int
    conversations: int
    pilot: int
    answered: int
    wrong: int
    wrong_rate: float
    bound: float
    reason: str


def threshold_at_risk(
    scores: FloatArray,
    correct: BoolArray,
    max_risk: float,
    confidence_level: float = CONFIDENCE_LEVEL,
    *,
    conversations: IntArray | None = None,
    outside: BoolArray | None = None,
    share: float | None = None,
    pilot: Trials | None = None,
) -> RiskThreshold:
    """The lowest threshold whose wrong rate among answers is certified to be within `max_risk`.

    Learn-then-test with fixed-sequence testing (Angelopoulos et al. 2021, arXiv:2110.01052): at
    most 51 thresholds (151 where messages out of scope are weighed), chosen by the scores and the
    number of messages alone, are tried from the most careful down, and the
    first that its test does not certify ends the search. Since a later one is tried only after
    all before it passed, the promise costs no correction for the number tried.

    The careful end must not be too careful: the few surest answers cannot certify anything (5 %
    at 90 % takes 45 answers without a fault, or 77 with one). So the search starts where one
    wrong answer is still allowed, or none in a sample smaller than that. On simulated scores
    that did best on average over sample sizes and risk curves (a later start gains a little
    from 1,700 messages up); several starts that share the error did worse. Each
    candidate is the fewest answers that allow its number of wrong ones.

    Even so one hair too many wrong among the few surest answers ends the search before it has
    begun. With a `pilot`, trials that are independent of these, the first candidates are left out
    where the pilot finds later ones easier to certify (split fixed-sequence testing in the same
    paper; Pareto testing, Laufer-Goldshtein et al. 2023, arXiv:2210.07913). The promise asks
    nothing of the pilot but that independence: one that is too optimistic, or too small, costs
    coverage alone.

    The test is `finetune.risk.Counts.p_value`: its unit is the conversation, and with `share` it
    weighs the messages out of scope by their share in the traffic to come. With one message a
    chat and no `share` it is the Clopper-Pearson bound.

    The thresholds lie on the scores they are judged by; tests/finetune/test_calibration.py checks
    by simulation that the promise holds all the same, for chats of many lengths and for shares
    that change.

    Args:
        scores: (n,) any finite scale, higher is surer.
        correct: (n,) whether the answer at that score would have been right.
        conversations: (n,) a number for each chat; None: each message is a chat.
        outside: (n,) which messages are out of scope; only read where `share` is given.
        share: of the traffic to come, how much is out of scope, from 0 up to less than 1.
        pilot: trials of other chats, as the same way of answering would have answered them.

    Raises:
        FinetuneError: shapes differ, a score is not finite, or a rate is not between 0 and 1.
    """
    n = len(scores)
    chats = np.arange(n) if conversations is None else np.asarray(conversations)
    out = np.zeros(n, bool) if share is None or outside is None else np.asarray(outside, bool)
    _check(scores, correct, chats, out, max_risk, confidence_level, share)
    if share == 0:
        scores, correct, chats, out = scores[~out], correct[~out], chats[~out], out[~out]
    trials = Trials.of(scores, correct, chats, out, share or 0.0)

    def conclude(threshold: float | None, counts: Counts, reason: str) -> RiskThreshold:
        return RiskThreshold(
            threshold, max_risk, confidence_level, share, len(out), int(out.sum()), trials.chats,
            len(pilot.scores) if pilot else 0, counts.answered, counts.wrong, counts.rate,
            counts.bound(confidence_level), reason,
        )  # fmt: skip

    candidates = _candidates(trials, max_risk, confidence_level)
    if not candidates:
        reason = _too_little(trials, max_risk, confidence_level)
        return conclude(None, trials.at(np.inf), reason)
    certified = None
    for threshold in candidates[_start(pilot, candidates, max_risk) if pilot else 0 :]:
        counts = trials.at(threshold)
        if counts.p_value(max_risk) > 1 - confidence_level:
            break
        certified = threshold, counts
    if certified is None:
        return conclude(None, counts, _too_wrong(counts, counts.bound(confidence_level)))
    return conclude(*certified, "certified")


def _candidates(trials: Trials, max_risk: float, confidence_level: float) -> list[float]:
    """The thresholds to try, the most careful first: those at which so much is answered that one
    fault would not be too many; where there are none, those at which none would not be."""
    weighed = bool(trials.outside and trials.share)
    counts = _candidate_counts(int(trials.worth), max_risk, confidence_level)
    if weighed and counts:  # what matters there is not how many in scope are allowed to be wrong
        steps = np.linspace(counts[0], counts[-1], _FINE_CANDIDATES).astype(int)
        counts = [*counts, *steps.tolist()]
    found = sorted({trials.threshold_for(count) for count in counts}, reverse=True)
    for allowed in (1, 0) if weighed else (0,):  # the counts allow one where they can
        for place, threshold in enumerate(found):
            counted = trials.at(threshold).with_faults(allowed)
            if counted.p_value(max_risk) <= 1 - confidence_level:
                return found[place:]
    return []


def _start(pilot: Trials, candidates: list[float], max_risk: float) -> int:
    """The place of the most careful candidate that is about as easy to certify on the pilot as any:
    its p-value there is at most _NEARLY_LEAST times the least, so that chance alone seldom moves
    the start."""
    surprise = np.array([pilot.at(threshold).p_value(max_risk) for threshold in candidates])
    near = _NEARLY_LEAST * max(float(surprise.min()), _SMALL_ENOUGH)
    return int(np.argmax(surprise <= near))


def _check(
    scores: FloatArray,
    correct: BoolArray,
    conversations: IntArray,
    outside: BoolArray,
    max_risk: float,
    confidence_level: float,
    share: float | None,
) -> None:
    if np.shape(scores) != np.shape(correct) or np.ndim(scores) != 1:
        shapes = f"{np.shape(scores)} scores, {np.shape(correct)} verdicts"
        raise FinetuneError(f"a threshold needs one verdict a score, got {shapes}")
    if not np.shape(scores) == conversations.shape == outside.shape:
        shapes = f"{len(scores)} scores, {len(conversations)} chats, {len(outside)} scopes"
        raise FinetuneError(f"a threshold needs one chat and one scope a score, got {shapes}")
    if not np.isfinite(scores).all():
        raise FinetuneError("a score is not a finite number; the model that gave it is broken")
    for name, value in (("max_risk", max_risk), ("confidence_level", confidence_level)):
        if not 0 < value < 1:
            raise FinetuneError(f"{name} is {value}; it must lie between 0 and 1")
    if share is not None and not 0 <= share < 1:
        raise FinetuneError(f"share is {share}; it must be 0 or more and less than 1")


def _fewest(wrong: int | IntArray, max_risk: float, confidence_level: float) -> IntArray:
    """The fewest answers whose bound is within `max_risk` when this many of them are wrong.

    The bound passes when so few wrong ones would be rarer than 1 - confidence_level at
    `max_risk`: when one more would have come by then, a negative binomial matter.
    """
    from scipy.stats import nbinom

    one_more = np.asarray(wrong) + 1
    fewest: IntArray = (nbinom.ppf(confidence_level, one_more, max_risk) + one_more).astype(int)
    return fewest


def _candidate_counts(n: int, max_risk: float, confidence_level: float) -> list[int]:
    """How many of the surest answers each candidate threshold lets through, ascending, <= n."""
    from scipy.stats import binom

    none, one = _fewest(np.array([0, 1]), max_risk, confidence_level)
    if n < none:
        return []
    spread = np.linspace(one if one <= n else none, n, _CANDIDATES).astype(int)
    allowed = np.maximum(binom.ppf(1 - confidence_level, spread, max_risk) - 1, 0).astype(int)
    counts = np.minimum(_fewest(allowed, max_risk, confidence_level), n)
    return sorted({*counts.tolist(), n})


def _too_little(trials: Trials, max_risk: float, confidence_level: float) -> str:
    needed, n = int(_fewest(0, max_risk, confidence_level)), trials.inside
    if n < needed:
        return f"too little data: {n:,} judged messages, {needed:,} needed at least"
    if trials.worth < needed:
        return (
            f"too little data: {n:,} judged messages of {trials.chats:,} chats tell as much as "
            f"{int(trials.worth):,} on their own, {needed:,} needed at least"
        )
    return (
        f"too little data: {trials.outside:,} messages out of scope are too few to promise "
        f"anything where {trials.share:.0%} of the messages are"
    )


def _too_wrong(counts: Counts, bound: float) -> str:
    return (
        f"too many wrong: {counts.wrong:,} of the {counts.answered:,} surest answers, "
        f"so the rate may be as high as {bound:.1%}"
    )
