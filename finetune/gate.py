"""Is a new version worse than the live one? The same held-out messages, read by both, decide.

Each task has one figure that decides. Its difference between the two versions is computed again on
resamples of the conversations, whole ones, because messages of one chat resemble each other, and
the same ones for both versions, because what is hard for one is hard for the other (the paired
bootstrap: Efron 1979, doi:10.1214/aos/1176344552; Koehn 2004, aclanthology.org/W04-3250). A task
is worse when nearly all resamples say so, "nearly all" being such that an equal version is blocked
for any task at all about one time in twenty.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from finetune.errors import FinetuneError

FloatArray = npt.NDArray[np.float64]
SEED = 7
RESAMPLES = 4000
ERROR = 0.05
"""How often a version that is no worse may be blocked. It is shared out evenly among the tasks that
decide (Bonferroni), so that each further task does not block more of them."""
FEWEST_CHATS = 5
"""A task seen in fewer chats decides nothing: resamples of so few are nearly all the same."""
EXAMPLES = 3
_CELLS = 2_000_000  # counts drawn at a time: bounds the memory


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one version read one held-out message.

    `right` is whether its likeliest intent is among `intents`, `sentiment` whether that is right;
    `reply_rank` is the 1-based rank of the agent's reply; `entities` are (rightly found, found,
    there). None where the chat does not say what would be right.
    """

    conversation: str
    turn: int
    text: str
    intents: frozenset[str] = frozenset()
    guess: str | None = None
    confidence: float = 0.0
    right: bool | None = None
    reply_rank: int | None = None
    entities: tuple[int, int, int] | None = None
    sentiment: bool | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How a version that knows `labels` and learnt `tasks` read all held-out messages."""

    version: str
    labels: tuple[str, ...]
    messages: Sequence[Outcome]
    tasks: frozenset[str] = frozenset({"intent", "ranking", "entities", "sentiment"})


@dataclass(frozen=True, slots=True)
class TaskChange:
    """One figure before and after, on the `n` messages in `chats` conversations that have it.

    `low` and `high` hold 95 % of the resampled differences, `below` is the share of them under
    zero. Only a figure that `decides` can be `worse`.
    """

    task: str
    figure: str
    n: int
    chats: int
    live: float
    candidate: float
    low: float
    high: float
    below: float
    decides: bool
    worse: bool = False

    @property
    def difference(self) -> float:
        return self.candidate - self.live


@dataclass(frozen=True, slots=True)
class Example:
    """A message that the live version read rightly and the candidate did not."""

    text: str
    guess: str | None
    confidence: float


@dataclass(frozen=True, slots=True)
class IntentChange:
    """The share of an intent's `n` messages that is read rightly, before and after.

    `fell` and `rose` count conversations with fewer and with more of them right; `p` is that of a
    one-sided sign test on the two, the chance of so many falls where both are equally likely.
    """

    intent: str
    n: int
    live: float
    candidate: float
    fell: int
    rose: int
    p: float
    examples: tuple[Example, ...] = ()

    @property
    def significant(self) -> bool:
        """Whether its fall is more than chance, taken by itself; with many intents, some are."""
        return self.candidate < self.live and self.p <= ERROR


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether `candidate` may take the place of `live`, why, and all that the answer rests on.

    `compared` is False where no task could be. `intents` are those whose share changed, the
    greatest fall first; `new` are those that the live version does not know, whose messages count
    as wrong for it, and `lost` those that the candidate no longer knows.
    """

    live: str | None
    candidate: str
    passed: bool
    compared: bool
    reason: str
    chats: int = 0
    messages: int = 0
    tasks: tuple[TaskChange, ...] = ()
    intents: tuple[IntentChange, ...] = ()
    new: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def fallen(self) -> list[IntentChange]:
        """The intents that are read worse than before."""
        return [change for change in self.intents if change.candidate < change.live]

    def as_json(self) -> dict[str, Any]:
        """The object that `frontdesk finetune --json` prints and the history keeps."""
        tasks = [{**asdict(change), "difference": change.difference} for change in self.tasks]
        intents = [{**asdict(change), "significant": change.significant} for change in self.intents]
        return {**asdict(self), "tasks": tasks, "intents": intents}


