"""The parts of the page, each from the report to its markup; None where there is nothing to say."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from bot.replay import Comparison, ReplayRow, Turn
from bot.replay.compare import FigureChange, change_of
from bot.replay_page import charts, words
from bot.replay_page.packing import Pair
from bot.replay_page.values import STEPS, ReplayReport
from finetune.report.charts import heat_map, reliability
from finetune.report.markup import (
    Html,
    count,
    decimal,
    details,
    figure,
    join,
    message,
    name_of,
    percent,
    sure,
    table,
    tag,
)
from finetune.report.words import says_reliability

_MOST_IN_MATRIX = 24
_MOST_PAIRS = 15
_STILL = 120  # columns of a message on paper


def comparison(report: ReplayReport) -> Html | None:
    """Both replays side by side: what changed, and which figures by more than chance."""
    compared = report.compared
    if compared is None:
        return None
    counts = [
        _show(f"{words.CHANGES[change]}: {n:,}", change=change)
        for change, n in compared.counts.items()
    ]
    deciding = [change for change in compared.figures if change.decides]
    others = [change for change in compared.figures if not change.decides]
    told = f"The same {count(compared.turns, 'turn')} of {count(compared.chats, 'chat')}, both ways"
    parts = [tag("p", words.verdict(compared), class_="lead"), tag("p", *counts, class_="chips")]
    if deciding:
        parts.append(_changes(compared, told, deciding))
    if others:
        aside = "Figures that decide nothing"
        parts.append(details(aside, _changes(compared, aside, others)))
    return join(parts)


def confidence(report: ReplayReport) -> Html | None:
    """The curves: risk against coverage of each way of answering, and reliability."""
    routes = report.figures.risk["routes"]
    figures = [_risk(report, name) for name, route in routes.items() if route["curve"]]
    if report.counted.bins:
        figures.append(_reliability(report))
    return tag("div", *figures, class_="figures") if figures else None


def outcome(report: ReplayReport) -> Html | None:
    """What would have become of the chats, and the flow of their messages."""
    says = words.says_flow(report.figures)
    counted = report.counted
    steps = [step for step in range(STEPS) if any(place == step for place, _ in counted.moves)]
    heads = ("message", *charts.ORDER, "chats")
    rows = []
    for step in steps:
        each = [counted.moves[step, move] for move in charts.ORDER]
        rows.append([f"{step + 1}", *(f"{n:,}" for n in each), f"{sum(each):,}"])
    numbers = table("Chats by message and move", heads, rows, tuple(range(1, len(heads))))
    drawn = tag(
        "div", charts.flow(counted, says), class_="scroll flow", tabindex="0", role="region",
        aria_label="The flow of conversations",
    )  # fmt: skip
    return join([_funnel(report), figure("From message to message", says, drawn, numbers)])


def confused(report: ReplayReport) -> Html | None:
    """Which intents are taken for each other: the pairs, and a matrix of the labels in them."""
    if not report.counted.bins:
        return None
    pairs = sorted(report.figures.confusion, key=lambda pair: -pair[2])
    if not pairs:
        return tag("p", "No labelled turn was misread.")
    rows = [
        [
            name_of(gold),
            name_of(read),
            f"{n:,}",
            _show("Show", f"Show turns of {gold} read as {read}", gold=gold, intent=read),
        ]
        for gold, read, n in pairs[:_MOST_PAIRS]
    ]
    shown = sum(pair[2] for pair in pairs[:_MOST_PAIRS])
    caption = (
        f"{len(rows)} of {count(len(pairs), 'confused pair')}: {shown:,} of "
        f"{count(sum(pair[2] for pair in pairs), 'misread turn')}"
    )
    heads = ("labelled", "read as", "turns", "")
    return join(
        [
            table(caption, heads, rows, numbers=(2,)),
            _matrix(report, pairs),
        ]
    )


def turns(report: ReplayReport) -> Html:
    """The place of the table; its first rows stand there for paper and where no script runs."""
    packed, both = report.packed, report.compared is not None
    which = "All turns" if packed.every == 1 else f"The turns of one chat in {packed.every}"
    heads = ["chat, turn", "message", "decision", "read as", "sure", "judged", "agent"]
    heads += ["change", "before"] if both else []
    rows = [_first(report, pair) for pair in packed.first]
    more = packed.turns - len(rows)
    caption = "First turns" + (f"; {more:,} more are in the table on the screen" if more else "")
    still = table(caption, heads, rows, numbers=(4,), cards=True)
    hint = (
        f"{which}: {packed.turns:,}. Arrow keys, Page Up and Page Down, Home and End move; Control "
        "with Home or End goes to the first or last turn; Enter opens the evidence."
    )
    return join(
        [
            tag("p", hint, class_="hint", id="turns-hint"),
            tag("div", id="turns-tool", data_language=report.language),
            tag("div", still, id="turns-still"),
        ]
    )


# --- pieces --------------------------------------------------------------------------------------


def _side(row: ReplayRow) -> str:
    return f"{row.workspace} {row.version}, replay {row.id}".strip()


def _changes(compared: Comparison, caption: str, changes: Sequence[FigureChange]) -> Html:
    heads = ("figure", _side(compared.before), _side(compared.after), "difference", "95 % interval",
             "p", "verdict", "")  # fmt: skip
    rows = [
        [
            change.figure,
            words.number(change.figure, change.before),
            words.number(change.figure, change.after),
            words.signed(change.figure, change.difference),
            f"{words.signed(change.figure, change.low)} to "
            f"{words.signed(change.figure, change.high)}",
            decimal(change.p),
            "▼ worse" if change.worse else "= not worse" if change.decides else "–",
            charts.change(change.difference, change.low, change.high),
        ]
        for change in changes
    ]
    return table(caption, heads, rows, numbers=(1, 2, 3, 4, 5))


def _show(title: str, says: str | None = None, **filters: str) -> Html:
    """A button that filters the table; the script shows it. `says` is for who does not see it."""
    wanted = json.dumps(filters, ensure_ascii=False)
    return tag("button", title, type="button", data_filter=wanted, aria_label=says, hidden="hidden")


def _risk(report: ReplayReport, name: str) -> Html:
    found, says = report.figures, words.says_risk(report, name)
    route = found.risk["routes"][name]
    bounds = (
        found.intervals.get(f"risk.{name}.coverage"),
        found.intervals.get(f"risk.{name}.wrong"),
    )
    picture = charts.risk_curve(f"risk-{name}", route, found.risk["max_wrong"], bounds, says)
    points = route["curve"][:: max(1, len(route["curve"]) // 20)]
    rows = [[f"{at:.3f}", percent(share), percent(wrong)] for at, share, wrong in points]
    numbers = table("Risk by threshold", ("threshold", "answered", "wrong"), rows, (0, 1, 2))
    title = {"intent": "Answers by intent", "template": "Answers by ranking"}[name]
    return figure(f"{title}: wrong against given", says, picture, numbers)


def _reliability(report: ReplayReport) -> Html:
    bins, ece = report.counted.bins, report.figures.value("intent.ece") or 0.0
    says = says_reliability(bins, ece)
    rows = [
        [
            f"{percent(each.low, 0)} to {percent(each.high, 0)}",
            f"{each.n:,}",
            percent(each.confidence),
            percent(each.accuracy),
        ]
        for each in bins
    ]
    heads = ("confidence", "turns", "mean confidence", "right")
    numbers = table("Confidence and accuracy", heads, rows, (1, 2, 3))
    return figure("How sure, and how often right", says, reliability(bins, says), numbers)


def _funnel(report: ReplayReport) -> Html:
    """The chats that are left at each step to a confirmed resolution."""
    outcome = report.figures.outcome
    chats = int(outcome["chats"])
    confirmed = round((report.figures.value("outcome.confirmed") or 0.0) * chats)
    steps = (
        ("all chats", chats, ""),
        ("the bot takes part", int(outcome["involved"]), "answers or asks back at a request"),
        ("contained", int(outcome["contained"]), "never hands over nor says it does not know"),
        ("resolved", int(outcome["resolved"]), "answers the last request, none known to be wrong"),
        ("confirmed", confirmed, "the customer says that all is well"),
    )
    rows = [
        [
            join([name, tag("div", why, class_="place")]),
            f"{n:,}",
            percent(n / max(chats, 1)),
            charts.share_bar(n / max(chats, 1)),
        ]
        for name, n, why in steps
    ]
    return table("From taking part to a confirmed end", ("", "chats", "share", ""), rows, (1, 2))


def _matrix(report: ReplayReport, pairs: Sequence[Sequence[Any]]) -> Html:
    """The labels of the commonest confusions; all of them where they are few."""
    every = {name for pair in pairs for name in pair[:2]} | set(report.counted.right)
    names = sorted(every if len(every) <= _MOST_IN_MATRIX else _in_most(pairs))
    number = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for name in names:
        counts[number[name], number[name]] = report.counted.right[name]
    for gold, read, n in pairs:
        if gold in number and read in number:
            counts[number[gold], number[read]] = n
    says = (
        "Rows are labels, columns what they were read as, numbered alike. Grey is right, colour "
        "is wrong; darker is a larger share of the row."
    )
    if len(names) < len(every):
        says += f" The {len(names)} of {len(every)} labels that are most mixed up."
    rows = [
        [names[row], names[column], f"{counts[row, column]:,}"]
        for row, column in np.argwhere(counts > 0).tolist()
    ]
    numbers = table("Turns by label and reading", ("labelled", "read as", "turns"), rows, (2,))
    picture = tag(
        "div", heat_map(names, counts, says), class_="scroll matrix", tabindex="0", role="region",
        aria_label="The matrix",
    )  # fmt: skip
    return figure("Labelled and read", says, picture, numbers)


def _in_most(pairs: Sequence[Sequence[Any]]) -> list[str]:
    """Labels of the commonest pairs, as many as the matrix has room for."""
    found: dict[str, None] = {}
    for gold, read, _ in pairs:
        wanted = {gold: None, read: None}
        if len(found | wanted) > _MOST_IN_MATRIX:
            break
        found |= wanted
    return list(found)


def _first(report: ReplayReport, pair: Pair) -> list[str]:
    turn, before = pair
    cells: list[str] = [
        f"{turn.conversation}, {turn.turn}",
        message(turn.message, report.language, _STILL),
        _decided(turn),
        name_of(turn.intent) if turn.intent else "–",
        "–" if turn.confidence is None else sure(turn.confidence),
        {"right": "✓ right", "wrong": "✗ wrong"}.get(turn.verdict or "", "–"),
        turn.act or "–",
    ]
    if before is not None:
        cells += [words.CHANGES[change_of(before, turn)], _decided(before)]
    return cells


def _decided(turn: Turn) -> str:
    return f"{turn.kind} {turn.template or ''}".strip()
