"""The drawings of a training run."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from finetune.report.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    axes,
    bar,
    clip,
    cut,
    dot,
    ends,
    percents,
    plain,
    points,
    svg,
    text,
)
from finetune.report.markup import Html, columns_of, tag
from finetune.report.measures import Bin, RiskCurve

_STRIP = 46  # height of the counts below a reliability diagram
_TALL = HEIGHT + _STRIP + 26  # of the two drawings that stand side by side


def reliability(bins: Sequence[Bin], says: str) -> Html:
    """How often right against how sure, with the number of messages of each bin below."""
    frame = Frame(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)
    most = max(each.n for each in bins)
    strip = Frame(LEFT, HEIGHT + 6, WIDTH - RIGHT, HEIGHT + 6 + _STRIP, y_top=most)
    bars = [bar(frame, each.low, each.high, each.accuracy, "bar") for each in bins]
    gaps = [
        tag(
            "line",
            class_="gap",
            **ends(frame, each.confidence, each.confidence, each.confidence, each.accuracy),
        )
        for each in bins
    ]
    dots = [dot(frame, each.confidence, each.accuracy) for each in bins]
    counts = [bar(strip, each.low, each.high, each.n, "count") for each in bins]
    return svg(
        "reliability",
        "How sure, and how often right",
        says,
        _TALL,
        axes(frame, "confidence", "share that is right", [0, 0.2, 0.4, 0.6, 0.8, 1], percents),
        *bars,
        tag("line", class_="ideal", **ends(frame, 0, 0, 1, 1)),
        *gaps,
        *dots,
        *counts,
        text(LEFT - 6, strip.bottom, "0", "tick end"),
        text(LEFT - 6, strip.top + 8, f"{most:,}", "tick end"),
        text(WIDTH / 2 + 20, strip.bottom + 16, "messages", "axis"),
    )


def risk_coverage(
    curve: RiskCurve, max_wrong: float, answered: tuple[float, float] | None, says: str
) -> Html:
    """Wrong answers against answers given, the band of its uncertainty and the owner's limit.

    `answered` is the working point: the share answered and the share of it that is wrong.
    """
    # The first few answers decide nothing: a wrong one among them must not set the scale.
    highest = max(float(curve.high[curve.coverage >= 0.2].max()), 1.6 * max_wrong, 0.02)
    top = min(highest * 1.05, 1.0)
    frame = Frame(LEFT, TOP, WIDTH - RIGHT, _TALL - BOTTOM, y_top=top)
    upper = list(zip(curve.coverage, curve.high, strict=True))
    lower = list(zip(curve.coverage, curve.low, strict=True))
    point = [dot(frame, *answered, "point")] if answered else []
    return svg(
        "risk-coverage",
        "Wrong answers against answers given",
        says,
        _TALL,
        axes(
            frame,
            "share of messages answered, the surest first",
            "share of answers that is wrong",
            [0, 0.2, 0.4, 0.6, 0.8, 1],
            percents,
        ),
        clip(frame, "risk-area"),
        tag(
            "polygon",
            class_="band",
            points=points(frame, [*upper, *lower[::-1]]),
            clip_path="url(#risk-area)",
        ),
        tag("line", class_="limit", **ends(frame, 0, max_wrong, 1, max_wrong)),
        text(frame.left + 6, frame.y(max_wrong) - 5, f"your limit, {percents(max_wrong)}", "note"),
        tag(
            "polyline",
            class_="line",
            points=points(frame, zip(curve.coverage, curve.risk, strict=True)),
            clip_path="url(#risk-area)",
        ),
        *point,
    )


def learning_curve(
    id_: str, title: str, says: str, epochs: Sequence[float], values: Sequence[float], best: float
) -> Html:
    """A small chart of one figure over the epochs; `best` is the epoch that was kept."""
    width, height = 220, 150
    frame = Frame(
        40, 12, width - 12, height - 30, max(epochs), 1.1 * max(*values, 1e-9), min(epochs)
    )
    kept = dict(zip(epochs, values, strict=True))[best]
    whole = [epoch for epoch in epochs if len(epochs) <= 6 or epoch in (epochs[0], epochs[-1])]
    return svg(
        id_,
        title,
        says,
        height,
        axes(frame, "", "", whole, plain, 3),
        tag("polyline", class_="line", points=points(frame, zip(epochs, values, strict=True))),
        dot(frame, best, kept, "point"),
        width=width,
    )


def before_after(before: float, after: float) -> Html:
    """A grey dot where it was, a coloured one where it is, on a line from 0 to 1. Decoration: the
    numbers stand beside it."""
    frame = Frame(5, 0, 155, 18)
    return tag(
        "svg",
        tag("line", class_="rail", x1=5, x2=155, y1=9, y2=9),
        tag("line", class_="way", x1=frame.x(before), x2=frame.x(after), y1=9, y2=9),
        tag("circle", class_="was", cx=frame.x(before), cy=9, r=4),
        tag("circle", class_="is", cx=frame.x(after), cy=9, r=5),
        viewBox="0 0 160 18",
        class_="pair",
        aria_hidden="true",
        focusable="false",
    )


def heat_map(names: Sequence[str], counts: npt.NDArray[np.int64], says: str) -> Html:
    """Labelled intents by row, read intents by column (numbered as the rows), darker for a larger
    share of the row."""
    side, top = 20 if len(names) > 12 else 26, 24
    left = 36 + 7 * max(columns_of(cut(name)) for name in names)
    width = left + side * len(names) + 6
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = [
        tag(
            "rect",
            class_="cell right" if row == column else "cell wrong",
            x=left + column * side,
            y=top + row * side,
            width=side - 1,
            height=side - 1,
            fill_opacity=f"{0.3 + 0.7 * shares[row, column]:.2f}",
        )
        for row, column in np.argwhere(counts > 0).tolist()
    ]
    rows = [
        text(left - 8, top + (row + 0.7) * side, f"{cut(name)} {row + 1}", "tick end")
        for row, name in enumerate(names)
    ]
    columns = [
        text(left + (column + 0.5) * side, top - 8, str(column + 1), "tick middle")
        for column in range(len(names))
    ]
    height = top + side * len(names) + 6
    return svg(
        "matrix", "Labelled and read", says, height, *cells, *rows, *columns, width=max(width, 300)
    )
