"""Confidence that means what it says, and thresholds that keep a promise about wrong answers.

All functions judge held-out data that took no part in training.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.errors import FinetuneError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

TEMPERATURES = (0.05, 20.0)
_FEWEST_FOR_TEMPERATURE = 30
_CANDIDATES = 50


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

    With probability `confidence_level` over the draw of the calibration data, at most `max_risk`
    of the answers given at the threshold are wrong. `answered` and `wrong` count the calibration
    messages at the threshold (or at the place where certifying failed), `bound` is the
    Clopper-Pearson upper bound of the wrong rate there.
    """

    threshold: float | None
    max_risk: float
    confidence_level: float
    n: int
    answered: int
    wrong: int
    bound: float
    reason: str


def wrong_rate_bound(wrong: int, answered: int, confidence_level: float) -> float:
    """The one-sided Clopper-Pearson upper bound of a rate (1.0 where nothing was answered)."""
    from scipy.special import betaincinv

    if wrong >= answered:
        return 1.0
    return float(betaincinv(wrong + 1, answered - wrong, confidence_level))


def threshold_at_risk(
    scores: FloatArray, correct: BoolArray, max_risk: float, confidence_level: float = 0.9
) -> RiskThreshold:
    """The lowest threshold whose wrong rate among answers is certified to be within `max_risk`.

    Learn-then-test with fixed-sequence testing (Angelopoulos et al. 2021, arXiv:2110.01052): at
    most 51 thresholds, chosen by the scores alone, are tried from the most careful down, and the
    first that its bound does not certify ends the search. Since a later one is tried only after
    all before it passed, the promise costs no correction for the number tried.

    The careful end must not be too careful: the few surest answers cannot certify anything (5 %
    at 90 % takes 45 answers without a fault, or 77 with one). So the search starts where one
    wrong answer is still allowed, or none in a sample smaller than that. On simulated scores
    that did best on average over sample sizes and risk curves (a later start gains a little
    from 1,700 messages up); several starts that share the error did worse. Each
    candidate is the fewest answers that allow its number of wrong ones.

    The thresholds lie on the scores they are judged by; tests/finetune/test_calibration.py checks
    by simulation that the promise holds all the same.

    Args:
        scores: (n,) any finite scale, higher is surer.
        correct: (n,) whether the answer at that score would have been right.

    Raises:
        FinetuneError: shapes differ, a score is not finite, or a rate is not between 0 and 1.
    """
    _check(scores, correct, max_risk, confidence_level)
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ranked = np.asarray(scores, np.float64)[order]
    wrong_so_far = np.cumsum(~np.asarray(correct, bool)[order])
    n, fewest = len(ranked), int(_fewest(0, max_risk, confidence_level))
    if n < fewest:
        reason = f"too little data: {n:,} judged messages, {fewest:,} needed at least"
        return RiskThreshold(None, max_risk, confidence_level, n, 0, 0, 1.0, reason)
    certified = None
    for tried in _candidate_counts(n, max_risk, confidence_level):
        threshold = float(ranked[tried - 1])
        answered = int(np.searchsorted(-ranked, -threshold, side="right"))
        wrong = int(wrong_so_far[answered - 1])
        bound = wrong_rate_bound(wrong, answered, confidence_level)
        facts = (max_risk, confidence_level, n, answered, wrong, bound)
        if bound > max_risk:
            return certified or RiskThreshold(None, *facts, _too_wrong(wrong, answered, bound))
        certified = RiskThreshold(threshold, *facts, "certified")
    assert certified is not None  # there is always a first candidate
    return certified


def _check(
    scores: FloatArray, correct: BoolArray, max_risk: float, confidence_level: float
) -> None:
    if np.shape(scores) != np.shape(correct) or np.ndim(scores) != 1:
        shapes = f"{np.shape(scores)} scores, {np.shape(correct)} verdicts"
        raise FinetuneError(f"a threshold needs one verdict a score, got {shapes}")
    if not np.isfinite(scores).all():
        raise FinetuneError("a score is not a finite number; the model that gave it is broken")
    for name, value in (("max_risk", max_risk), ("confidence_level", confidence_level)):
        if not 0 < value < 1:
            raise FinetuneError(f"{name} is {value}; it must lie between 0 and 1")


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
    spread = np.linspace(one if one <= n else none, n, _CANDIDATES).astype(int)
    allowed = np.maximum(binom.ppf(1 - confidence_level, spread, max_risk) - 1, 0).astype(int)
    counts = np.minimum(_fewest(allowed, max_risk, confidence_level), n)
    return sorted({*counts.tolist(), n})


def _too_wrong(wrong: int, answered: int, bound: float) -> str:
    return (
        f"too many wrong: {wrong:,} of the {answered:,} surest answers, "
        f"so the rate may be as high as {bound:.1%}"
    )
