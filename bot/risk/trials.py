"""What each way of answering is judged on: held-out messages as it would have answered them.

Intents and templates are judged on the calibration chats, whose reading the model version keeps;
it keeps that of the validation chats as well, which say which thresholds to try first.
Passages are judged on the workspace's labelled questions (`questions.jsonl`) or, where it has none,
on the articles' own headings, asked of an index in which those headings are hidden. Follow-ups are
judged on `followups.jsonl`; where there is none, none is answered from the articles.

Chats hold too few messages that are none of the bot's business. Where they do, more are made: each
labelled message once more, with its own intent, or its own template, taken away. Whatever answers
it then is wrong.
"""

import json
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bot.content.citing import FOUND, cited
from bot.dialogue.followups import earlier
from bot.model import Model
from bot.risk.off_topic import OFF_TOPIC
from bot.state import Question
from bot.template_bank import TemplateBank
from bot.workspace.settings import Settings
from bot.workspace.templates import Templates
from finetune import risk
from finetune.conversation import OUT_OF_SCOPE
from finetune.corpus import numbers_of
from finetune.registry import EVIDENCE
from finetune.scope import assumed_share
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.console import Progress
    from kb.evaluation import FollowUp
    from kb.index import Index
    from kb.passages import Passage

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Part = Literal["calibration", "validation"]
"""Held-out messages whose reading a version keeps (`finetune.registry.EVIDENCE`)."""
PASSAGES_ASKED = 400
FEWEST_QUESTIONS = 60
FEWEST_OUTSIDE = 30
"""True messages out of scope from which on none are made."""
PASSAGES_MISSING = 1 / 3
"""The share of messages that no article answers, at least: what comes to the articles is what no
template answered."""
QUESTION_MARKS = ("?", "？")


@dataclass(frozen=True, slots=True)
class Trial:
    """A message as a way of answering would have answered it; `made`: it is out of scope by
    making."""

    score: float
    right: bool
    conversation: str
    outside: bool = False
    made: bool = False


@dataclass(frozen=True, slots=True)
class Trials:
    """Trials as arrays (n,): scores, verdicts, numbers of their chats, and whether they are out of
    scope. `made` of those were made. `asked` are the messages in and out of scope that were read
    at all: those for which the best guess has no answer are no trials."""

    scores: FloatArray
    right: BoolArray
    conversations: IntArray
    outside: BoolArray
    made: int
    asked: tuple[int, int]

    @classmethod
    def of(cls, trials: Sequence[Trial], asked: tuple[int, int] | None = None) -> "Trials":
        outside = sum(trial.outside for trial in trials)
        return cls(
            scores=np.array([t.score for t in trials], dtype=np.float32),
            right=np.array([t.right for t in trials], dtype=np.bool_),
            conversations=numbers_of(t.conversation for t in trials),
            outside=np.array([t.outside for t in trials], dtype=np.bool_),
            made=sum(t.made for t in trials),
            asked=asked or (len(trials) - outside, outside),
        )

    def share(self, share: float) -> float:
        """What `share` of all messages is among those that are trials."""
        outside = int(self.outside.sum())
        tried = (len(self.outside) - outside, outside)
        inner, outer = (
            part * kept / max(all_of, 1)
            for part, kept, all_of in zip((1 - share, share), tried, self.asked, strict=True)
        )
        return outer / (inner + outer) if inner else share

    def ranked(self, share: float) -> risk.Trials:
        """The same as a test of a threshold takes them, for traffic with that `share`."""
        arrays = (self.scores, self.right, self.conversations, self.outside)
        return risk.Trials.of(*arrays, self.share(share))


def traffic_share(settings: Settings, model: Model) -> float:
    """The share of messages out of scope that thresholds are made for: as the settings state it,
    else that of the calibration chats, never below a tenth."""
    if settings.out_of_scope_share != "auto":
        return settings.out_of_scope_share
    records, _ = evidence(model)
    labelled = [record for record in records if record["intents"]]
    return assumed_share(sum(_is_outside(record, model) for record in labelled), len(labelled))


# --- intents and templates -----------------------------------------------------------------------


def intent_trials(model: Model, templates: Templates, part: Part = "calibration") -> Trials:
    """The likeliest intent of each labelled message of a part, where a template speaks for it."""
    records, arrays = evidence(model, part)
    probabilities = arrays.get("probabilities")
    if probabilities is None or not probabilities.size:
        return Trials.of([])
    labelled = [row for row, record in enumerate(records) if record["intents"]]
    found = []
    for row in labelled:
        guess, record = model.labels[int(probabilities[row].argmax())], records[row]
        if guess != OUT_OF_SCOPE and templates.by_intent(guess):
            score, right = float(probabilities[row].max()), guess in record["intents"]
            found.append(Trial(score, right, _chat(records, row), _is_outside(record, model)))
    outside = sum(_is_outside(records[row], model) for row in labelled)
    asked = (len(labelled) - outside, outside)
    if outside >= FEWEST_OUTSIDE:
        return Trials.of(found, asked)
    left_out = arrays.get("left_out")
    inside = [row for row in labelled if not _is_outside(records[row], model)]
    made = [
        Trial(score, False, _chat(records, row), outside=True, made=True)
        for row in inside
        if np.isfinite(score := _left_out(left_out, probabilities, records, row, model))
    ]
    return Trials.of([*found, *made], (asked[0], asked[1] + len(made)))


