"""Where a version and its test labels differ, for readers who are not told which is whose.

A dispute sets the label of a test message against another reading of it: what the version reads
instead, or, as a control, the runner-up where the version agrees with the label. Readers see the
two as A and B, in an order that the message's digest decides.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._training import Trained, messages
from finetune.conversation import OUT_OF_SCOPE, EntitySpan, Turn
from finetune.tags import FoundEntity

FloatArray = NDArray[np.float32]
MOST_CONTROLS = 100
EXAMPLES = 3
ANSWERS = ("A", "B", "either", "neither")


@dataclass(frozen=True, slots=True)
class Dispute:
    """A test message with its label and another reading; `control`: the version agrees with the
    label. `examples` are training messages of each reading, where it is the name of an intent, and
    `alike` training messages with their marks, where it is what is marked."""

    text: str
    label: str
    other: str
    control: bool = False
    examples: Mapping[str, Sequence[str]] | None = None
    alike: Sequence[str] = ()

    @property
    def key(self) -> str:
        return sha256(f"{self.label} {self.text}".encode()).hexdigest()[:12]

    @property
    def label_is_a(self) -> bool:
        return int(self.key, 16) % 2 == 0

    def sheet(self) -> dict[str, object]:
        """As a reader sees it."""
        pair = (self.label, self.other) if self.label_is_a else (self.other, self.label)
        shown: dict[str, object] = {"key": self.key, "text": self.text}
        for name, reading in zip("AB", pair, strict=True):
            shown[name] = reading
            if self.examples:
                shown[f"{name}, examples"] = list(self.examples[reading])
        return shown | ({"alike": list(self.alike)} if self.alike else {})

    def verdict(self, answer: str) -> str:
        """`label`, `other`, `either` or `neither`, from a reader's answer."""
        if answer not in ANSWERS:
            raise SystemExit(f'{self.key}: "{answer}" is no answer; give one of {ANSWERS}')
        if answer in ("A", "B"):
            return "label" if (answer == "A") == self.label_is_a else "other"
        return answer


@dataclass(frozen=True, slots=True)
class Judged:
    """A dispute as two readers decided it, without its text."""

    key: str
    control: bool
    first: str
    second: str

    @property
    def wrong(self) -> bool:
        """Neither reader would have given this label."""
        return {self.first, self.second} <= {"other", "neither"}

    @property
    def open(self) -> bool:
        """Readers differ, or would allow both."""
        return not self.wrong and (self.first, self.second) != ("label", "label")


# --- what is disputed ----------------------------------------------------------------------------


def of_intents(trained: Trained) -> list[Dispute]:
    """The messages in scope that are read otherwise than labelled, and of the others those with
    the closest runner-up as controls, as many at most."""
    chats = [chat for chat in trained.part("test") if OUT_OF_SCOPE not in chat.turns[0].intents]
    readings = trained.read(chats)
    texts, shares = messages(chats), readings.probabilities * readings.inside
    order = np.argsort(-shares, axis=1)
    first, second = np.take_along_axis(shares, order[:, :2], axis=1).T
    wrong, right = np.flatnonzero(~readings.right), np.flatnonzero(readings.right)
    closest = right[np.argsort((first - second)[right])][: min(len(wrong), MOST_CONTROLS)]
    places = [(row, order[row, 0], False) for row in wrong.tolist()]
    places += [(row, order[row, 1], True) for row in closest.tolist()]
    nearest = _Nearest(trained)
    found = []
    for row, other, control in places:
        pair = (min(readings.gold[row]), readings.labels[other])
        examples = {
            intent: [turn.text for turn in nearest.of(texts[row], intent)] for intent in pair
        }
        found.append(Dispute(texts[row], *pair, control, examples))
    return found


def of_entities(trained: Trained) -> list[Dispute]:
    """The messages whose entities are found otherwise than marked."""
    turns = [chat.turns[0] for chat in trained.part("test")]
    seen = trained.model.encode_messages([turn.text for turn in turns])[1]
    nearest = _Nearest(trained)
    found = []
    for turn, entities in zip(turns, seen, strict=True):
        label, other = _marked(turn.text, turn.entities), _marked(turn.text, entities)
        if label != other:
            own = [f"{t.text} ({_marked(t.text, t.entities)})" for t in nearest.of(turn.text)]
            found.append(Dispute(turn.text, label, other, alike=own))
    return found


class _Nearest:
    """The training messages nearest to a message, to the pretrained encoder: it has no part in
    the dispute."""

    def __init__(self, trained: Trained) -> None:
        self._encode = trained.base.encode
        self._turns = [chat.turns[0] for chat in trained.part("train")]
        self._vectors = self._encode([turn.text for turn in self._turns])

    def of(self, text: str, intent: str | None = None) -> list[Turn]:
        """EXAMPLES of them, of this intent alone where one is given."""
        order = np.argsort(-(self._vectors @ self._encode([text])[0]))
        turns = (self._turns[place] for place in order.tolist())
        return list(islice((t for t in turns if intent in (None, *t.intents)), EXAMPLES))


def _marked(text: str, entities: Iterable[EntitySpan | FoundEntity]) -> str:
    own = sorted(entities, key=lambda entity: entity.start)
    return "; ".join(f"{e.type}: {text[e.start : e.end]}" for e in own) or "nothing"


# --- on disk -------------------------------------------------------------------------------------


def write_sheet(disputes: Sequence[Dispute], path: Path) -> None:
    """The disputes in an order that tells nothing, a line of JSON each."""
    lines = [
        json.dumps(one.sheet(), ensure_ascii=False)
        for one in sorted(disputes, key=lambda one: one.key)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_answers(path: Path) -> dict[str, str]:
    """Key and answer, a pair of words a line."""
    pairs = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {pair[0]: pair[1] for pair in pairs}


def write_verdicts(
    disputes: Sequence[Dispute], answers: tuple[Mapping[str, str], Mapping[str, str]], path: Path
) -> None:
    """A line of digests and verdicts for each dispute that both readers answered."""
    first, second = answers
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(Judged.__slots__), lineterminator="\n")
        table.writeheader()
        for one in sorted(disputes, key=lambda one: one.key):
            if one.key in first and one.key in second:
                verdicts = one.verdict(first[one.key]), one.verdict(second[one.key])
                table.writerow(asdict(Judged(one.key, one.control, *verdicts)))


def read_verdicts(path: Path) -> Iterator[Judged]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Judged(row["key"], row["control"] == "True", row["first"], row["second"])