def compare(live: Outcomes, candidate: Outcomes, seed: int = SEED) -> Verdict:
    """The verdict on a candidate from the same messages, in the same order, as the live version.

    It passes unless a task that the live version learnt is worse; where none could be compared it
    does not, because nothing shows that it is not worse. The same outcomes and seed give the same
    verdict.

    Raises:
        FinetuneError: the two did not read the same messages.
    """
    pairs = _pairs(live, candidate)
    tasks = _judged(list(_task_changes(pairs, live, seed)))
    compared = any(change.decides for change in tasks)
    chats = len({before.conversation for before, _ in pairs})
    return Verdict(
        live=live.version,
        candidate=candidate.version,
        passed=compared and not any(change.worse for change in tasks),
        compared=compared,
        reason=_reason(live.version, tasks, chats, len(pairs)),
        chats=chats,
        messages=len(pairs),
        tasks=tuple(tasks),
        intents=tuple(_intent_changes(pairs)),
        new=_missing(candidate.labels, live.labels),
        lost=_missing(live.labels, candidate.labels),
    )


Pairs = Sequence[tuple[Outcome, Outcome]]


def _pairs(live: Outcomes, candidate: Outcomes) -> Pairs:
    places = [
        [(message.conversation, message.turn) for message in outcomes.messages]
        for outcomes in (live, candidate)
    ]
    if places[0] != places[1]:
        raise FinetuneError(
            f"{live.version} and {candidate.version} did not read the same messages; "
            "compare two versions on the same chats"
        )
    return list(zip(live.messages, candidate.messages, strict=True))


def _missing(names: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names) - set(known)))


# --- the tasks -----------------------------------------------------------------------------------

