"""Which encoder's vectors find the articles: the fine-tuned one's, or those of the one before it.

Training on chats moves every vector. Where customers ask for what the chats were about, search
gains by it; where the articles are about other matters, it loses. So the fine-tuned vectors search
only where that was measured: the articles' own headings, as far as they were not taught, find their
article no later on average (MRR@10) than with the encoder before. Where there are too few of them,
that one searches: what it finds does not fall by training. It reads each message too, which is a
second pass. Labelled questions have no say: thresholds are certified on them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.model import Model
from bot.risk.trials import FEWEST_QUESTIONS, headings, without_headings
from bot.storage.cache_file import store
from bot.workspace import Workspace
from kb.search import search, search_all

if TYPE_CHECKING:
    from bot.console import Progress
    from finetune.registry import VersionInfo
    from kb.index import Index
    from kb.search import Earlier, Hit

FloatArray = NDArray[np.float32]
SCHEMA = 1
TOLERANCE = 0.01
"""Of MRR@10, which a second pass is not spent on."""
DEPTH = 50
"""Several passages may be of one article: this many nearly always hold ten articles."""


@dataclass(frozen=True, slots=True)
class Searcher:
    """The index that is searched and the encoder whose vectors are in it. `own`: that encoder reads
    the messages anyway. `measured`: it was chosen on headings.
    `known` are vectors, and `found` the passages, of texts that were read beforehand."""

    index: "Index"
    encoder: Model
    own: bool = True
    measured: bool = False
    known: Mapping[str, FloatArray] = field(default_factory=dict)
    found: "Mapping[str, Sequence[Hit]]" = field(default_factory=dict)

    def ahead(self, texts: Sequence[str], vectors: FloatArray, count: int) -> "Searcher":
        """As this one, with `count` passages for each of these texts searched in batches; `vectors`
        (n, d) are those of the fine-tuned encoder."""
        row = {text: place for place, text in enumerate(texts)}
        distinct = list(row)
        read = vectors[list(row.values())] if self.own else self.encoder.encode(distinct)
        found = search_all(self.index, distinct, read, count)
        known = {} if self.own else dict(zip(distinct, read, strict=True))
        return replace(self, known=known, found=dict(zip(distinct, found, strict=True)))

    def hits(
        self, text: str, vector: FloatArray, count: int, earlier: "Earlier | None" = None
    ) -> "list[Hit]":
        """The best passages for a text, whose vector (d,) is that of the fine-tuned encoder."""
        if earlier is None and len(found := self.found.get(text, ())) >= count:
            return [*found[:count]]
        if not self.own:
            vector = self._vector(text)
            earlier = earlier and replace(earlier, vector=self._vector(earlier.text))
        return search(self.index, text, vector, count, earlier=earlier)

    def _vector(self, text: str) -> FloatArray:
        found = self.known.get(text)
        return self.encoder.encode([text])[0] if found is None else found


def measures(
    index: "Index", encoder: Model, asked: Sequence[tuple[str, Collection[str]]]
) -> Mapping[str, float]:
    """How early questions find one of their articles, as `kb.evaluation.evaluate` measures it."""
    from kb.evaluation import evaluate

    vectors = encoder.encode([text for text, _ in asked])
    rankings = [
        [hit.passage.article for hit in search(index, text, vector, DEPTH)]
        for (text, _), vector in zip(asked, vectors, strict=True)
    ]
    return evaluate(rankings, [set(gold) for _, gold in asked])


def mrr(index: "Index", encoder: Model, asked: Sequence[tuple[str, Collection[str]]]) -> float:
    """MRR@10 of questions, 0..1."""
    return float(measures(index, encoder, asked)["mrr@10"])


@dataclass(frozen=True, slots=True)
class Choice:
    """Who searches. `own` and `before` are the MRR@10 of either encoder on `n` headings; with too
    few there are none, and the encoder before searches."""

    n: int
    own: float | None = None
    before: float | None = None

    @property
    def is_own(self) -> bool:
        return (
            self.own is not None and self.before is not None and self.own >= self.before - TOLERANCE
        )


def searcher_of(
    workspace: Workspace, model: Model, before: "VersionInfo | None", progress: "Progress"
) -> Searcher:
    """The searcher of a model; `before` is the encoder that it started from, where that is at hand.
    What was measured is kept beside the index.

    Raises:
        kb.errors.NoIndex: the model's index is missing or damaged.
    """
    from kb.index import Index

    own = Searcher(Index.open(workspace.index, model.encoder_fingerprint), model)
    if before is None or not len(own.index) or not _has_index(workspace, before):
        return own
    choice = _choice(workspace, own, before, progress)
    if choice.is_own:
        return replace(own, measured=True)
    index = Index.open(workspace.index, before.encoder_fingerprint)
    if index.ids.tolist() != own.index.ids.tolist():  # made of other articles
        return own
    encoder = Model.load(before.folder)
    return Searcher(index, encoder, own=False, measured=choice.own is not None)


def second_pass(folder: Path, model: Model) -> list[str]:
    """A sentence that says why a model's articles are searched with the encoder before it, if they
    are; `folder` has the indexes."""
    choice = _kept(folder, model)[1]
    if choice is None or choice.is_own:
        return []
    what = "articles are searched with the encoder before the training, in a second pass a turn"
    if choice.own is None or choice.before is None:
        why = (
            f"to measure the fine-tuned one takes {FEWEST_QUESTIONS} headings that were not taught"
        )
        return [f"{what}: {why}, and there are {choice.n}"]
    return [
        f"{what}: it finds the articles of {choice.n} headings earlier (MRR@10 "
        f"{choice.before:.3f}, fine-tuned {choice.own:.3f})"
    ]


def _has_index(workspace: Workspace, before: "VersionInfo") -> bool:
    from kb.errors import NoIndex
    from kb.manifest import read_manifest

    try:
        read_manifest(workspace.index, before.encoder_fingerprint)
    except NoIndex:
        return False
    return True


def _choice(
    workspace: Workspace, own: Searcher, before: "VersionInfo", progress: "Progress"
) -> Choice:
    key = _key(own, before)
    known, choice = _kept(workspace.index, own.encoder)
    if choice is None or known != key:
        choice = _measure(own, before, progress)
        written = json.dumps({"key": key, **asdict(choice)})
        path = _path(workspace.index, own.encoder)
        store(path, lambda file: file.write(f"{written}\n".encode()))
    return choice


def _measure(own: Searcher, before: "VersionInfo", progress: "Progress") -> Choice:
    passages, hidden = headings(own.encoder, own.index)
    if len(hidden) < FEWEST_QUESTIONS:
        return Choice(len(hidden))
    found = []
    for encoder in (own.encoder, Model.load(before.folder)):
        with without_headings(passages, encoder, progress) as blind:
            found.append(mrr(blind, encoder, hidden))
    return Choice(len(hidden), *found)


def _key(own: Searcher, before: "VersionInfo") -> str:
    parts = [SCHEMA, own.index.content, own.encoder.fingerprint, before.fingerprint]
    return sha256(json.dumps(parts).encode()).hexdigest()


def _path(folder: Path, model: Model) -> Path:
    return folder / f"search-{model.fingerprint[:12]}.json"


def _kept(folder: Path, model: Model) -> tuple[str, Choice | None]:
    """What was chosen for a model before, and for which key."""
    try:
        found = json.loads(_path(folder, model).read_text(encoding="utf-8"))
        return found["key"], Choice(found["n"], found["own"], found["before"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", None  # not there, or of no use: it is measured again
