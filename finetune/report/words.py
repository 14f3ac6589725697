"""What happened, in sentences: the headline of the page and what each figure shows."""

from collections.abc import Sequence

from finetune.report.markup import count, decimal, percent
from finetune.report.measures import Bin, Promise, RiskCurve
from finetune.report.values import TrainingReport

_EVEN = 0.02  # a mean gap between confidence and accuracy that nobody needs to hear of


def headline(report: TrainingReport) -> str:
    """The first sentence: how well this version understands, against the untouched encoder."""
    test, frozen = report.metrics.get("test", {}), report.metrics.get("frozen", {})
    for task, figure, verb, what in (
        ("intent", "accuracy", "understands", "of held-out messages"),
        ("ranking", "r@1", "finds the agent’s own reply first in", "of held-out turns"),
    ):
        if figure not in test.get(task, {}):
            continue
        sentence = f"{report.version} {verb} {percent(test[task][figure])} {what}"
        return sentence + _compared(test[task][figure], frozen.get(task, {}).get(figure))
    return f"{report.version} was trained; there were no held-out messages to judge it by."


def _compared(after: float, before: float | None) -> str:
    if before is None:
        return "."
    if before > after:
        return f"; the untouched encoder did better, {percent(before)}."
    return f", the untouched encoder {percent(before)}."


def promised(report: TrainingReport, found: Promise | None) -> str:
    """The second sentence: how much it would answer within the owner's limit."""
    if found is None:
        return ""
    limit = percent(report.max_wrong, 0)
    if found.certified.threshold is None:
        return f"At most {limit} wrong answers cannot be promised yet ({found.certified.reason})."
    sentence = (
        f"Held to at most {limit} wrong answers, it would answer {percent(found.answered, 0)}"
    )
    wrong = f"; {percent(found.wrong)} of those were wrong" if found.wrong is not None else ""
    return f"{sentence} of them by itself{wrong}."


def says_reliability(bins: Sequence[Bin], ece: float) -> str:
    gap = sum(each.n * (each.confidence - each.accuracy) for each in bins)
    gap /= sum(each.n for each in bins)
    lean = "surer than it should be" if gap > 0 else "less sure than it could be"
    if abs(gap) < _EVEN:
        lean = "neither too sure nor too modest"
    return (
        "Bars on the dashed line mean confidence that can be taken at its word. On average the "
        f"two are {decimal(ece)} apart (ECE); on the whole the model is {lean}."
    )


def says_risk(curve: RiskCurve, found: Promise | None, max_wrong: float) -> str:
    whole = f"Answering everything, {percent(float(curve.risk[-1]))} would be wrong. "
    band = "The band holds nine in ten redraws of the chats."
    if found is None or found.certified.threshold is None or found.wrong is None:
        return f"{whole}The dashed line is your limit of {percent(max_wrong, 0)}. {band}"
    return (
        f"{whole}The dot is the threshold {decimal(found.certified.threshold)}, certified on "
        f"{count(found.certified.n, 'calibration message')} that are not in this figure: it "
        f"answers {percent(found.answered)} with {percent(found.wrong)} wrong. {band}"
    )


def kept_epoch(best: float, last: float) -> str:
    if best == last:
        return f"Epoch {best:g}, the last, was kept: it did best on the validation chats."
    return f"Epoch {best:g} was kept: no epoch after it did as well on the validation chats."


def signed(change: float) -> str:
    """A change of a share in points: `+1.5`, `−0.3`."""
    return f"{100 * change:+.1f}".replace("-", "−")
