"""What held-out chats say about a rate of wrong answers, when the messages of a chat are alike and
when the traffic to come has another share of messages out of scope.

Two repairs of the binomial test of a rate, each of which leaves it as it is where nothing is
amiss. Messages of one chat are worth fewer than as many of different chats: counts are divided by
a design effect. And in-scope and out-of-scope messages are two samples that the traffic to come
mixes in a stated share: the test takes the worst way in which both could make up the rate.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
NumberArray = npt.NDArray[np.number]

CONFIDENCE_LEVEL = 0.9
_MIXTURES = 25  # ways to make up the rate that are tried


def wrong_rate_bound(
    wrong: float, answered: float, confidence_level: float = CONFIDENCE_LEVEL
) -> float:
    """The one-sided Clopper-Pearson upper bound of a rate (1.0 where nothing was answered).

    The counts need not be whole: effective counts are fractions.
    """
    from scipy.special import betaincinv

    if wrong >= answered:
        return 1.0
    return float(betaincinv(wrong + 1, answered - wrong, confidence_level))


def likeness(wrong: NumberArray, judged: NumberArray) -> float:
    """How alike the verdicts within one chat are, 0 (independent) to 1 (all right or all wrong).

    The intraclass correlation over all pairs of messages of one chat. One more chat, of mean
    length and all wrong, is counted in: with few mistakes the data cannot show that mistakes come
    alone, and then they are taken to come together.

    Args:
        wrong: (k,) wrong messages of each chat.
        judged: (k,) judged messages of each chat, at least one.
    """
    length = mean_length(judged)
    sizes, wrongs = np.append(judged, length), np.append(wrong, length)
    rate = wrongs.sum() / max(sizes.sum(), 1)
    pairs = (sizes * (sizes - 1)).sum() * rate * (1 - rate)
    if pairs <= 0:
        return 1.0
    own = wrongs * (1 - rate) ** 2 + (sizes - wrongs) * rate**2
    return float(np.clip(((wrongs - rate * sizes) ** 2 - own).sum() / pairs, 0.0, 1.0))


def mean_length(sizes: NumberArray) -> float:
    """The mean length of the chat that a message comes from: long chats hold more of them."""
    return float((sizes**2).sum() / max(sizes.sum(), 1))


def design_effect(sizes: NumberArray, alike: float) -> float:
    """How many messages of chats of these sizes are worth one on its own (Kish 1965)."""
    return 1 + max(mean_length(sizes) - 1, 0.0) * alike


@dataclass(frozen=True, slots=True)
class Counts:
    """What was answered at one threshold, and how much each count is worth.

    `answered`, `wrong` are plain counts. In scope, `seen` wrong of `given` answers are left after
    the design effect, and one such answer stands for `inside_weight` of the traffic. Out of scope,
    `outside_seen` wrong answers to `outside` messages, answered or not; one such message stands
    for `outside_weight`.
    """

    answered: int
    wrong: int
    seen: float
    given: float
    inside_weight: float
    outside_seen: float = 0.0
    outside: float = 0.0
    outside_weight: float = 0.0

    @property
    def rate(self) -> float:
        """The wrong rate of the traffic to come, as it seems."""
        outside = self.outside_seen * self.outside_weight
        answers = self.given * self.inside_weight + outside
        return (self.seen * self.inside_weight + outside) / answers if answers else 0.0

    def with_faults(self, count: int) -> "Counts":
        """The same answers, had so many been wrong in scope, and as many out of it."""
        return replace(self, seen=float(count), outside_seen=float(count if self.outside else 0))

    def p_value(self, risk: float) -> float:
        """How likely so few wrong answers, or fewer, would be if the rate were `risk`.

        With r wrong of the answers in scope and f of the messages out of scope answered, the rate
        is `risk` where weight * given * (r - risk) + weight' * outside * f * (1 - risk) = 0. Many
        pairs (r, f) do that; the likeliest counts. This is the exact unconditional test of a sum
        of two binomials with its nuisance parameter maximised over a grid (Barnard 1945; Suissa
        and Shuster 1985). Without messages out of scope it is the binomial test.
        """
        from scipy.special import betainc

        if self.seen >= self.given:
            return 1.0
        if not self.outside or not self.outside_weight:
            return float(betainc(self.given - self.seen, self.seen + 1, 1 - risk))
        price = (1 - risk) * self.outside_weight / self.inside_weight
        part = np.linspace(0, 1, _MIXTURES)[:, None]
        rate, share = risk * (1 - part), risk * self.given * part / (price * self.outside)
        budget = self.seen + price * self.outside_seen
        strays = np.arange(math.floor(min(budget / price, self.outside) + 1e-9) + 1.0)
        likely = _at_most(strays, self.outside, share) - _at_most(strays - 1, self.outside, share)
        left = _at_most(np.maximum(budget - price * strays, 0.0), self.given, rate)
        return float((likely * left).sum(axis=1)[share[:, 0] <= 1].max())

    def bound(self, confidence_level: float) -> float:
        """The least rate that so few wrong answers rule out; 1.0 where they rule out none."""
        from scipy.optimize import brentq

        def too_likely(risk: float) -> float:
            return self.p_value(risk) - (1 - confidence_level)

        low, high = 1e-9, 1 - 1e-9
        if not self.given or too_likely(high) >= 0:
            return 1.0
        return float(brentq(too_likely, low, high, xtol=1e-12))


def _at_most(count: FloatArray, n: float, rate: FloatArray) -> FloatArray:
    """P(X <= count) of a binomial X, carried on to counts and sizes that are not whole."""
    from scipy.special import betainc

    possible = np.clip(count, 0.0, np.nextafter(n, 0))
    found = betainc(n - possible, possible + 1, 1 - np.clip(rate, 0, 1))
    return np.where(count < 0, 0.0, np.where(count >= n, 1.0, found))


@dataclass(frozen=True, slots=True)
class Trials:
    """Judged messages, surest first; `place` numbers their chats.

    `alike` is the likeness of verdicts in scope within a chat, `worth` how many messages on their
    own would tell as much as those in scope.
    """

    scores: FloatArray
    wrong: BoolArray
    place: IntArray
    out: BoolArray
    share: float
    alike: float
    worth: float

    @classmethod
    def of(
        cls,
        scores: FloatArray,
        correct: BoolArray,
        conversations: IntArray,
        outside: BoolArray,
        share: float,
    ) -> "Trials":
        """Rank trials; messages out of scope count only where `share` gives them a weight."""
        order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
        _, place = np.unique(conversations[order], return_inverse=True)
        wrong, out = ~np.asarray(correct, bool)[order], outside[order]
        sizes = np.bincount(place[~out])
        wrongs = np.bincount(place[~out], wrong[~out], len(sizes))
        alike = likeness(wrongs[sizes > 0], sizes[sizes > 0])
        worth = float(sizes.sum()) / design_effect(sizes, alike)
        ranked = np.asarray(scores, np.float64)[order]
        return cls(ranked, wrong, place, out, share, alike, worth)

    @property
    def chats(self) -> int:
        return int(self.place.max(initial=-1)) + 1

    @property
    def outside(self) -> int:
        return int(self.out.sum())

    @property
    def inside(self) -> int:
        return len(self.out) - self.outside

    def threshold_for(self, count: int) -> float:
        """The score from which as many messages in scope are answered as are worth `count`."""
        inside = self.scores[~self.out]
        return float(inside[min(math.ceil(count * len(inside) / self.worth), len(inside)) - 1])

    def at(self, threshold: float) -> Counts:
        """What is answered from this score up."""
        given = int(np.searchsorted(-self.scores, -threshold, side="right"))
        wrong, place, out = self.wrong[:given], self.place[:given], self.out[:given]
        seen, effect = self._effective(wrong[~out], place[~out])
        counts = Counts(
            answered=given,
            wrong=int(wrong.sum()),
            seen=seen,
            given=int((~out).sum()) / effect,
            inside_weight=effect * (1 - self.share) / max(self.inside, 1),
        )
        if not self.outside or not self.share:
            return counts
        together = mean_length(np.bincount(self.place[self.out]))
        return replace(
            counts,
            outside_seen=int((wrong & out).sum()) / together,
            outside=self.outside / together,
            outside_weight=together * self.share / self.outside,
        )

    def _effective(self, wrong: BoolArray, place: IntArray) -> tuple[float, float]:
        """Wrong answers after the design effect, and that effect.

        With W_i wrong of the A_i answers of chat i, y = sum W_i has the variance v, and the next
        wrong answer comes with d - 1 others. As Fay and Feuer (1997, Stat. Med. 16:791) do for
        weighted sums of counts, (v + d^2) / (y + d) is what one count stands for. v is the largest
        of sum W_i^2, as wrong answers are rare; sum (W_i - R A_i)^2, which also counts how the
        lengths of chats vary; and y d, where the wrong ones are too few to show either.
        """
        if not len(wrong):
            return 0.0, 1.0
        sizes, faults = np.bincount(place), np.bincount(place, wrong)
        y, d = float(faults.sum()), design_effect(sizes, self.alike)
        linear = ((faults - y / len(wrong) * sizes) ** 2).sum()
        v = max(float((faults**2).sum()), float(linear), y * d)
        effect = (v + d * d) / (y + d)
        return max((y + d) / effect - 1, 0.0), effect