Part = tuple[float, float]
"""What a message adds to the two sides of a fraction: the figure is the quotient of the sums."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """A figure, as what each message adds to it; None for a message it does not speak of."""

    task: str
    figure: str
    part: Callable[[Outcome], Part | None]
    decides: bool = True


def _accuracy(outcome: Outcome) -> Part | None:
    return None if outcome.right is None else (float(outcome.right), 1.0)


def _first(outcome: Outcome) -> Part | None:
    return None if outcome.reply_rank is None else (float(outcome.reply_rank == 1), 1.0)


def _reciprocal(outcome: Outcome) -> Part | None:
    return None if outcome.reply_rank is None else (1.0 / outcome.reply_rank, 1.0)


def _f1(outcome: Outcome) -> Part | None:
    if outcome.entities is None:
        return None
    right, found, there = outcome.entities
    return 2.0 * right, float(found + there)


def _sentiment(outcome: Outcome) -> Part | None:
    return None if outcome.sentiment is None else (float(outcome.sentiment), 1.0)


_MEASURES = (
    _Measure("intent", "accuracy", _accuracy),
    _Measure("ranking", "r@1", _first, decides=False),  # the mean reciprocal rank says more
    _Measure("ranking", "mrr", _reciprocal),
    _Measure("entities", "f1", _f1),
    _Measure("sentiment", "accuracy", _sentiment),
)


def _task_changes(pairs: Pairs, live: Outcomes, seed: int) -> Iterator[TaskChange]:
    for place, measure in enumerate(_measures(pairs, live)):
        if change := _task_change(measure, pairs, np.random.default_rng((seed, place))):
            yield change


def _measures(pairs: Pairs, live: Outcomes) -> Iterator[_Measure]:
    """The figures of what the live version learnt; and where there are new intents, accuracy on
    the old by themselves: what was gained with the new must not hide what the old have lost."""
    yield from (measure for measure in _MEASURES if measure.task in live.tasks)
    known = set(live.labels)
    old = [bool(before.intents & known) for before, _ in pairs if before.right is not None]
    if any(old) and not all(old):

        def part(outcome: Outcome) -> Part | None:
            return _accuracy(outcome) if outcome.intents & known else None

        yield _Measure("old intents", "accuracy", part)


def _task_change(measure: _Measure, pairs: Pairs, rng: np.random.Generator) -> TaskChange | None:
    parts = [
        (before.conversation, (*was, *now))
        for before, after in pairs
        if (was := measure.part(before)) is not None and (now := measure.part(after)) is not None
    ]
    if not parts:
        return None
    sums = _by_conversation(parts)
    live, candidate = _quotients(sums.sum(axis=0))
    resampled = np.concatenate([np.diff(_quotients(drawn)) for drawn in _resamples(sums, rng)])
    low, high = np.quantile(resampled, (0.025, 0.975))
    return TaskChange(
        task=measure.task,
        figure=measure.figure,
        n=len(parts),
        chats=len(sums),
        live=float(live),
        candidate=float(candidate),
        low=float(low),
        high=float(high),
        below=float((resampled < -1e-12).mean()),  # rounding is no fall
        decides=measure.decides and len(sums) >= FEWEST_CHATS,
    )


def _by_conversation(parts: Sequence[tuple[str, tuple[float, ...]]]) -> FloatArray:
    """The sums (c, 4) of what the messages of each conversation add."""
    _, owner = np.unique([conversation for conversation, _ in parts], return_inverse=True)
    values = np.asarray([values for _, values in parts], np.float64)
    sums = np.zeros((int(owner.max()) + 1, values.shape[1]))
    np.add.at(sums, owner, values)
    return sums


def _resamples(sums: FloatArray, rng: np.random.Generator) -> Iterator[FloatArray]:
    """RESAMPLES times the sums (…, 4) over as many conversations, drawn with replacement."""
    count = len(sums)
    at_a_time = max(1, _CELLS // count)
    for start in range(0, RESAMPLES, at_a_time):
        size = min(at_a_time, RESAMPLES - start)
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=size)
        yield drawn @ sums


def _quotients(sums: FloatArray) -> FloatArray:
    """The figures (…, 2) of live and candidate from sums (…, 4); nothing over nothing is 1, since
    whoever finds none of the entities where there is none is right."""
    over, under = sums[..., 0::2], sums[..., 1::2]
    return np.divide(over, under, out=np.ones_like(over), where=under > 0)


def _judged(tasks: Sequence[TaskChange]) -> list[TaskChange]:
    deciding = sum(change.decides for change in tasks)
    return [
        replace(change, worse=change.decides and change.below >= 1 - ERROR / deciding)
        for change in tasks
    ]


def _reason(live: str, tasks: Sequence[TaskChange], chats: int, messages: int) -> str:
    if worse := [change for change in tasks if change.worse]:
        return f"{'; '.join(map(_fall, worse))}, measured against {live}"
    if deciding := [change for change in tasks if change.decides]:
        told = f"not worse than {live} on {messages:,} held-out messages of {chats:,} chats"
        return told + _doubt(min(deciding, key=lambda change: change.low))
    return (
        f"{chats:,} held-out chats are new to both it and {live}, and it takes {FEWEST_CHATS} "
        "with labels or replies to compare them"
    )


def _doubt(change: TaskChange) -> str:
    """What so many messages could not have shown; nothing where they would show nearly all."""
    if change.low > -0.02:
        return ""
    return f"; a fall of {change.task} {change.figure} by {-change.low:.2f} cannot be ruled out"


def _fall(change: TaskChange) -> str:
    return (
        f"{change.task} {change.figure} fell from {change.live:.3f} to {change.candidate:.3f} "
        f"({change.n:,} messages of {change.chats:,} chats; lower in {change.below:.1%} of "
        "resamples)"
    )


# --- the intents ---------------------------------------------------------------------------------


def _intent_changes(pairs: Pairs) -> list[IntentChange]:
    """Those that changed, the greatest fall first."""
    by_intent: defaultdict[str, list[tuple[Outcome, Outcome]]] = defaultdict(list)
    for before, after in pairs:
        if before.right is not None:
            for intent in before.intents:
                by_intent[intent].append((before, after))
    changes = [_intent_change(intent, found) for intent, found in by_intent.items()]
    changed = [change for change in changes if change.fell or change.rose]
    return sorted(changed, key=lambda change: (change.candidate - change.live, change.intent))


def _intent_change(intent: str, pairs: Pairs) -> IntentChange:
    net: defaultdict[str, int] = defaultdict(int)
    for before, after in pairs:
        net[before.conversation] += bool(after.right) - bool(before.right)
    fell, rose = (sum(change * sign > 0 for change in net.values()) for sign in (-1, 1))
    return IntentChange(
        intent=intent,
        n=len(pairs),
        live=sum(bool(before.right) for before, _ in pairs) / len(pairs),
        candidate=sum(bool(after.right) for _, after in pairs) / len(pairs),
        fell=fell,
        rose=rose,
        p=_sign_test(fell, rose),
        examples=_examples(pairs),
    )


def _examples(pairs: Pairs) -> tuple[Example, ...]:
    """Different messages that were right and are wrong, the surest mistakes first."""
    lost = [after for before, after in pairs if before.right and not after.right]
    first = {o.text: o for o in sorted(lost, key=lambda o: o.confidence)}.values()
    surest = sorted(first, key=lambda outcome: (-outcome.confidence, outcome.text))
    return tuple(Example(o.text, o.guess, o.confidence) for o in surest[:EXAMPLES])


def _sign_test(fell: int, rose: int) -> float:
    """P(at least `fell` of `fell + rose` fall) where a fall is as likely as a rise."""
    total = fell + rose
    ways = sum(math.comb(total, count) for count in range(fell, total + 1))
    return ways / (1 << total)
