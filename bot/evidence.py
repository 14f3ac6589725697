"""A decision and its evidence as plain JSON values: what the log, the chat and the replay write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.decision import (
    Answer,
    Ask,
    Cite,
    Clarify,
    Decision,
    Handoff,
    Outcome,
    Part,
    Scored,
    Several,
    SmallTalk,
    Summary,
    Thresholds,
    Unknown,
    parts_of,
    template_of,
)

if TYPE_CHECKING:
    from kb.search import Hit


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
        case Clarify(choices=choices, articles=articles):
            return {"choices": list(choices)} | ({"articles": list(articles)} if articles else {})
        case Handoff(reason=reason, summary=summary):
            return {"reason": reason, "summary": _summary_json(summary)}
        case Several(parts=parts, texts=texts):
            return {"parts": [_part_json(*part) for part in zip(parts, texts, strict=True)]}
        case Unknown(reason=reason):
            return {"reason": reason}
        case SmallTalk(sentence=str() as sentence):
            return {"sentence": sentence}
        case Cite() if decision.quotes:
            return _quotes_json(decision)
        case _:
            return {}


def _quotes_json(cite: Cite) -> dict[str, Any]:
    """`{"sentences": [{"passage", "start", "end"}], "missing": [text]}`, and, where a language
    model worded the answer, `"phrased": [{"text", "sentence"}]`."""
    ids = [hit.passage.id for hit in cite.hits]
    quotes = [{"passage": ids[q.hit], "start": q.start, "end": q.end} for q in cite.quotes]
    phrased = [{"text": text, "sentence": place} for text, place in cite.phrased]
    found: dict[str, Any] = {"sentences": quotes, "missing": list(cite.missing)}
    return found | ({"phrased": phrased} if phrased else {})


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
