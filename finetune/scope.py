"""Is a message any of the bot's business, and how sure is its reading: one calibrated number.

The probability that the best guess is right is the product of two. How likely is the message in
scope at all: a score of closeness to the training messages, calibrated on held-out messages and on
messages made out of scope by leaving their own intent out. And how likely is the guess right, if
so: the softmax at its temperature.

The score is the plain sum of three standardised signs that fail in different ways: energy of the
logits (Liu et al. 2020, arXiv:2010.03759), relative Mahalanobis distance to the class means (Ren
et al. 2021, arXiv:2106.09022), and the cosine to the nearest class mean. Weights fitted on made
negatives did worse on true ones: docs/risk.md has the figures.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetune.errors import FinetuneError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FEWEST = 30  # in-scope messages that a standard or a slope may rest on
LEAST_SHARE = 0.1  # out of scope, where nobody stated a share: labelled chats show too few
_SHRINKAGE = 0.3  # of a covariance towards a sphere
_FOLDS = 5
_MADE_COUNT_AS = 30.0  # true messages out of scope that all made ones together count as
_ARRAYS = ("quadratic", "lines", "offsets", "centres", "inside", "middle", "spread")


@dataclass(frozen=True, slots=True)
class Sample:
    """Messages as the model reads them.

    `vectors` (n, d) are unit sentence vectors, `logits` (n, c) the intents' scores and `gold`
    (n, c) which intents are right; a row of `gold` without any is a message out of scope. Messages
    of which nothing is known do not belong here.
    """

    vectors: FloatArray
    logits: FloatArray
    gold: BoolArray

    def __len__(self) -> int:
        return len(self.logits)

    def rows(self, chosen: Any) -> "Sample":
        """The messages that an index or a mask (n,) chooses."""
        return Sample(self.vectors[chosen], self.logits[chosen], self.gold[chosen])


@dataclass(frozen=True, slots=True)
class Scope:
    """A fitted score and its calibration.

    `quadratic` (d, d), `lines` (k, d) and `offsets` (k,) give the relative Mahalanobis closeness
    v'Qv + max(Lv + o); `centres` (k, d) are the unit class means; `inside` (k,) are the columns of
    the k intents in scope, `outside` that of the intent which marks messages out of scope, if the
    model has one. The three signs less `middle` (3,) over `spread` (3,) add up to the score, and
    log-odds of in scope to out of scope are `slope` * score + `intercept` in traffic of which half
    is out of scope. `share` of the traffic is assumed to be.

    Where nothing could be learnt about what is out of scope (`learnt`), or no traffic is, the
    softmax stands alone.
    """

    quadratic: FloatArray
    lines: FloatArray
    offsets: FloatArray
    centres: FloatArray
    inside: IntArray
    middle: FloatArray
    spread: FloatArray
    outside: int | None
    temperature: float
    slope: float
    intercept: float
    share: float
    learnt: bool

    def score(self, logits: FloatArray, vectors: FloatArray) -> FloatArray:
        """How close messages are to what was learnt (n,): higher is closer, 0 the mean in scope."""
        signs: FloatArray = (self.signs(logits, vectors) - self.middle) / self.spread
        return signs.sum(axis=1)  # type: ignore[no-any-return]

    def signs(self, logits: FloatArray, vectors: FloatArray) -> FloatArray:
        """The three signs (n, 3): energy, relative Mahalanobis closeness, cosine to a mean."""
        energy = _log_sum_exp(logits[:, self.inside])
        if self.outside is not None:
            energy = energy - logits[:, self.outside]
        curve = ((vectors @ self.quadratic) * vectors).sum(axis=1)
        closeness = curve + (vectors @ self.lines.T + self.offsets).max(axis=1)
        return np.stack([energy, closeness, (vectors @ self.centres.T).max(axis=1)], axis=1)

    def in_scope(self, logits: FloatArray, vectors: FloatArray) -> FloatArray:
        """The probability (n,) that a message is in scope, in traffic with the assumed share."""
        if self._is_blind:
            return np.ones(len(logits))
        prior = math.log((1 - self.share) / self.share)
        odds = self.slope * self.score(logits, vectors) + self.intercept + prior
        return 1 / (1 + np.exp(-np.clip(odds, -60, 60)))  # type: ignore[no-any-return]

    def probabilities(self, logits: FloatArray, vectors: FloatArray) -> FloatArray:
        """The probability (n, c) of each intent. A row adds up to the probability of being in
        scope; to 1 where an intent marks what is not, which gets the rest."""
        known = self._columns() if self._is_blind else self.inside
        scaled = logits[:, known] / self.temperature
        shares = np.exp(scaled - _log_sum_exp(scaled)[:, None])
        found = np.zeros(logits.shape)
        if self._is_blind:
            found[:, known] = shares
            return found
        likely = self.in_scope(logits, vectors)
        found[:, known] = shares * likely[:, None]
        if self.outside is not None:
            found[:, self.outside] = 1 - likely
        return found

    @property
    def _is_blind(self) -> bool:
        """Whether only the logits tell what is out of scope."""
        return not self.learnt or self.share == 0

    def _columns(self) -> IntArray:
        return self.inside if self.outside is None else np.append(self.inside, self.outside)

    def confidence(self, logits: FloatArray, vectors: FloatArray) -> FloatArray:
        """The probability (n,) that the best guess in scope is right and the message in scope."""
        best: FloatArray = self.probabilities(logits, vectors)[:, self.inside].max(axis=1)
        return best

    def at_share(self, share: float) -> "Scope":
        """The same for traffic with another share of messages out of scope, from 0 to below 1."""
        if not 0 <= share < 1:
            raise FinetuneError(f"share is {share}; it must be 0 or more and less than 1")
        return replace(self, share=share)

    def save(self, folder: Path) -> None:
        """Write scope.safetensors and scope.json. Raises OSError."""
        from safetensors.numpy import save_file

        arrays = {name: getattr(self, name) for name in _ARRAYS}
        numbers = {name: getattr(self, name) for name in self.__slots__ if name not in _ARRAYS}
        single: dict[str, Any] = {name: rows.astype(np.float32) for name, rows in arrays.items()}
        single["inside"] = self.inside
        for name, write in (
            ("scope.safetensors", lambda path: save_file(_contiguous(single), path)),
            ("scope.json", lambda path: path.write_text(json.dumps(numbers, indent=1) + "\n")),
        ):
            temporary = folder / f".{name}.new"
            write(temporary)
            temporary.replace(folder / name)

    @classmethod
    def load(cls, folder: Path) -> "Scope | None":
        """Read what `save` wrote; None where a version has no scope.

        Raises FinetuneError when a file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        if not (folder / "scope.json").is_file():
            return None
        try:
            numbers = json.loads((folder / "scope.json").read_text(encoding="utf-8"))
            arrays: dict[str, Any] = load_file(folder / "scope.safetensors")
            return cls(**arrays, **numbers)
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise FinetuneError(
                f"{folder}: the scope cannot be read ({error}); run `frontdesk finetune` again"
            ) from error


