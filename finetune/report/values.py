"""What a report is made of: plain values that the training run already has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetune.gate import Verdict
from finetune.label_issues import Contradiction, LabelIssue

Metrics = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """A customer's turn: its chat's id, its position in the chat (from 0) and its text."""

    conversation: str
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """How one held-out message was read.

    `intents` are the labels it carries (none: not labelled), `guess` the likeliest intent with its
    calibrated `confidence` (None where intents are not learnt), `reply_rank` the 1-based rank of
    the agent's real reply (None: there is none).
    """

    part: str  # "validation", "calibration" or "test"
    place: Place
    intents: tuple[str, ...] = ()
    guess: str | None = None
    confidence: float = 0.0
    reply_rank: int | None = None

    @property
    def judged(self) -> bool:
        """Whether there is both a label and a guess to compare."""
        return bool(self.intents) and self.guess is not None

    @property
    def right(self) -> bool:
        return self.guess in self.intents

    @property
    def label(self) -> str:
        """The one label that counts: the guess if it is right, else the alphabetically first, as
        in `finetune.evaluation.intent_metrics`."""
        return self.guess if self.guess in self.intents else min(self.intents)


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """A training message whose label is probably another one."""

    place: Place
    given: str
    suggested: str
    confidence: float


@dataclass(frozen=True, slots=True)
class TornText:
    """The same words under different labels: each label with the places that carry it."""

    text: str
    uses: tuple[tuple[str, tuple[Place, ...]], ...]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """One fine-tuning run, as an owner should see it.

    `metrics` has "test" and "frozen", each by task (docs/training.md). `history` has a mapping an
    epoch: "epoch", "validation" and the losses by name. `settings` are shown as they come.
    `verdict` is the gate's, where there was a live version to compare with.
    `max_wrong` is the owner's `max_wrong_answers`; `language` is that of the chats.
    """

    bot: str
    version: str
    created: str
    metrics: Mapping[str, Metrics]
    predictions: Sequence[Prediction] = ()
    history: Sequence[Mapping[str, float]] = ()
    suspects: Sequence[SuspectLabel] = ()
    torn: Sequence[TornText] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    verdict: Verdict | None = None
    max_wrong: float = 0.05
    language: str = "en"

    def part(self, name: str) -> list[Prediction]:
        """The judged messages of one part."""
        return [one for one in self.predictions if one.part == name and one.judged]


def predictions(records: Iterable[Mapping[str, Any]]) -> list[Prediction]:
    """The rows of a version's predictions.json as values."""
    return [
        Prediction(
            part=record["part"],
            place=Place(str(record["conversation"]), int(record["turn"]), record["text"]),
            intents=tuple(record["intents"]),
            guess=record["guess"],
            confidence=float(record["confidence"] or 0.0),
            reply_rank=record["reply_rank"],
        )
        for record in records
    ]


def suspect_labels(issues: Iterable[LabelIssue], places: Sequence[Place]) -> list[SuspectLabel]:
    """The found issues with where they stand; `places` has the message of each row."""
    return [
        SuspectLabel(places[issue.row], issue.given, issue.suggested, issue.confidence)
        for issue in issues
    ]


def torn_texts(found: Iterable[Contradiction], places: Sequence[Place]) -> list[TornText]:
    """The contradictions with where they stand; `places` has the message of each row."""
    return [
        TornText(
            one.text,
            tuple((label, tuple(places[row] for row in rows)) for label, rows in one.uses),
        )
        for one in found
    ]
