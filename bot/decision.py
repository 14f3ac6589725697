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
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

if TYPE_CHECKING:
    from kb.search import Hit

Kind = Literal[
    "template", "passages", "ask", "clarify", "handoff", "smalltalk", "unknown", "several"
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)


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
    that of passages for a message that was searched for together with an earlier question.
    """

    intent: float | None = None
    template: float | None = None
    passage: float | None = None
    follow_up: float | None = None
    max_wrong: float = 0.05


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a decision was made on, and the rule that made it (a key of `RULES`).

    `slots` is all that was known, this message included: what the state keeps after the turn.
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


# `wording` counts how often the bot has already spoken with the same purpose in this session:
# wordings rotate by it, so that none is heard twice in a row. `then` is the question of a request
# that had given way, which the reply comes back to.


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
class Cite:
    """Quote passages; every one of `hits` is at or above the threshold."""

    kind: ClassVar[Kind] = "passages"
    hits: tuple[Hit, ...]
    evidence: Evidence
    wording: int = 0
    then: Ask | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for `slot`, which `template` needs, or, with no slot, whether to go ahead with it.

    `attempt` is 0 the first time. `complaint` says what is wrong with the value just given, and
    `corrected` is the value that just took another's place.
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

    @property
    def confirming(self) -> bool:
        """Whether it asks for a yes or a no."""
        return not self.slot


@dataclass(frozen=True, slots=True)
class Clarify:
    """Offer two or three templates (their ids) to choose from."""

    kind: ClassVar[Kind] = "clarify"
    choices: tuple[str, ...]
    evidence: Evidence
    wording: int = 0


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


UnknownReason = Literal["unreadable", "uncertain", "out of scope"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Say that the bot does not know, and offer a person."""

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


def citations_json(decision: Decision) -> list[dict[str, Any]]:
    """`[{"article", "passage", "score"}]`, in the order they are cited in the reply."""
    cited = (part.hits for part in parts_of(decision) if isinstance(part, Cite))
    return [_hit_json(hit) for hits in cited for hit in hits]


def decision_json(decision: Decision) -> dict[str, Any]:
    """`{"kind", "template"?, "citations"?, "evidence"}`, as in the chat's JSON."""
    found: dict[str, Any] = {"kind": decision.kind}
    if (template := template_of(decision)) is not None:
        found["template"] = template
    if citations := citations_json(decision):
        found["citations"] = citations
    return found | {"evidence": evidence_json(decision)}


def evidence_json(decision: Decision) -> dict[str, Any]:
    """The evidence as plain JSON values, with what is particular to the kind of decision."""
    evidence = decision.evidence
    return {
        "rule": evidence.rule,
        **({"follows": evidence.follows} if evidence.follows else {}),
        **_particulars(decision),
        **_then(decision),
        "entities": {
            name: {"text": text, "value": evidence.values.get(name)}
            for name, text in evidence.entities.items()
        },
        "sentiment": evidence.sentiment,
        "upset": evidence.upset,
        "intents": [_scored_json(intent) for intent in evidence.intents],
        "runner_up": _scored_json(evidence.runner_up) if evidence.runner_up else None,
        "margin": _rounded(evidence.margin),
        "templates": [_scored_json(template) for template in evidence.templates],
        "passages": [_hit_json(hit) for hit in evidence.hits],
        "thresholds": _thresholds_json(evidence.thresholds),
    }


def _particulars(decision: Decision) -> dict[str, Any]:
    match decision:
        case Answer(outcome=Outcome() as outcome):
            return {"action": _outcome_json(outcome)}
        case Ask():
            return _ask_json(decision)
        case Clarify(choices=choices):
            return {"choices": list(choices)}
        case Handoff(reason=reason, summary=summary):
            return {"reason": reason, "summary": _summary_json(summary)}
        case Several(parts=parts, texts=texts):
            return {"parts": [_part_json(*part) for part in zip(parts, texts, strict=True)]}
        case Unknown(reason=reason):
            return {"reason": reason}
        case SmallTalk(sentence=str() as sentence):
            return {"sentence": sentence}
        case _:
            return {}


def _then(decision: Decision) -> dict[str, Any]:
    """The question that a decision comes back to."""
    match decision:
        case Answer(then=Ask() as ask) | SmallTalk(then=Ask() as ask) | Cite(then=Ask() as ask):
            return {"then": {"slot": ask.slot, "template": ask.template}}
        case _:
            return {}


def _part_json(part: Part, text: str) -> dict[str, Any]:
    """`{"kind", "template", "message", "citations"}` with the evidence of one of several."""
    about = {"kind": part.kind, "template": template_of(part), "message": text}
    return {**about, "citations": citations_json(part), **evidence_json(part)}


def _ask_json(ask: Ask) -> dict[str, Any]:
    asked = {"confirming": True} if ask.confirming else {"slot": ask.slot}
    said = {"complaint": ask.complaint, "corrected": ask.corrected}
    return asked | {"attempt": ask.attempt} | {name: text for name, text in said.items() if text}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.action,
        "ok": outcome.failure is None,
        "attempts": outcome.attempts,
        "ms": outcome.ms,
        "returned": dict(outcome.returned),
        "failure": outcome.failure,
    }


def _summary_json(summary: Summary) -> dict[str, Any]:
    return {
        "messages": list(summary.messages),
        "slots": dict(summary.slots),
        "answered": list(summary.answered),
        "articles": list(summary.articles),
    }


def _thresholds_json(thresholds: Thresholds) -> dict[str, float | None]:
    return {
        "intent": _rounded(thresholds.intent),
        "template": _rounded(thresholds.template),
        "passage": _rounded(thresholds.passage),
        "max_wrong": _rounded(thresholds.max_wrong),
    }


def _scored_json(scored: Scored) -> dict[str, Any]:
    return {"name": scored.name, "score": _rounded(scored.score)}


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "article": hit.passage.article,
        "passage": hit.passage.id,
        "score": _rounded(hit.score),
    }


def _rounded(score: float | None) -> float | None:
    """Six digits say all there is to say; `float` because the scores may be numpy's."""
    return None if score is None else round(float(score), 6)