# --- fitting -------------------------------------------------------------------------------------


def fit(
    train: Sample,
    held_out: Sample,
    *,
    share: float | None = None,
    temperature: float = 1.0,
    outside: int | None = None,
    negatives: Sample | None = None,
) -> Scope | None:
    """The score from training messages, its calibration from held-out ones.

    Negatives are the held-out messages out of scope; the held-out messages in scope read without
    their own intent, which together count as 30 more; and `negatives`, other texts known to be no
    business of the bot's, which count like the made ones. With fewer than 30 held-out messages in
    scope the score is standardised on the training messages and nothing is learnt of the odds:
    messages that were trained on lie closer than any new one.

    Args:
        share: of the traffic, how much is out of scope; None: `assumed_share` of the held-out.
        temperature: that of the logits (`calibration.fit_temperature`).
        outside: the column of the intent that marks messages out of scope, if there is one.

    Returns:
        None where no training message is in scope.
    """
    train, held_out = _unmarked(train, outside), _unmarked(held_out, outside)
    moments = _Moments.of(train)
    inside = np.flatnonzero(moments.counts > 0)
    if not len(inside):
        return None
    known = held_out.rows(held_out.gold.any(axis=1))
    enough = len(known) >= FEWEST
    known = known if enough else train.rows(train.gold.any(axis=1))
    strange = held_out.rows(~held_out.gold.any(axis=1))
    bare = Scope(
        *moments.closeness(),
        middle=np.zeros(3),
        spread=np.ones(3),
        outside=outside,
        temperature=temperature,
        slope=0.0,
        intercept=0.0,
        share=assumed_share(len(strange), len(held_out)) if share is None else share,
        learnt=False,
    )
    signs = bare.signs(known.logits, known.vectors)
    spread = np.maximum(signs.std(axis=0), 1e-6)
    standard = replace(bare, middle=signs.mean(axis=0), spread=spread)
    if not enough:
        return standard
    made = [
        reduced.score(s.logits, s.vectors) for reduced, s, _ in _without(standard, train, known)
    ]
    made += [standard.score(negatives.logits, negatives.vectors)] if negatives else []
    return _calibrated(
        standard,
        standard.score(known.logits, known.vectors),
        standard.score(strange.logits, strange.vectors),
        np.concatenate(made) if made else np.zeros(0),
    )


