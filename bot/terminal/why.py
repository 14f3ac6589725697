"""Why a reply was given, for a person: a sentence first, then all that it was decided on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bot.decision import Ask, Decision, Evidence, Handoff, Unknown, parts_of, template_of
from bot.dialogue import RULES
from bot.replies import Language
from bot.terminal.screen import inert
from bot.terminal.words import KINDS, RULES_IN_CHINESE, WORDS, word

if TYPE_CHECKING:
    from rich.table import Table

    from bot.exchange import Exchange
    from bot.terminal.screen import Screen

Row = tuple[str, str, str, str]
SHOWN_APART = {
    "rule", "intents", "templates", "hits", "thresholds", "entities", "values", "slots",
    "meanings", "sentiment",
}  # fmt: skip
"""The fields of the evidence that have a place of their own; whatever else there is has a row."""


def explain(exchange: Exchange, screen: Screen, language: Language) -> None:
    """Show why; of several requests in one message, each in turn."""
    parts = parts_of(exchange.decision)
    for number, decision in enumerate(parts, start=1):
        if len(parts) > 1:
            screen.say(word("part", language, number=number), "bold")
        _explain(decision, screen, language)
    heard = {"sounds": exchange.reading.sentiment or "", "took": _timings(exchange)}
    screen.pairs([(word(name, language), text) for name, text in heard.items() if text])


def _explain(decision: Decision, screen: Screen, language: Language) -> None:
    evidence = decision.evidence
    screen.say(understood(evidence, language))
    screen.say(decided(decision, language))
    screen.pairs(list(_known(decision, language)))
    if screen.narrow:
        for row in _rows(evidence, language):
            screen.say(" ".join(cell for cell in row if cell))
    else:
        screen.show(_table(evidence, language))


def understood(evidence: Evidence, language: Language) -> str:
    """What the message was taken for, how surely, what was needed, and what came second."""
    if not evidence.intents:
        return word("not understood", language)
    first, second, needed = evidence.intents[0], evidence.runner_up, evidence.thresholds.intent
    return word(
        "understood",
        language,
        intent=first.name,
        sure=_share(first.score),
        needed=word("needs more", language)
        if needed is None
        else word("needs", language, share=_share(needed)),
        runner_up=word("no next", language)
        if second is None
        else word("next is", language, intent=second.name, share=_share(second.score)),
    )


def decided(decision: Decision, language: Language) -> str:
    """What was done, and the rule that says so."""
    rule = decision.evidence.rule
    reason = RULES.get(rule, rule)
    if language == "zh":
        reason = RULES_IN_CHINESE.get(rule, reason)
    kind = KINDS[decision.kind][language]
    details = [template_of(decision) or ""]
    if isinstance(decision, Handoff | Unknown):
        details.append(f"({decision.reason})")
    what = " ".join(part for part in (kind, *details) if part)
    return word("decided", language, what=what, rule=reason, name=rule)


def _share(score: float) -> str:
    """In whole percent; what is not certain never reads as if it were."""
    return f"{min(round(100 * score), 99) if score < 1 else 100}%"


def _known(decision: Decision, language: Language) -> Iterator[tuple[str, str]]:
    """Slots, entities with their values, and whatever else the evidence holds."""
    evidence = decision.evidence
    slots = {**evidence.slots, **getattr(decision, "slots", {})}
    if slots:
        yield word("slots known", language), meant(slots, evidence.meanings)
    if isinstance(decision, Ask) and decision.slot:
        yield word("slot asked", language), decision.slot
    if evidence.entities:
        yield word("found", language), meant(evidence.entities, evidence.values)
    for name in (field.name for field in fields(evidence)):
        value = getattr(evidence, name)
        if name not in SHOWN_APART and value not in (None, "", (), {}, False):
            label = f"part {name}"
            yield word(label, language) if label in WORDS else name.replace("_", " "), _plain(value)


def meant(words: Mapping[str, str], meanings: Mapping[str, str]) -> str:
    """Words by name, each with what it means where that is understood."""
    return _pairs({
        name: f"{text} ({meanings[name]})" if name in meanings else text
        for name, text in words.items()
    })  # fmt: skip


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> str:
    """A value of the evidence in a line."""
    if isinstance(value, Mapping):
        return _pairs(value)
    if isinstance(value, tuple | list):
        return ", ".join(map(_plain, value))
    if hasattr(value, "__dataclass_fields__"):
        return _pairs({field.name: getattr(value, field.name) for field in fields(value)})
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _timings(exchange: Exchange) -> str:
    steps = ", ".join(f"{name} {ms:.1f}" for name, ms in exchange.timings.items())
    return f"{exchange.ms:.1f} ms ({steps})" if steps else f"{exchange.ms:.1f} ms"


# The three ways to an answer.


def _table(evidence: Evidence, language: Language) -> Table:
    from rich import box
    from rich.table import Table

    heads = [word(name, language) for name in ("way", "candidate", "score", "needed")]
    table = Table(*heads, box=box.SIMPLE)
    for place in (0, 2, 3):
        table.columns[place].no_wrap = True
    table.columns[1].overflow = "fold"
    for column in table.columns[2:]:
        column.justify = "right"
    for row in _rows(evidence, language):
        table.add_row(*map(inert, row))
    return table


def _rows(evidence: Evidence, language: Language) -> Iterator[Row]:
    """(way, candidate, score, needed), each way with its candidates, best first."""
    needed = evidence.thresholds
    intents = [(scored.name, scored.score) for scored in evidence.intents]
    templates = [(scored.name, scored.score) for scored in evidence.templates]
    passages = [
        (" › ".join((hit.passage.title, *hit.passage.headings)), hit.score)
        for hit in evidence.hits[:5]
    ]
    yield from _way(word("by intent", language), intents, needed.intent, language)
    yield from _way(word("by template", language), templates, needed.template, language)
    yield from _way(word("by passage", language), passages, needed.passage, language)


def _way(
    way: str, scored: Sequence[tuple[str, float]], needed: float | None, language: Language
) -> Iterator[Row]:
    limit = word("not certified", language) if needed is None else f"{needed:.3f}"
    for place, (name, score) in enumerate(scored):
        first = place == 0
        yield way if first else "", name, f"{score:.3f}", limit if first else ""
