"""A decision is a value: what the bot will do in a turn, and the evidence it did it on.

`/why`, the session log, the replay report and the tests all read this same value, so nothing
has to be worked out again (or differently) after the fact.

    Answer      "template"    a template whose slots are filled
    Cite        "passages"    passages of articles, each with its citation
    Ask         "ask"         one missing slot
    Clarify     "clarify"     two or three readings that are too close to call
    Handoff     "handoff"     a person takes over, with the summary so far
    SmallTalk   "smalltalk"   a template that is only polite
    Unknown     "unknown"     nothing is good enough: say so, offer a person
    Several     "several"     the decisions on the requests of one message, in order
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

if TYPE_CHECKING:
    from kb.search import Hit

Kind = Literal[
    "template", "passages", "ask", "clarify", "handoff", "smalltalk", "unknown", "several"
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
ANSWERS = frozenset[str]({"template", "passages", "several"})
TAKES_PART = ANSWERS | {"ask", "clarify"}
OFFERS_PERSON = frozenset[str]({"handoff", "unknown"})
"""What the kinds come to, wherever decisions are counted (docs/replay.md)."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A name (an intent, a template id) and its score, 0 to 1, higher is better."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model and the patterns read in one message.

    `intents` are the most likely ones, best first, with calibrated probabilities; empty when
    the model knows no intents. `entities` maps a slot name to the text that fills it, and `values`
    to what that text means, where the settings ask for it and it is understood.
    `sentiment` is how the customer sounds, None where the model has not learnt it.
    """

    intents: tuple[Scored, ...] = ()
    entities: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    sentiment: str | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """What could be said: the ranker's templates and the knowledge base's hits, best first.

    `follows` is the earlier question that the hits were searched for together with the message.
    """

    templates: tuple[Scored, ...] = ()
    hits: tuple[Hit, ...] = ()
    follows: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The score from which each route answers by itself, found on held-out chats.

    None means that nothing is known to be safe: that route never answers by itself.
    `max_wrong` is the risk the owner set, the share of answers that may be wrong. `follow_up` is
    that of passages for a message that was searched for together with an earlier question. From
    `offer` on the title of an article is offered to pick, which is no answer: one message in twenty
    that no article answers reaches it.
    """

    intent: float | None = None
    template: float | None = None
    passage: float | None = None
    follow_up: float | None = None
    offer: float | None = None
    max_wrong: float = 0.05

    @property
    def silent(self) -> bool:
        """Whether no route answers by itself."""
        routes = (self.intent, self.template, self.passage, self.follow_up)
        return all(threshold is None for threshold in routes)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a decision was made on, and the rule that made it (a key of `RULES`).

    `slots` is all that was known, this message included: what the state keeps after the turn;
    `meanings` are the values of those slots whose words are understood.
    `follows` is the earlier question that the message was read as a follow-up of.
    `upset` counts the customer's messages in a row that sounded upset, this one included; the reply
    `offers` a person where that is one too many.
    """

    rule: str
    intents: tuple[Scored, ...] = ()
    templates: tuple[Scored, ...] = ()
    hits: tuple[Hit, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    entities: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)
    sentiment: str | None = None
    upset: int = 0
    offers: bool = False
    follows: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)

    @property
    def runner_up(self) -> Scored | None:
        """The second most likely intent."""
        return self.intents[1] if len(self.intents) > 1 else None

    @property
    def margin(self) -> float | None:
        """How far the most likely intent is ahead of the runner-up."""
        runner_up = self.runner_up
        return self.intents[0].score - runner_up.score if runner_up else None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a person who takes over needs to know, so that nobody has to repeat anything."""

    messages: tuple[str, ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)
    answered: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of running an action: what it `returned`, or the `failure` in a few words.

    `attempts` counts the runs, `ms` is the time of all of them.
    """

    action: str
    returned: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None
    attempts: int = 1
    ms: float = 0.0


# `wording` counts how often the bot has already spoken with the same purpose in this session:
# wordings rotate by it, so that none is heard twice in a row. `then` is the question of a request
# that had given way, which the reply comes back to.


@dataclass(frozen=True, slots=True)
class Answer:
    """Say `template` with `slots` filled in, once its `action`, if any, has been run.

    `decide` only names the action; whoever answers runs it and adds the `outcome`.
    """

    kind: ClassVar[Kind] = "template"
    template: str
    slots: Mapping[str, str]
    evidence: Evidence
    wording: int = 0
    action: str | None = None
    outcome: Outcome | None = None
    then: Ask | None = None


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """Say a polite `template`, or one of our own `sentence`s (a name in `SENTENCES`).

    Whatever was being asked for stays open, unless this `closes` it. `choices` are templates that
    it names, to be chosen from.
    """

    kind: ClassVar[Kind] = "smalltalk"
    template: str | None
    slots: Mapping[str, str]
    evidence: Evidence
    wording: int = 0
    sentence: str | None = None
    closes: bool = False
    choices: tuple[str, ...] = ()
    then: Ask | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, or a list as a whole, of the passage at `hit` among those cited: from `start` to
    `end` (exclusive) in its text as written; `text` is that without Markdown."""

    hit: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Cite:
    """Quote passages; every one of `hits` is at or above the threshold, or of an article that was
    offered and picked. The reply before quoted the same ones where this one does so `again`.

    `decide` names the passages; whoever answers adds what is quoted of them (`quotes`), the words
    of the message that they do not cover (`missing`), and perhaps another wording: sentences, each
    with the place of its source among the quotes (`phrased`).
    """

    kind: ClassVar[Kind] = "passages"
    hits: tuple[Hit, ...]
    evidence: Evidence
    wording: int = 0
    then: Ask | None = None
    quotes: tuple[Quote, ...] = ()
    missing: tuple[str, ...] = ()
    phrased: tuple[tuple[str, int], ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for `slot`, which `template` needs, or, with no slot, whether to go ahead with it.

    `attempt` is 0 the first time. `complaint` says what is wrong with the value just given, and
    `corrected` is the value that just took another's place. `choices` are the templates that the
    value tells apart; they are offered where none is given. `returns` counts how often a digression
    came back to it.
    """

    kind: ClassVar[Kind] = "ask"
    slot: str
    template: str
    question: str
    slots: Mapping[str, str]
    evidence: Evidence
    attempt: int = 0
    wording: int = 0
    complaint: str = ""
    corrected: str = ""
    choices: tuple[str, ...] = ()
    returns: int = 0

    @property
    def confirming(self) -> bool:
        """Whether it asks for a yes or a no."""
        return not self.slot


@dataclass(frozen=True, slots=True)
class Clarify:
    """Offer up to three templates (their ids) to choose from, and articles (their titles)."""

    kind: ClassVar[Kind] = "clarify"
    choices: tuple[str, ...]
    evidence: Evidence
    wording: int = 0
    articles: tuple[str, ...] = ()


HandoffReason = Literal["template", "requested", "unknown", "unfilled"]


@dataclass(frozen=True, slots=True)
class Handoff:
    """A person takes over, because a template says so, the customer asked, or the bot is stuck."""

    kind: ClassVar[Kind] = "handoff"
    reason: HandoffReason
    summary: Summary
    evidence: Evidence
    template: str | None = None
    wording: int = 0


UnknownReason = Literal[
    "unreadable", "only a value", "uncertain", "uncertain again", "said already", "out of scope"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unknown:
    """Say that the bot does not know, and how to reach a person; "uncertain again" and "said
    already" ask whether to get one."""

    kind: ClassVar[Kind] = "unknown"
    reason: UnknownReason
    evidence: Evidence
    wording: int = 0


@dataclass(frozen=True, slots=True)
class Several:
    """Say what was decided on each of the requests in a message; `texts` are their words."""

    kind: ClassVar[Kind] = "several"
    parts: tuple[Part, ...]
    texts: tuple[str, ...]
    evidence: Evidence
    wording: int = 0


Part = Answer | Cite | Ask | Clarify | Handoff | SmallTalk | Unknown
Decision = Part | Several


def parts_of(decision: Decision) -> tuple[Part, ...]:
    """The decisions that one is made of: itself, unless it is several."""
    return decision.parts if isinstance(decision, Several) else (decision,)


def template_of(decision: Decision) -> str | None:
    """The id of the template that a decision speaks with, or asks on behalf of."""
    return getattr(decision, "template", None)