def left_out(scope: Scope, train: Sample, sample: Sample) -> FloatArray:
    """The confidence (n,) in the best guess of each message, were its own intent unknown.

    Each is a message out of scope that was not there to be had: the guess is wrong by making.
    NaN for messages without an intent in scope, and for all where intents are too few. `train` is
    what `scope` was fitted on.
    """
    train, sample = _unmarked(train, scope.outside), _unmarked(sample, scope.outside)
    found = np.full(len(sample), np.nan)
    for reduced, rows, places in _without(scope, train, sample):
        found[places] = reduced.confidence(rows.logits, rows.vectors)
    return found


def assumed_share(outside: int, judged: int) -> float:
    """The share of messages out of scope to reckon with where nobody stated one: that of the
    judged messages, but never below LEAST_SHARE, and below 1 where all of them are."""
    return max(outside / max(judged, outside + 1), LEAST_SHARE)


def estimated_share(in_scope: FloatArray, share: float, rounds: int = 200) -> float:
    """The share of messages out of scope in a log, by how its messages were read.

    Expectation maximisation over a changed prior (Saerens, Latinne and Decaestecker 2002, Neural
    Computation 14:21).

    Args:
        in_scope: (n,) probabilities of being in scope, made for traffic with `share` out of scope.
        share: more than 0 and less than 1.
    """
    if not len(in_scope):
        return share
    estimate = share
    out = 1 - np.clip(np.asarray(in_scope, np.float64), 1e-12, 1 - 1e-12)
    for _ in range(rounds):
        strange = out * estimate / share
        estimate = float((strange / (strange + (1 - out) * (1 - estimate) / (1 - share))).mean())
    return estimate


def _unmarked(sample: Sample, outside: int | None) -> Sample:
    """The same with the intent that marks messages out of scope taken off: they have none."""
    if outside is None:
        return sample
    gold = sample.gold.copy()
    gold[:, outside] = False
    return replace(sample, gold=gold)


