"""What a start learnt on validation chats is worth when thresholds are certified, and whether the
promise about wrong answers holds.

    python benchmarks/certifying.py [--scenes 56] [--draws 40] [--seed 5]

A scene is a bot with its traffic, made up at random. A draw of it is a number of chats to certify
by and as many validation chats, a little rosier; on both, `threshold_at_risk` finds a threshold for
each place where its search may begin. What that threshold answers, and how much of it wrongly, is
read off 60,000 chats of the same scene (docs/risk.md, "Where the search begins").
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from finetune import calibration
from finetune.calibration import CONFIDENCE_LEVEL, threshold_at_risk
from finetune.risk import Trials

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LENGTHS: dict[str, Callable[[Generator, int], IntArray]] = {
    "single": lambda _, chats: np.ones(chats, np.int64),
    "mixed": lambda rng, chats: rng.integers(1, 9, chats),
    "short, some long": lambda rng, chats: np.minimum(rng.geometric(0.35, chats), 12),
    "equal": lambda _, chats: np.full(chats, 8),
    "long": lambda rng, chats: rng.integers(4, 14, chats),
}
ACCURACY = (0.72, 0.985)  # of the bot in scope
ANSWERABLE = (0.2, 0.97)  # of the traffic, with the best threshold that keeps the promise
HOPELESS, EVERY_HOPELESS = 0.05, 9  # in every ninth scene hardly anything may be answerable
TRUE_CHATS = 60_000
STARTS = (
    "at the careful end",
    "where the p-value is least",
    f"at most {calibration._NEARLY_LEAST:g} times the least",
)
CAREFUL, LEAST, LEARNT = range(len(STARTS))


@dataclass(frozen=True, slots=True)
class Scene:
    """A bot with its traffic. Confidence and ease are in log-odds."""

    lengths: str  # of the chats, in messages: a key of LENGTHS
    chats: int  # to certify by; as many to begin by
    ease: float  # that a message in scope is read rightly, on average
    spread: float  # of the ease, as far as confidence tells
    moods: float  # deviation of the ease from chat to chat, which confidence does not tell
    alike: float  # share of the messages that are right or wrong as their chat has it
    slips: float  # share of mistakes that nothing tells
    blur: float  # of confidence around the ease
    strange: float  # mean confidence of made strangers
    strange_spread: float
    strange_alike: float  # its correlation within a chat
    share: float  # of the traffic that is out of scope
    risk: float  # the promise
    rosy: float  # how much easier the validation chats look than they are

    @classmethod
    def drawn(cls, rng: Generator) -> "Scene":
        return cls(
            lengths=str(rng.choice(list(LENGTHS), p=(0.15, 0.25, 0.2, 0.1, 0.3))),
            chats=int(rng.choice((60, 120, 120, 250, 600))),
            ease=rng.uniform(1.5, 5),
            spread=rng.uniform(1, 2.5),
            moods=float(rng.choice((0, 0.5, 1))),
            alike=float(rng.choice((0, 0, 0.2, 0.5))),
            slips=float(rng.choice((0, 0.003, 0.01, 0.02))),
            blur=rng.uniform(0.2, 2),
            strange=rng.uniform(-3, 1.5),
            strange_spread=rng.uniform(0.8, 2.2),
            strange_alike=float(rng.choice((0, 0.1, 0.3, 0.7))),
            share=float(rng.choice((0.1, 0.1, 0.2, 0.33))),
            risk=float(rng.choice((0.05, 0.05, 0.1))),
            rosy=float(rng.choice((0.05, 0.15, 0.3))),
        )


class Sample(NamedTuple):
    """Judged messages, then as many made strangers: one of each message, in the same chat."""

    scores: FloatArray
    right: BoolArray
    chat: IntArray
    outside: BoolArray


def sample(rng: Generator, scene: Scene, chats: int, rosy: float = 0.0) -> Sample:
    """Chats of a scene, each message with the stranger that is made of it."""
    chat = np.repeat(np.arange(chats), LENGTHS[scene.lengths](rng, chats))
    n = len(chat)
    told = scene.ease + scene.spread * rng.normal(size=n)
    ease = told + scene.moods * rng.normal(size=chats)[chat] + rosy
    luck = np.where(rng.random(n) < scene.alike, rng.random(chats)[chat], rng.random(n))
    right = (luck < 1 / (1 + np.exp(-ease))) & (rng.random(n) >= scene.slips)
    confidence = told + scene.blur * rng.normal(size=n)
    own, common = np.sqrt(1 - scene.strange_alike), np.sqrt(scene.strange_alike)
    deviation = common * rng.normal(size=chats)[chat] + own * rng.normal(size=n)
    strange = scene.strange + scene.strange_spread * deviation - rosy
    return Sample(
        np.concatenate((confidence, strange)),
        np.concatenate((right, np.zeros(n, bool))),
        np.concatenate((chat, chat)),
        np.repeat((False, True), n),
    )


@dataclass(frozen=True, slots=True)
class Truth:
    """What is answered, and what wrongly, as shares of the traffic, from each score up; the highest
    score comes first."""

    scores: FloatArray
    answered: FloatArray
    wrong: FloatArray

    @classmethod
    def of(cls, rng: Generator, scene: Scene) -> "Truth":
        scores, right, _, outside = sample(rng, scene, TRUE_CHATS)
        weights = np.where(outside, scene.share, 1 - scene.share) * 2 / len(scores)
        order = np.argsort(-scores)
        answered, wrong = np.cumsum(weights[order]), np.cumsum((weights * ~right)[order])
        return cls(scores[order], answered, wrong)

    def at(self, threshold: float) -> tuple[float, float]:
        """The share of the traffic that is answered, and the wrong share of those answers."""
        above = int(np.searchsorted(-self.scores, -threshold, side="right"))
        if not above:
            return 0.0, 0.0
        answered = float(self.answered[above - 1])
        return answered, float(self.wrong[above - 1]) / answered

    def answerable(self, risk: float) -> float:
        """The most that any threshold answers within the risk (of half a percent and more)."""
        kept = (self.wrong <= risk * self.answered) & (self.answered > 0.005)
        return float(self.answered[kept].max(initial=0.0))


def scenes(count: int, seed: int) -> Iterator[tuple[Scene, Truth]]:
    """Scenes that are neither too easy nor too hard to tell one start from another."""
    rng, found = np.random.default_rng(seed), 0
    while found < count:
        scene = Scene.drawn(rng)
        _, right, _, outside = sample(rng, scene, 4_000)
        if not ACCURACY[0] < right[~outside].mean() < ACCURACY[1]:
            continue
        truth = Truth.of(rng, scene)
        answerable = truth.answerable(scene.risk)
        hopeless = answerable < HOPELESS and found % EVERY_HOPELESS == EVERY_HOPELESS - 1
        if hopeless or ANSWERABLE[0] < answerable < ANSWERABLE[1]:
            found += 1
            yield scene, truth


@dataclass(frozen=True, slots=True)
class Judged:
    """A scene's means over its draws, a row a start (k, 3): the share that is answered, how often
    nothing is certified, how often the promise is broken."""

    chats: int
    means: FloatArray

    @property
    def gains(self) -> FloatArray:
        """(k,) how much more is answered than from the careful end."""
        gains: FloatArray = self.means[:, 0] - self.means[CAREFUL, 0]
        return gains


def judge(rng: Generator, scene: Scene, truth: Truth, draws: int) -> Judged:
    """Certify on as many draws, from each start."""
    found = np.zeros((draws, len(STARTS), 3))
    for draw in found:
        for row, threshold in zip(draw, thresholds(rng, scene), strict=True):
            answered, rate = (0.0, 0.0) if threshold is None else truth.at(threshold)
            row[:] = answered, threshold is None, rate > scene.risk
    return Judged(scene.chats, found.mean(axis=0))


def thresholds(rng: Generator, scene: Scene) -> list[float | None]:
    """The threshold of one draw for each of STARTS."""
    held, share = sample(rng, scene, scene.chats), scene.share
    pilot = Trials.of(*sample(rng, scene, scene.chats, scene.rosy), share)

    def certified(pilot: Trials | None) -> float | None:
        return threshold_at_risk(
            held.scores, held.right, scene.risk,
            conversations=held.chat, outside=held.outside, share=share, pilot=pilot,
        ).threshold  # fmt: skip

    with patch.object(calibration, "_NEARLY_LEAST", 1.0):
        least = certified(pilot)
    return [certified(None), least, certified(pilot)]


def rows(judged: Sequence[Judged]) -> Iterator[tuple[str, ...]]:
    """The cells of the table, a row a start."""
    means = np.stack([one.means for one in judged])
    gains = np.stack([one.gains for one in judged])
    for start, name in enumerate(STARTS):
        answered, nothing, broken = means[:, start].mean(axis=0)
        gain = gains[:, start]
        moved = f"{(gain > 0.01).sum()}, {(gain < -0.01).sum()}", f"{100 * gain.min():+.1f} points"
        yield (
            name,
            f"{answered:.1%}",
            f"{nothing:.1%}",
            *(("", "") if start == CAREFUL else moved),
            f"{broken:.1%} ({means[:, start, 2].max():.1%})",
        )


def gains_by_chats(judged: Sequence[Judged]) -> Iterator[str]:
    """What the learnt start gains, by the number of chats to certify by."""
    for chats in sorted({one.chats for one in judged}):
        gains = [one.gains[LEARNT] for one in judged if one.chats == chats]
        yield f"{chats} chats: {100 * np.mean(gains):+.1f} points (scenes: {len(gains)})"


def main() -> None:
    """Print the table and the gains."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=56)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--seed", type=int, default=5)
    asked = parser.parse_args()
    made = track(
        scenes(asked.scenes, asked.seed), "scenes", asked.scenes, console=Console(stderr=True)
    )
    judged = [
        judge(np.random.default_rng((asked.seed, number)), scene, truth, asked.draws)
        for number, (scene, truth) in enumerate(made)
    ]
    table = Table(
        "search begins", "answered", "nothing certified", "scenes a point up, down", "worst scene",
        f"promise broken, at most {1 - CONFIDENCE_LEVEL:.0%} (worst scene)",
        title=f"{asked.scenes} scenes, {asked.draws} draws each",
    )  # fmt: skip
    for row in rows(judged):
        table.add_row(*row)
    Console(width=120).print(table)
    best = max(judged, key=lambda one: float(one.gains[LEARNT])).means[:, 0]
    print("gained by the learnt start:", "; ".join(gains_by_chats(judged)))
    print(f"the best scene: from {best[CAREFUL]:.1%} to {best[LEARNT]:.1%} answered")


if __name__ == "__main__":
    main()
