"""Before and after: every figure of every task, of the untouched encoder and of this version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.report import charts
from finetune.report.markup import Html, count, decimal, details, join, percent, table, tag
from finetune.report.values import TrainingReport

Figure = tuple[str, str, bool]  # its key, its name, and whether it is a share (else a decimal)

_ACCURACY: Sequence[Figure] = (
    ("accuracy", "accuracy", True),
    ("macro_f1", "macro F1", True),
    ("group_accuracy", "accuracy before the first /", True),
    ("ece", "calibration error (ECE), less is better", False),
)
_RANKS: Sequence[Figure] = (
    ("r@1", "first", True),
    ("r@5", "among the first 5", True),
    ("r@10", "among the first 10", True),
    ("mrr", "mean reciprocal rank", False),
)
_FOUND: Sequence[Figure] = (
    ("precision", "precision", True),
    ("recall", "recall", True),
    ("f1", "F1", True),
)
_SEVERAL: Sequence[Figure] = (("exact", "all found, no other", True), ("micro_f1", "F1", True))
_SCOPE: Sequence[Figure] = (
    ("auroc", "area under the ROC curve", False),
    ("ece", "calibration error (ECE), out of scope mixed in", False),
)


@dataclass(frozen=True, slots=True)
class _Task:
    """A task's key in the metrics, its title, what its `n` counts, and its figures."""

    key: str
    title: str
    figures: Sequence[Figure]
    unit: str = "message"


_TASKS = (
    _Task("intent", "Intents", _ACCURACY),
    _Task("multi_intent", "All intents of a message", _SEVERAL),
    _Task("ranking", "Choosing the agent’s reply among up to 100", _RANKS),
    _Task("entities", "Entities", _FOUND),
    _Task("sentiment", "Sentiment", _ACCURACY),
    _Task("scope", "Knowing what is out of scope", _SCOPE),
    _Task("search", "Finding the passage that answers", _RANKS, "question"),
)


def results(report: TrainingReport) -> Html | None:
    """Before and after, task by task."""
    test, frozen = report.metrics.get("test", {}), report.metrics.get("frozen", {})
    rows = [
        row
        for task in _TASKS
        if test.get(task.key, {}).get("n")
        for row in _task_rows(task, test[task.key], frozen.get(task.key, {}))
    ]
    if not rows:
        return None
    heads = ("figure", "untouched encoder", report.version, "change")
    head = [tag("th", heads[0], scope="col")]
    head += [tag("th", text, scope="col", class_="number") for text in heads[1:]]
    head.append(tag("th", "", class_="wide", aria_hidden="true"))
    caption = "On the same held-out test messages. ○ before, ● after."
    made = tag(
        "table", tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *rows)
    )
    region = tag(
        "div", made, class_="scroll", tabindex="0", role="region", aria_label="Before and after"
    )
    return join([region, _entity_types(test.get("entities", {}).get("types", {}))])


def _task_rows(task: _Task, after: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Html]:
    title = f"{task.title} · {count(int(after['n']), task.unit)}"
    yield tag("tr", tag("th", title, scope="rowgroup", colspan=5), class_="task")
    for key, name, is_share in task.figures:
        if key in after:
            yield _figure_row(name, is_share, after[key], before.get(key))


def _figure_row(name: str, is_share: bool, after: float, before: float | None) -> Html:
    show = percent if is_share else decimal
    cells = ["–", show(after), "", ""]
    if before is not None:
        cells = [show(before), show(after), _change(before, after, is_share)]
        cells.append(charts.before_after(before, after))
    classes = ("number", "number after", "number", "wide")
    tds = [tag("td", cell, class_=c) for cell, c in zip(cells, classes, strict=True)]
    return tag("tr", tag("th", name, scope="row"), *tds)


def _change(before: float, after: float, is_share: bool) -> str:
    """The difference of the two figures as they are shown, so that the table adds up."""
    digits, scale = (1, 100) if is_share else (3, 1)
    change = round(round(scale * after, digits) - round(scale * before, digits), digits)
    return f"{change:+.{digits}f}".replace("-", "−") if change else "±0"


def _entity_types(types: Mapping[str, Mapping[str, float]]) -> str:
    if not types:
        return ""
    rows = [
        [name, f"{int(f['n']):,}", *(percent(f[key]) for key in ("precision", "recall", "f1"))]
        for name, f in sorted(types.items(), key=lambda item: item[1]["f1"])
    ]
    heads = ("entity", "in the chats", "precision", "recall", "F1")
    return details("Entities by type", table("Entities by type", heads, rows, (1, 2, 3, 4)))