def _without(
    scope: Scope, train: Sample, sample: Sample
) -> Iterator[tuple[Scope, Sample, IntArray]]:
    """For each fold of intents, the scope without them, and the messages of them (and of no other
    fold) with their places. Nothing is trained again: means and covariances are taken apart."""
    everything = _Moments.of(train)
    folds = min(_FOLDS, len(scope.inside) // 2)
    order = np.random.default_rng(0).permutation(scope.inside)
    for fold in (order[start::folds] for start in range(folds if folds > 1 else 0)):
        without = np.ones(train.gold.shape[1], dtype=bool)
        without[fold] = False
        places = np.flatnonzero(
            sample.gold[:, fold].any(axis=1) & ~sample.gold[:, without].any(axis=1)
        )
        touched = train.rows(train.gold[:, fold].any(axis=1))
        closeness = (everything - _Moments.of(touched)).closeness()
        names = ("quadratic", "lines", "offsets", "centres", "inside")
        if len(places) and len(closeness[-1]):
            reduced = replace(scope, **dict(zip(names, closeness, strict=True)))  # type: ignore[arg-type]
            yield reduced, sample.rows(places), places


@dataclass(frozen=True, slots=True)
class _Moments:
    """What means and covariances are made of; those of a part can be taken away again.

    Messages of each class `counts` (c,) and the sum of their vectors `sums` (c, d); of all
    messages in scope, once each, number `n`, sum `total` (d,) and sum of squares `squares` (d, d).
    """

    counts: FloatArray
    sums: FloatArray
    n: int
    total: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, sample: Sample) -> "_Moments":
        rows = sample.rows(sample.gold.any(axis=1))
        vectors, gold = np.asarray(rows.vectors, np.float64), rows.gold.astype(np.float64)
        return cls(
            gold.sum(axis=0),
            gold.T @ vectors,
            len(vectors),
            vectors.sum(axis=0),
            vectors.T @ vectors,
        )

    def __sub__(self, part: "_Moments") -> "_Moments":
        return _Moments(
            self.counts - part.counts,
            self.sums - part.sums,
            self.n - part.n,
            self.total - part.total,
            self.squares - part.squares,
        )

    def closeness(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]:
        """The arrays of a Scope: distance to the mean of all less that to the nearest class mean,
        each under its own covariance, as a quadratic form and one line a class."""
        inside = np.flatnonzero(self.counts > 0)
        if not len(inside):
            nothing = np.zeros((0, len(self.total)))
            return self.squares, nothing, nothing[:, 0], nothing, inside
        counts, sums = self.counts[inside, None], self.sums[inside]
        means, mean = sums / counts, self.total / self.n
        around_all = self.squares / self.n - np.outer(mean, mean)
        around_own = (self.squares - (sums / counts).T @ sums * self.n / counts.sum()) / self.n
        size = max(float(np.trace(around_all)), 1e-6) / len(mean)
        far, near = _inverse(around_all, size), _inverse(around_own, size)
        lines = 2 * (means @ near - mean @ far)
        offsets = mean @ far @ mean - np.einsum("kd,kd->k", means @ near, means)
        centres = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        return far - near, lines, offsets, centres, inside


def _inverse(covariance: FloatArray, size: float) -> FloatArray:
    """The inverse of a covariance shrunk towards a sphere; `size` is the variance in a direction
    that keeps one of nothing at all (one example an intent) from being singular."""
    dimension = len(covariance)
    own = max(float(np.trace(covariance)) / dimension, 0.1 * size)
    shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * own * np.eye(dimension)
    return np.linalg.inv(shrunk)


def _calibrated(scope: Scope, known: FloatArray, strange: FloatArray, made: FloatArray) -> Scope:
    """With slope and intercept of the log-odds by logistic regression (Platt 1999), in which both
    sides weigh the same; unlearnt where there is nothing out of scope or too little in scope."""
    from scipy.optimize import minimize
    from scipy.special import expit

    if len(known) < 2 or not len(strange) + len(made):
        return scope
    true_part = len(strange) / (len(strange) + (_MADE_COUNT_AS if len(made) else 0.0))
    scores = np.concatenate([known, strange, made])
    weights = np.concatenate(
        [
            np.full(len(known), 0.5 / len(known)),
            np.full(len(strange), 0.5 * true_part / max(len(strange), 1)),
            np.full(len(made), 0.5 * (1 - true_part) / max(len(made), 1)),
        ]
    )
    target = np.arange(len(scores)) < len(known)

    def loss(line: FloatArray) -> tuple[float, FloatArray]:
        odds = line[0] * scores + line[1]
        gap = weights * (expit(odds) - target)
        value = float((weights * (np.logaddexp(0, odds) - target * odds)).sum())
        return value + 1e-3 * float(line[0]) ** 2, np.array(
            [(gap * scores).sum() + 2e-3 * line[0], gap.sum()]
        )

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0.0, None), (None, None)])
    return replace(scope, slope=float(found.x[0]), intercept=float(found.x[1]), learnt=True)


def _log_sum_exp(logits: FloatArray) -> FloatArray:
    highest: FloatArray = logits.max(axis=1)
    found: FloatArray = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return found


def _contiguous(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: np.ascontiguousarray(rows) for name, rows in arrays.items()}
