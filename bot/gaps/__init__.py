"""What to fix next: requests that fail, drafts that would answer them, articles that are missing,
templates never used, passages that are disliked.

All from messages that were asked (`bot.asked`): of a replay, of the live log, or of both.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.gaps.clusters import Background, Encode, clusters
from bot.gaps.key_terms import KeyTerms
from finetune.duplicates import informative
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.asked import Asked
    from bot.gaps.clusters import FloatArray, IntArray
    from bot.workspace.templates import Templates

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Example:
    """One message of a group, where it is, and what the bot did."""

    conversation: str
    turn: int
    message: str
    did: str


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that ask for the same: their terms, best first; how many there are, and which share
    of all turns; `faults` counts how the bot failed them, and `did` what it did."""

    terms: tuple[str, ...]
    count: int
    share: float
    faults: Mapping[str, int]
    did: Mapping[str, int]
    examples: tuple[Example, ...]

    @property
    def name(self) -> str:
        """Its terms, or its first message where that holds no words."""
        return ", ".join(self.terms) or self.examples[0].message


@dataclass(frozen=True, slots=True)
class UnusedTemplate:
    """A template that no decision spoke with, and how often agents used it."""

    template: str
    intents: tuple[str, ...]
    by_agents: int


@dataclass(frozen=True, slots=True)
class AskedDraft:
    """A draft, and how many failed messages ask for one of its intents."""

    template: str
    intents: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class DislikedPassage:
    """A passage, how often it was shown in the live log and how often the reply was disliked."""

    article: str
    passage: int
    shown: int
    disliked: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """What to fix next, each list with the most frequent first.

    `failed` of `turns` messages were failed. `drafts` would answer some of them, by the labels of
    the chats or else by the likeliest intent. `articles` are the questions among them that no
    passage answers; None where no turn had a threshold for passages, which then never answer.
    """

    turns: int
    failed: int
    requests: tuple[Group, ...]
    drafts: tuple[AskedDraft, ...]
    articles: tuple[Group, ...] | None
    templates: tuple[UnusedTemplate, ...]
    passages: tuple[DislikedPassage, ...]

    def as_json(self) -> dict[str, Any]:
        """As `gaps --json` prints it (docs/json.md)."""
        return {
            **asdict(self),
            "requests": [_json(group) for group in self.requests],
            "articles": None if self.articles is None else [_json(g) for g in self.articles],
        }


def _json(group: Group) -> dict[str, Any]:
    return {"name": group.name, **asdict(group), "share": round(group.share, 6)}


_NO_QUESTION = frozenset({"unreadable", "only a value"})
"""Reasons of an unknown that asked for nothing that could be answered."""


def fault(asked: "Asked") -> str:
    """How the bot failed a message; "" where it did not, as far as anyone can tell.

    `wrong answer`: the chat's labels or the agent's reply contradict it. `disliked`: a person said
    so, or named another intent. `no answer` and `handed over`: nothing was good enough. A message
    that is labelled as none of the bot's business rightly has no answer.
    """
    if asked.verdict == "wrong":
        return "wrong answer"
    if asked.disliked or _corrected(asked):
        return "disliked"
    is_unknown = asked.kind == "unknown" and asked.reason not in _NO_QUESTION
    if not asked.outside and (is_unknown or asked.rule == "perhaps"):  # a guess is no answer
        return "no answer"
    if not asked.outside and asked.kind == "handoff" and asked.reason in ("unknown", "unfilled"):
        return "handed over"
    return ""


def failures(asked: "Asked") -> Iterator["Asked"]:
    """What of a message the bot failed: the message, or those of its several requests that it did
    not understand."""
    failed = [part for part in asked.parts if fault(part)]
    return iter([asked] if fault(asked) else failed)


def _corrected(asked: "Asked") -> bool:
    """Whether a person named another intent for a message of the live log."""
    top = asked.intents[0].name if asked.intents else None
    return asked.session is not None and bool(asked.labels) and top not in asked.labels


def gaps(asked: Iterable["Asked"], templates: "Templates", encode: Encode, most: int = 10) -> Gaps:
    """Find what to fix next among messages, which are gone through once.

    Of the requests and of the missing articles `most` are kept, the largest groups; all templates
    and passages are. The same messages give the same gaps.
    """
    seen = _Seen()
    for one in asked:
        seen.add(one)
    failed = seen.failed
    groups = _Grouping(seen.terms, seen.background, encode, seen.turns, most)
    wanting = [one for one in failed if _wants_article(one)]
    return Gaps(
        turns=seen.turns,
        failed=seen.failed_turns,
        requests=groups(failed),
        drafts=tuple(_asked_drafts(failed, templates)),
        articles=groups(wanting) if seen.passages_answer else None,
        templates=tuple(_unused(seen, templates)),
        passages=tuple(_disliked(seen)),
    )


