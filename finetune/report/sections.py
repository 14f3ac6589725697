"""The parts of the page, each from the report to its markup; None where there is nothing to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetune.calibration import expected_calibration_error
from finetune.gate import Example, Verdict
from finetune.report import charts, measures, words
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
from finetune.report.values import Place, Prediction, TrainingReport

_MOST_IN_MATRIX = 30
_MOST_PAIRS = 20
_MOST_EXAMPLES = 3
_MOST_TORN = 50


def gate(report: TrainingReport) -> Html | None:
    """Whether the version may go live, task by task, and which intents fell."""
    verdict = report.verdict
    if verdict is None:
        return None
    parts: list[str] = [tag("p", verdict.reason, class_="lead")]
    if verdict.tasks:
        parts.append(_task_changes(verdict))
    if verdict.new:
        parts.append(tag("p", "New intents: ", join(map(name_of, verdict.new), ", "), "."))
    if verdict.lost:
        parts.append(tag("p", "No longer known: ", join(map(name_of, verdict.lost), ", "), "."))
    if verdict.fallen:
        parts.append(_fallen(report, verdict))
    return join(parts)


def confidence(report: TrainingReport) -> Html | None:
    """What may be answered, and whether confidence means what it says."""
    judged = report.part("test")
    if not judged:
        return None
    found = measures.promise(report)
    return tag("div", _risk(report, judged, found), _reliability(judged), class_="figures")


def labels(report: TrainingReport) -> Html | None:
    """Labels of the training chats that are probably wrong."""
    if not report.suspects and not report.torn:
        return None
    parts = []
    if report.suspects:
        parts.append(
            tag(
                "p",
                "Each of these training messages reads like another intent to a model that never "
                "saw its chat. Some labels are right and merely unusual; the surest come first.",
            )
        )
        rows = [
            [
                _said(report, one.place),
                name_of(one.given),
                name_of(one.suggested),
                sure(one.confidence),
                _where(one.place),
            ]
            for one in report.suspects
        ]
        heads = ("message", "labelled", "reads like", "sure", "where")
        caption = f"{count(len(rows), 'label')} to look at"
        parts.append(table(caption, heads, rows, numbers=(3,), id_="suspects-table", cards=True))
    if report.torn:
        parts.append(_torn(report))
    return join(parts)


def confused(report: TrainingReport) -> Html | None:
    """Which intents are taken for each other."""
    judged = report.part("test")
    pairs = measures.confusions(judged)
    if not judged:
        return None
    if not pairs:
        return tag("p", "No held-out message was misread.")
    rows = [
        [_pair(pair), f"{pair.there + pair.back:,}", _examples(report, pair.examples, True)]
        for pair in pairs[:_MOST_PAIRS]
    ]
    mistakes = sum(not one.right for one in judged)
    shown = sum(pair.there + pair.back for pair in pairs[:_MOST_PAIRS])
    caption = (
        f"{len(rows):,} of {count(len(pairs), 'confused pair')}: {shown:,} of "
        f"{count(mistakes, 'misread message')}"
    )
    heads = ("labelled → read as", "messages", "examples")
    return join(
        [table(caption, heads, rows, numbers=(1,), id_="pairs-table", cards=True), _matrix(judged)]
    )


def intents(report: TrainingReport) -> Html | None:
    """Precision and recall of each intent, with its mistakes."""
    scores = measures.per_intent(report.part("test"))
    if not scores:
        return None
    rows = [
        [
            name_of(score.name),
            f"{score.n:,}",
            percent(score.precision) if score.guessed else "–",
            percent(score.recall) if score.n else "–",
            percent(score.f1) if score.n else "–",
            _mistakes(report, score),
        ]
        for score in scores
    ]
    heads = ("intent", "messages", "precision", "recall", "F1", "mistakes")
    caption = f"{count(len(rows), 'intent')} on the test messages, the weakest first"
    return table(caption, heads, rows, numbers=(1, 2, 3, 4), id_="intents-table")


def learning(report: TrainingReport) -> Html | None:
    """Losses and validation score over the epochs."""
    history = report.history
    if not history:
        return None
    epochs = [float(row["epoch"]) for row in history]
    top = max(row["validation"] for row in history)
    best = max(float(row["epoch"]) for row in history if row["validation"] == top)
    names = [name for name in history[0] if name != "epoch"]
    kept = [name for name in names if name == "validation" or any(row.get(name) for row in history)]
    kept.sort(key=lambda name: name != "validation")
    heads = ["epoch", *kept]
    rows = [
        [f"{row['epoch']:g}", *(decimal(row.get(name, 0.0)) for name in kept)] for row in history
    ]
    numbers = table("Losses and validation score by epoch", heads, rows, tuple(range(len(heads))))
    if len(epochs) == 1:
        return join([tag("p", "One epoch was trained."), numbers])
    figures = [
        _learning_figure(place, name, epochs, [row.get(name, 0.0) for row in history], best)
        for place, name in enumerate(kept)
    ]
    return join(
        [
            tag("p", words.kept_epoch(best, epochs[-1])),
            tag("div", *figures, class_="small"),
            details("The numbers", numbers),
        ]
    )


def made_from(report: TrainingReport) -> Html | None:
    """Settings, and what the run noted about its data."""
    pairs = [
        part
        for name, value in report.settings.items()
        for part in (tag("dt", name.replace("_", " ")), tag("dd", _plain(value)))
    ]
    notes = [tag("li", note) for note in report.notes]
    if not pairs and not notes:
        return None
    listed = [tag("h3", "Notes"), tag("ul", *notes)] if notes else []
    return join([tag("dl", *pairs), *listed])


# --- the gate ------------------------------------------------------------------------------------


def _task_changes(verdict: Verdict) -> Html:
    rows = [
        [
            f"{change.task}, {change.figure}",
            f"{change.n:,}",
            percent(change.live),
            percent(change.candidate),
            f"{words.signed(change.low)} to {words.signed(change.high)}",
            "worse" if change.worse else "not worse" if change.decides else "–",
        ]
        for change in verdict.tasks
    ]
    heads = ("figure", "messages", verdict.live or "", verdict.candidate, "change, 95 %", "verdict")
    caption = f"The same messages of {count(verdict.chats, 'held-out chat')}, read by both versions"
    return table(caption, heads, rows, numbers=(1, 2, 3, 4))


def _fallen(report: TrainingReport, verdict: Verdict) -> Html:
    rows = [
        [
            name_of(change.intent),
            f"{change.n:,}",
            percent(change.live),
            percent(change.candidate),
            tag("ul", *(_lost(report, each) for each in change.examples), class_="examples"),
        ]
        for change in verdict.fallen
    ]
    heads = ("intent", "messages", verdict.live or "", verdict.candidate, "no longer read rightly")
    caption = f"{count(len(rows), 'intent')} fell"
    return table(caption, heads, rows, numbers=(1, 2, 3), id_="fallen-table", cards=True)


def _lost(report: TrainingReport, example: Example) -> Html:
    reading = f"now read as {example.guess}, {sure(example.confidence)} sure"
    return tag("li", message(example.text, report.language), tag("span", reading, class_="place"))


# --- confidence ----------------------------------------------------------------------------------


def _risk(
    report: TrainingReport, judged: Sequence[Prediction], found: measures.Promise | None
) -> Html:
    curve = measures.risk_curve(judged)
    says = words.says_risk(curve, found, report.max_wrong)
    point = (found.answered, found.wrong) if found and found.wrong is not None else None
    rows = [
        [percent(share), percent(risk), f"{percent(low)} to {percent(high)}"]
        for share, risk, low, high in zip(
            curve.coverage, curve.risk, curve.low, curve.high, strict=True
        )
    ]
    numbers = table("Risk by coverage", ("answered", "wrong", "90 % band"), rows[4::5], (0, 1, 2))
    picture = charts.risk_coverage(curve, report.max_wrong, point, says)
    return figure("Wrong answers against answers given", says, picture, numbers)


def _reliability(judged: Sequence[Prediction]) -> Html:
    bins = measures.reliability(judged)
    ece = expected_calibration_error(*measures.verdicts(judged))
    says = words.says_reliability(bins, ece)
    rows = [
        [
            f"{percent(each.low, 0)} to {percent(each.high, 0)}",
            f"{each.n:,}",
            percent(each.confidence),
            percent(each.accuracy),
        ]
        for each in bins
    ]
    heads = ("confidence", "messages", "mean confidence", "right")
    numbers = table("Confidence and accuracy", heads, rows, (1, 2, 3))
    return figure("How sure, and how often right", says, charts.reliability(bins, says), numbers)


# --- labels and mistakes -------------------------------------------------------------------------


def _torn(report: TrainingReport) -> Html:
    rows = [
        [
            message(text.text, report.language),
            tag(
                "ul",
                *(
                    tag("li", name_of(label), f" × {len(places):,} ", _where(places[0]))
                    for label, places in text.uses
                ),
                class_="examples",
            ),
        ]
        for text in report.torn[:_MOST_TORN]
    ]
    caption = f"{count(len(report.torn), 'text')} with more than one label"
    more = f", {len(rows)} shown" if len(rows) < len(report.torn) else ""
    return join(
        [
            tag("h3", "The same words under different labels"),
            table(caption + more, ("message", "labelled"), rows, id_="torn-table", cards=True),
        ]
    )


def _pair(pair: measures.Confusion) -> Html:
    parts = [name_of(pair.one), tag("br"), "→ ", name_of(pair.other)]
    if pair.back:
        parts.append(tag("div", f"{pair.there:,} so, {pair.back:,} the other way", class_="place"))
    return join(parts)


def _examples(report: TrainingReport, mistakes: Sequence[Prediction], pair: bool = False) -> Html:
    """Misread messages; where the pair of intents is known, only the label is named."""
    items = [
        tag(
            "li",
            _said(report, one.place),
            tag(
                "span",
                f"labelled {one.label}, " if pair else f"{one.label} read as {one.guess}, ",
                f"{sure(one.confidence)} sure",
                class_="place",
            ),
        )
        for one in mistakes
    ]
    return tag("ul", *items, class_="examples")


def _mistakes(report: TrainingReport, score: measures.IntentScore) -> Html:
    number = len(score.missed) + len(score.taken)
    if not number:
        return tag("span", "none", class_="muted")
    shown = [*score.missed[:_MOST_EXAMPLES], *score.taken[:_MOST_EXAMPLES]]
    parts = [
        part
        for many, verb in ((score.missed, "missed"), (score.taken, "taken from others"))
        for part in ([f"{len(many):,} {verb}"] if many else [])
    ]
    return details(", ".join(parts), _examples(report, shown))


def _matrix(judged: Sequence[Prediction]) -> str:
    names, counts = measures.matrix(judged)
    if len(names) > _MOST_IN_MATRIX:
        return ""
    says = (
        "Rows are labels, columns what they were read as, numbered alike. Grey is right, colour "
        "is wrong; darker is a larger share of the row."
    )
    rows = [
        [names[row], names[column], f"{counts[row, column]:,}"]
        for row in range(len(names))
        for column in range(len(names))
        if counts[row, column]
    ]
    numbers = table(
        "Messages by label and reading", ("labelled", "read as", "messages"), rows, (2,)
    )
    drawn = charts.heat_map(names, counts, says)
    picture = tag(
        "div", drawn, class_="scroll matrix", tabindex="0", role="region", aria_label="The matrix"
    )
    return figure("Labelled and read", says, picture, numbers)


def _said(report: TrainingReport, place: Place) -> Html:
    return message(place.text, report.language)


def _where(place: Place) -> Html:
    return tag("span", f"chat {place.conversation}, turns[{place.turn}]", class_="place")


def _learning_figure(
    place: int, name: str, epochs: list[float], values: list[float], best: float
) -> Html:
    title = "validation score" if name == "validation" else f"loss: {name}"
    says = (
        f"{title} from {decimal(values[0])} in the first epoch to {decimal(values[-1])} in the last"
    )
    picture = charts.learning_curve(f"curve-{place}", title, says, epochs, values, best)
    return tag("figure", tag("h3", title), picture)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