def _left_out(
    left_out: FloatArray | None,
    probabilities: FloatArray,
    records: Sequence[Mapping[str, Any]],
    row: int,
    model: Model,
) -> float:
    """The confidence in the best guess, were the message's intents unknown: as the version keeps
    it (`finetune.scope.left_out`), else by the shares of the other intents alone."""
    if left_out is not None:
        return float(left_out[row])
    own = {*records[row]["intents"], OUT_OF_SCOPE}
    others = [
        p for p, name in zip(probabilities[row], model.labels, strict=True) if name not in own
    ]
    return float(max(others) / max(sum(others), 1e-9)) if len(others) > 1 else float("nan")


def template_trials(
    model: Model, templates: Templates, bank: TemplateBank, part: Part = "calibration"
) -> Trials:
    """The ranker's best template for each message of a part whose right answer is known: by the
    template or the words of the agent's reply, or by the message's intents."""
    records, arrays = evidence(model, part)
    if not records or not bank.ids:
        return Trials.of([])
    replies = {t.id: {normalise(wording) for wording in t.wordings} for t in templates.spoken}
    found, made, outside = [], [], 0
    for row, scores in enumerate(bank.scores(arrays["queries"])):
        record, chat = records[row], _chat(records, row)
        if not record["intents"] and not record["reply"]:
            continue
        right = np.array([is_right(templates, replies, name, record) for name in bank.ids])
        strange = bool(record["intents"]) and _is_outside(record, model)
        outside += strange
        best = int(scores.argmax())
        found.append(Trial(float(scores[best]), bool(right[best]), chat, strange))
        if right.any() and not right.all():
            score = float(scores[~right].max())
            made.append(Trial(score, False, chat, outside=True, made=True))
    return Trials.of(found if outside >= FEWEST_OUTSIDE else [*found, *made])


def is_right(
    templates: Templates,
    replies: Mapping[str, Collection[str]],
    name: str,
    record: Mapping[str, Any],
) -> bool:
    """Whether the template `name` answers a message: the agent's `reply` named it or was one of its
    wordings (`replies`, normalised), or it is for one of the message's `intents`."""
    reply = record["reply"]
    if reply == f"template:{name}" or reply in replies[name]:
        return True
    return bool(set(templates.by_id[name].intents) & set(record["intents"]))


def _is_outside(record: Mapping[str, Any], model: Model) -> bool:
    """Whether none of a message's labels is an intent that the model may find."""
    return not {*record["intents"]} & ({*model.labels} - {OUT_OF_SCOPE})


def _chat(records: Sequence[Mapping[str, Any]], row: int) -> str:
    return str(records[row].get("conversation", row))


def evidence(
    model: Model, part: Part = "calibration"
) -> tuple[list[dict[str, Any]], Mapping[str, FloatArray]]:
    """How a version read the messages of a part: where each stands and what is labelled, and
    arrays with a row each. Empty for the pretrained encoder alone, and for the validation messages
    of a version from before they were kept."""
    path = model.folder / f"{EVIDENCE[part]}.json" if model.trained else None
    if path is None or (part == "validation" and not path.is_file()):
        return [], {}
    from safetensors.numpy import load_file

    return json.loads(path.read_text(encoding="utf-8")), load_file(path.with_suffix(".safetensors"))


# --- passages ------------------------------------------------------------------------------------


def passage_trials(
    settings: Settings,
    questions: Path,
    model: Model,
    encoder: Model,
    index: "Index",
    progress: "Progress",
) -> Trials:
    """Questions (right: a passage of their article would be cited), and as many messages that no
    article answers (never right). `encoder` searches the index, `model` was taught its headings."""
    if questions.is_file():
        from kb.evaluation import read_queries

        asked = [(query.text, frozenset(query.gold)) for query in read_queries(questions)]
        return _asked(settings, encoder, index, asked)
    passages, hidden = headings(model, index)
    if not hidden:
        return Trials.of([])
    with without_headings(passages, encoder, progress) as blind:
        return _asked(settings, encoder, blind, hidden)