@dataclass(slots=True)
class _Seen:
    """What is counted while the messages go by; only those that were failed are kept."""

    turns: int = 0
    failed_turns: int = 0
    failed: list["Asked"] = field(default_factory=list)
    passages_answer: bool = False
    terms: KeyTerms = field(default_factory=KeyTerms)
    background: Background = field(default_factory=Background)
    used: Counter[str | None] = field(default_factory=Counter)
    by_agents: Counter[str | None] = field(default_factory=Counter)
    shown: Counter[tuple[str, int]] = field(default_factory=Counter)
    disliked: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, asked: "Asked") -> None:
        self.turns += 1
        self.passages_answer |= asked.passage_needed is not None
        self.used.update(part.template for part in asked.parts or (asked,))
        self.by_agents[asked.agent_template] += 1
        if self.background.add(asked.message):
            self.terms.add(asked.message)
        if asked.session is not None:
            self.shown.update(asked.citations)
            self.disliked.update(asked.citations if asked.disliked else ())
        failed = list(failures(asked))
        self.failed_turns += bool(failed)
        self.failed += failed


def _wants_article(asked: "Asked") -> bool:
    """Whether it is a question that nothing answered, a passage least of all."""
    needed = asked.passage_needed
    below = needed is not None and asked.passage < needed
    unanswered = fault(asked) in ("no answer", "handed over")
    return below and unanswered and informative(normalise(asked.message))


@dataclass(frozen=True, slots=True)
class _Grouping:
    """Groups messages by what they ask for, and names the `most` largest groups."""

    terms: KeyTerms
    background: Background
    encode: Encode
    turns: int
    most: int

    def __call__(self, asked: Sequence["Asked"]) -> tuple[Group, ...]:
        """The groups, the largest first, ties by their most typical message."""
        if not asked:
            return ()
        same: dict[str, list[Asked]] = defaultdict(list)
        for one in asked:
            same[normalise(one.message)].append(one)
        keys = sorted(same, key=lambda key: (-len(same[key]), key))
        messages = [same[key][0].message for key in keys]
        alike = self.background.encoded(messages, self.encode)
        found = [[keys[i] for i in members] for members in _members(clusters(alike), alike)]
        found.sort(key=lambda group: (-sum(len(same[key]) for key in group), group[0]))
        return tuple(self._group([same[key] for key in group]) for group in found[: self.most])

    def _group(self, same: Sequence[Sequence["Asked"]]) -> Group:
        """A group of messages; those that are the same are together, the most typical first."""
        every = [asked for ones in same for asked in ones]
        return Group(
            terms=self.terms.name(ones[0].message for ones in same),
            count=len(every),
            share=len(every) / self.turns,
            faults=dict(Counter(map(fault, every)).most_common()),
            did=dict(Counter(asked.did for asked in every).most_common()),
            examples=tuple(
                Example(ones[0].conversation, ones[0].turn, ones[0].message, ones[0].did)
                for ones in same[:EXAMPLES]
            ),
        )


def _members(groups: "IntArray", vectors: "FloatArray") -> Iterator[list[int]]:
    """The places of each group's members, those nearest to its mean first."""
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        nearness = vectors[members] @ vectors[members].mean(axis=0)
        yield [int(i) for i in members[np.argsort(-nearness, kind="stable")]]


def _asked_drafts(failed: Iterable["Asked"], templates: "Templates") -> list[AskedDraft]:
    asked = Counter(
        intent for one in failed for intent in one.labels or [i.name for i in one.intents[:1]]
    )
    drafts = [t for t in templates.all if t.draft and not any(map(templates.by_intent, t.intents))]
    counts = [AskedDraft(t.id, t.intents, sum(asked[i] for i in t.intents)) for t in drafts]
    return sorted((d for d in counts if d.count), key=lambda one: (-one.count, one.template))


def _unused(seen: _Seen, templates: "Templates") -> list[UnusedTemplate]:
    unused = [t for t in templates.spoken if not seen.used[t.id]]
    found = [UnusedTemplate(t.id, t.intents, seen.by_agents[t.id]) for t in unused]
    return sorted(found, key=lambda one: (-one.by_agents, one.template))


def _disliked(seen: _Seen) -> list[DislikedPassage]:
    found = [
        DislikedPassage(*place, shown=seen.shown[place], disliked=count)
        for place, count in seen.disliked.items()
    ]
    return sorted(found, key=lambda one: (-one.disliked, -one.shown, one.article, one.passage))
