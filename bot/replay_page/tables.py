"""Every figure with its interval, by group; and what the replay was of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.decision import KINDS
from bot.replay import Figures
from bot.replay_page import charts, words
from bot.replay_page.values import ReplayReport
from finetune.report.markup import Html, count, decimal, join, table, tag

Line = tuple[str, str, str]  # a figure's dotted name, its title, and what it is a share of


@dataclass(frozen=True, slots=True)
class _Group:
    title: str
    lines: Sequence[Line]


_GROUPS = (
    _Group(
        "Outcome",
        (
            ("outcome.automation", "automation", "chats"),
            ("outcome.involvement", "involvement", "chats"),
            ("outcome.resolution", "resolution", "involved"),
            ("outcome.confirmed", "resolved, confirmed", "chats"),
            ("outcome.assumed", "resolved, assumed", "chats"),
            ("outcome.containment", "containment", "chats"),
            ("outcome.offered", "a person offered in time", "escalated"),
            ("outcome.turns_before", "messages before the escalation", "offered_n"),
        ),
    ),
    _Group(
        "Risk",
        (
            ("risk.wrong", "wrong answers", "n"),
            ("risk.intent.coverage", "by intent: answered", "n"),
            ("risk.intent.wrong", "by intent: wrong", "answered"),
            ("risk.template.coverage", "by ranking: answered", "n"),
            ("risk.template.wrong", "by ranking: wrong", "answered"),
        ),
    ),
    _Group("Decisions", tuple((f"decisions.{kind}", kind, "turns") for kind in KINDS)),
    _Group(
        "Agreement with the agent",
        (
            ("agreement.share", "same act", "n"),
            ("similarity.mean", "similarity of the replies", "n"),
        ),
    ),
    _Group(
        "Intents",
        (
            ("intent.accuracy", "accuracy", "n"),
            ("intent.macro_f1", "macro F1", "n"),
            ("intent.ece", "calibration error (ECE), less is better", "n"),
            ("intent.oos_recall", "out of scope recognised", "oos_n"),
        ),
    ),
    _Group(
        "The agent’s reply among {candidates}",
        (
            ("ranking.r@1", "first (R@1)", "n"),
            ("ranking.r@5", "among the first 5 (R@5)", "n"),
            ("ranking.r@10", "among the first 10 (R@10)", "n"),
            ("ranking.mrr", "mean reciprocal rank (MRR)", "n"),
        ),
    ),
    _Group(
        "Entities",
        (
            ("entities.precision", "precision", "n"),
            ("entities.recall", "recall", "n"),
            ("entities.f1", "F1", "n"),
        ),
    ),
)


def figures(report: ReplayReport) -> Html:
    """All figures with their intervals, a table a group, then agreement by act and the cost."""
    found = report.figures
    level = f"{100 * found.confidence_level:g} % interval"
    heads = ("figure", "value", level, "of", "")
    made = []
    for group in _GROUPS:
        rows = list(_rows(found, group.lines))
        if rows:
            title = group.title.format(candidates=found.ranking["candidates"])
            made.append(table(title, heads, rows, numbers=(1, 2, 3)))
    told = (
        f"Each interval holds {100 * found.confidence_level:g} % of {found.resamples:,} redraws "
        "of whole chats."
    )
    return join(
        [
            tag("p", told, class_="hint"),
            tag("div", *made, _cost(found), class_="groups"),
            _acts(found),
        ]
    )


def made_from(report: ReplayReport) -> Html:
    """The replay itself: which chats, which model, which thresholds."""
    row, thresholds = report.row, report.row.about["thresholds"]
    named = {
        "replay": f"{row.id}, {row.at}",
        "chats": row.chats,
        "model": f"{row.version} ({row.model})",
        "index": row.index_digest or "none",
        "size": f"{count(report.figures.turns, 'turn')} of {count(report.figures.chats, 'chat')}",
        "left out": count(report.figures.excluded, "chat") + " of the training data",
        "thresholds": ", ".join(
            f"{name} {'none' if at is None else decimal(at)}" for name, at in thresholds.items()
        ),
    }
    if row.workspace:
        named["workspace"] = row.workspace
    pairs = [part for name, value in named.items() for part in (tag("dt", name), tag("dd", value))]
    return tag("dl", *pairs)


def _rows(found: Figures, lines: Sequence[Line]) -> Iterator[list[str]]:
    for name, title, count_ in lines:
        value = found.value(name)
        if value is not None:
            top = 1.0 if name != "outcome.turns_before" else max(value * 1.5, 1.0)
            yield [
                title,
                words.number(name, value),
                words.bounds(found, name),
                _of(found, name, count_),
                charts.interval(value, found.intervals.get(name), top),
            ]


def _of(found: Figures, name: str, count_: str) -> str:
    """How many the figure is a share of."""
    if count_ == "turns":
        return f"{found.turns:,}"
    group, *rest = name.split(".")
    within = getattr(found, group)
    if len(rest) == 2:
        within = within["routes"][rest[0]]
    if count_ == "answered":
        return f"{round(within['coverage'] * within['n']):,}"
    return f"{int(within[count_]):,}"


def _acts(found: Figures) -> Html:
    """What the bot decided where the agent did what."""
    acts = found.agreement.get("acts", {})
    if not acts:
        return Html()
    kinds = [kind for kind in KINDS if any(kind in row for row in acts.values())]
    rows = [[act, *(f"{row.get(kind, 0):,}" for kind in kinds)] for act, row in acts.items()]
    caption = "Turns by what the agent did (rows) and what the bot decides (columns)"
    return table(caption, ("agent", *kinds), rows, tuple(range(1, len(kinds) + 1)))


def _cost(found: Figures) -> Html:
    cost = found.cost
    rows = [
        ["turns a second", f"{found.turns_per_second:,.1f}"],
        *([f"{name} a turn", f"{ms:.1f} ms"] for name, ms in cost["ms"].items()),
        ["in all", f"{cost['seconds']:,.1f} s"],
        ["peak memory", f"{cost['peak_mib']:,.0f} MiB"],
    ]
    return table("Cost", ("figure", "value"), rows, (1,))