def headings(
    model: Model, index: "Index"
) -> "tuple[Sequence[Passage], list[tuple[str, frozenset[str]]]]":
    """Passages, and the headings among theirs that a model was not taught, each with its article;
    none where there is one article only, which any heading would find."""
    passages = _sample(index.passages())
    if len({passage.article for passage in passages}) < 2:
        return passages, []
    return passages, _headings(passages, _taught(model))


def follow_up_trials(
    settings: Settings, follow_ups: Path, encoder: Model, index: "Index"
) -> Trials:
    """Messages that lean on the question before them, searched for together with it (right: a
    passage of their article would be cited), and messages that no article answers after those same
    questions (never right). Those that stand by themselves are not searched so: they are no trials.
    """
    if not follow_ups.is_file():
        return Trials.of([])
    from kb.evaluation import FollowUp, read_follow_ups

    pairs = read_follow_ups(follow_ups)
    off_topic = zip(OFF_TOPIC[settings.language], cycle(pairs)) if pairs else ()
    pairs += [FollowUp(pair.before, text, frozenset()) for text, pair in off_topic]
    return Trials.of(list(_followed_up(encoder, index, pairs)))


def _followed_up(encoder: Model, index: "Index", pairs: Sequence["FollowUp"]) -> Iterator[Trial]:
    from kb.search import search

    texts = [text for pair in pairs for text in (pair.before, pair.text)]
    vectors = iter(encoder.encode(texts))
    for pair, before, vector in zip(pairs, vectors, vectors, strict=True):
        asked = earlier(Question(pair.before, before), pair.text)
        if asked is not None:
            hits = search(index, pair.text, vector, FOUND, earlier=asked)
            right = any(hit.passage.article in pair.gold for hit in cited(hits))
            score = hits[0].score if hits else 0.0
            yield Trial(score, right, f"{pair.before} {pair.text}", outside=not pair.gold)


def _asked(
    settings: Settings,
    encoder: Model,
    index: "Index",
    asked: Sequence[tuple[str, Collection[str]]],
) -> Trials:
    nonsense = [(text, frozenset[str]()) for text in OFF_TOPIC[settings.language]]
    everything: list[tuple[str, Collection[str]]] = [*asked, *nonsense]
    vectors = encoder.encode([text for text, _ in everything])
    return Trials.of(list(_answered(index, everything, vectors)))


def _answered(
    index: "Index", asked: Iterable[tuple[str, Collection[str]]], vectors: FloatArray
) -> Iterator[Trial]:
    from kb.search import search

    for (text, articles), vector in zip(asked, vectors, strict=True):
        hits = search(index, text, vector, FOUND)
        score = hits[0].score if hits else 0.0
        right = any(hit.passage.article in articles for hit in cited(hits))
        yield Trial(score, right, text, outside=not articles)


@contextmanager
def without_headings(
    passages: Sequence["Passage"], encoder: Model, progress: "Progress"
) -> "Iterator[Index]":
    """A passing index of these passages, their titles and headings hidden."""
    from kb.index import Index
    from kb.store import build

    def encode(texts: list[str]) -> FloatArray:
        return encoder.encode(
            texts, "passage", lambda done: progress("testing the articles", done, len(texts))
        )

    with TemporaryDirectory() as folder:
        build(
            Path(folder),
            [replace(passage, title="", headings=()) for passage in passages],
            encode,
            fingerprint=encoder.encoder_fingerprint,
            dimension=encoder.dimension,
        )
        blind = Index.open(Path(folder), encoder.encoder_fingerprint)
        try:
            yield blind
        finally:
            blind.close()


def _sample(passages: Sequence["Passage"]) -> list["Passage"]:
    """Whole articles in a fixed random order, up to PASSAGES_ASKED passages."""
    by_article: dict[str, list[Passage]] = {}
    for passage in passages:
        by_article.setdefault(passage.article, []).append(passage)
    order = sorted(by_article)
    random.Random(0).shuffle(order)
    taken = [passage for article in order for passage in by_article[article]]
    return taken[:PASSAGES_ASKED]


def _taught(model: Model) -> frozenset[str]:
    """The headings that the version has learnt to answer: they are no test of it."""
    path = model.folder / "questions.json"
    return frozenset(json.loads(path.read_text(encoding="utf-8")) if path.is_file() else ())


def _headings(
    passages: Sequence["Passage"], taught: Collection[str]
) -> list[tuple[str, frozenset[str]]]:
    """(question, its article): each title, and each title with a heading below it, once, but for
    those that were taught. Where enough of them are worded as questions, those alone: they are
    what a customer would type."""
    found: dict[str, frozenset[str]] = {}
    for passage in passages:
        if passage.question not in taught:
            found.setdefault(passage.question, frozenset([passage.article]))
    asking = {text: articles for text, articles in found.items() if _asks(text)}
    return list((asking if len(asking) >= FEWEST_QUESTIONS else found).items())


def _asks(text: str) -> bool:
    return any(mark in text for mark in QUESTION_MARKS)
