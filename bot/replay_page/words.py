"""What the page says in sentences, and how it writes a figure."""

from collections.abc import Sequence

from bot.replay import Comparison, Figures
from bot.replay_page.values import ReplayReport
from finetune.report.markup import count, percent

_SHARES = frozenset({"outcome", "decisions", "agreement", "risk"})
PROMISES = {
    "held": "was kept on these chats",
    "broken": "was not kept on these chats",
    "open": "is neither confirmed nor refuted by these chats",
    None: "could not be tried: no answer could be judged",
}
CHANGES = {
    "fixed": "▲ fixed",
    "broken": "▼ broken",
    "changed": "◆ changed",
    "unchanged": "= unchanged",
}


def number(name: str, value: float) -> str:
    """By its dotted name: a share in percent, or three decimals; the terminal does so too."""
    if name == "outcome.turns_before":
        return f"{value:.1f}"
    return percent(value) if name.partition(".")[0] in _SHARES else f"{value:.3f}"


def bounds(found: Figures, name: str) -> str:
    """The interval of a figure, or nothing where it has none."""
    known = found.intervals.get(name)
    return "" if known is None else f"{number(name, known[0])} to {number(name, known[1])}"


def headline(found: Figures) -> str:
    """The one sentence: how much goes by itself at the promised risk."""
    automation = found.value("outcome.automation")
    if automation is None:
        return f"{found.version} was replayed on {count(found.turns, 'turn')}."
    level = f"{found.confidence_level:.0%} interval".replace("%", "\u202f%")
    return (
        f"Held to at most {percent(found.risk['max_wrong'], 0)} wrong answers, {found.version} "
        f"would settle {percent(automation)} of these chats by itself"
        f" ({level} {bounds(found, 'outcome.automation')})."
    )


def lead(found: Figures) -> str:
    """Whether the promise held, and how much of the headline customers confirmed."""
    kept = f"The promise {PROMISES[found.risk['promise']]}"
    wrong = found.value("risk.wrong")
    if wrong is not None:
        answers = count(found.risk["n"], "answer")
        kept += f": {percent(wrong)} of {answers} that can be judged were wrong"
        kept += f" ({bounds(found, 'risk.wrong')})" if bounds(found, "risk.wrong") else ""
    confirmed, assumed = (found.value(f"outcome.{name}") for name in ("confirmed", "assumed"))
    if not found.value("outcome.automation") or confirmed is None or assumed is None:
        return f"{kept}."
    return (
        f"{kept}. In {percent(confirmed)} of the chats the customer confirms it; in "
        f"{percent(assumed)} nothing speaks against it."
    )


def notes(found: Figures) -> list[str]:
    """What to know before believing the figures."""
    lines = []
    if found.excluded:
        lines.append(f"{count(found.excluded, 'chat')} of the model’s training data are left out.")
    if found.seen_in_training and not found.excluded:
        lines.append(
            f"{found.seen_in_training:,} of {count(found.chats, 'chat')} were in the model’s "
            "training data: expect less on new ones."
        )
    return [*lines, found.shift] if found.shift else lines


def says_risk(report: ReplayReport, name: str) -> str:
    """What a curve shows."""
    route = report.figures.risk["routes"][name]
    last = route["curve"][-1][2]
    whole = f"Of {count(route['n'], 'turn')}, answering all would be wrong in {percent(last)}."
    if route["threshold"] is None:
        return f"{whole} No threshold keeps the promise yet, so nothing is answered this way."
    if route.get("wrong") is None:
        return f"{whole} The threshold {route['threshold']:.3f} lets nothing pass."
    spread = bounds(report.figures, f"risk.{name}.wrong")
    return (
        f"{whole} The dot is the chosen threshold, {route['threshold']:.3f}: it answers "
        f"{percent(route['coverage'])}, {percent(route['wrong'])} of it wrong ({spread}). The "
        f"dashed line is the promise, which {PROMISES[route['promise']]}."
    )


def says_flow(found: Figures) -> str:
    contained = found.value("outcome.containment")
    sentence = (
        "What the bot would have done at each of the customer’s first messages, with the true "
        "chat before it. A column is as high as there are chats with that message."
    )
    if contained is None:
        return sentence
    return f"{sentence} {percent(contained)} of the chats stay with it from first to last."


def verdict(compared: Comparison) -> str:
    """The one sentence of a comparison."""
    names = ", ".join(change.figure for change in compared.worse)
    judged = f"Worse: {names}." if names else "No figure became worse."
    counts: Sequence[str] = [f"{n:,} {change}" for change, n in compared.counts.items()]
    return f"{judged} Of {count(compared.turns, 'turn')}: {', '.join(counts)}."


def signed(name: str, difference: float) -> str:
    """A difference of a figure, in its own unit: `+1.5 %`, `−0.012`."""
    size = number(name, abs(difference))
    sign = "" if size == number(name, 0.0) else "−" if difference < 0 else "+"
    return f"{sign}{size}"
