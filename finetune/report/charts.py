"""Drawings in SVG: no library, no script, colours from the page's style sheet.

Lengths are in units of a drawing about 440 wide, which a phone shows at four fifths of its size.
Every drawing is an image with a text alternative; its numbers stand in a table beside it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.report.markup import Html, columns_of, join, percent, tag
from finetune.report.measures import Bin, RiskCurve

WIDTH, HEIGHT = 440, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 14, 44  # margins of a full-size drawing
_STRIP = 46  # height of the counts below a reliability diagram
_TALL = HEIGHT + _STRIP + 26  # of the two drawings that stand side by side


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of the drawing and the values that its edges stand for."""

    left: float
    top: float
    right: float
    bottom: float
    x_top: float = 1.0
    y_top: float = 1.0
    x_bottom: float = 0.0

    def x(self, value: float) -> float:
        span = self.x_top - self.x_bottom
        share = (value - self.x_bottom) / span if span else 0.5
        return round(self.left + share * (self.right - self.left), 2)

    def y(self, value: float) -> float:
        share = value / self.y_top if self.y_top else 0.0
        return round(self.bottom - share * (self.bottom - self.top), 2)


def ticks(top: float, most: int = 5) -> list[float]:
    """Round values from 0 up to `top` at most, a step of 1, 2 or 5 apart.

    >>> ticks(0.23)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    """
    if not top > 0 or not math.isfinite(top):
        return [0.0]
    scale = 10.0 ** math.floor(math.log10(top / most))
    step = next(scale * step for step in (1, 2, 5, 10) if top / (scale * step) <= most)
    return [float(f"{number * step:.10g}") for number in range(math.floor(top / step + 1e-9) + 1)]


def reliability(bins: Sequence[Bin], says: str) -> Html:
    """How often right against how sure, with the number of messages of each bin below."""
    frame = Frame(_LEFT, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM)
    most = max(each.n for each in bins)
    strip = Frame(_LEFT, HEIGHT + 6, WIDTH - _RIGHT, HEIGHT + 6 + _STRIP, y_top=most)
    bars = [_bar(frame, each.low, each.high, each.accuracy, "bar") for each in bins]
    gaps = [
        tag(
            "line",
            class_="gap",
            **_ends(frame, each.confidence, each.confidence, each.confidence, each.accuracy),
        )
        for each in bins
    ]
    dots = [_dot(frame, each.confidence, each.accuracy) for each in bins]
    counts = [_bar(strip, each.low, each.high, each.n, "count") for each in bins]
    return _svg(
        "reliability",
        "How sure, and how often right",
        says,
        _TALL,
        _axes(frame, "confidence", "share that is right", [0, 0.2, 0.4, 0.6, 0.8, 1], percents),
        *bars,
        tag("line", class_="ideal", **_ends(frame, 0, 0, 1, 1)),
        *gaps,
        *dots,
        *counts,
        _text(_LEFT - 6, strip.bottom, "0", "tick end"),
        _text(_LEFT - 6, strip.top + 8, f"{most:,}", "tick end"),
        _text(WIDTH / 2 + 20, strip.bottom + 16, "messages", "axis"),
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
    frame = Frame(_LEFT, _TOP, WIDTH - _RIGHT, _TALL - _BOTTOM, y_top=top)
    upper = list(zip(curve.coverage, curve.high, strict=True))
    lower = list(zip(curve.coverage, curve.low, strict=True))
    point = [_dot(frame, *answered, "point")] if answered else []
    return _svg(
        "risk-coverage",
        "Wrong answers against answers given",
        says,
        _TALL,
        _axes(
            frame,
            "share of messages answered, the surest first",
            "share of answers that is wrong",
            [0, 0.2, 0.4, 0.6, 0.8, 1],
            percents,
        ),
        _clip(frame, "risk-area"),
        tag(
            "polygon",
            class_="band",
            points=_points(frame, [*upper, *lower[::-1]]),
            clip_path="url(#risk-area)",
        ),
        tag("line", class_="limit", **_ends(frame, 0, max_wrong, 1, max_wrong)),
        _text(frame.left + 6, frame.y(max_wrong) - 5, f"your limit, {percents(max_wrong)}", "note"),
        tag(
            "polyline",
            class_="line",
            points=_points(frame, zip(curve.coverage, curve.risk, strict=True)),
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
    return _svg(
        id_,
        title,
        says,
        height,
        _axes(frame, "", "", whole, _plain, 3),
        tag("polyline", class_="line", points=_points(frame, zip(epochs, values, strict=True))),
        _dot(frame, best, kept, "point"),
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
    left = 36 + 7 * max(columns_of(_cut(name)) for name in names)
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
        _text(left - 8, top + (row + 0.7) * side, f"{_cut(name)} {row + 1}", "tick end")
        for row, name in enumerate(names)
    ]
    columns = [
        _text(left + (column + 0.5) * side, top - 8, str(column + 1), "tick middle")
        for column in range(len(names))
    ]
    height = top + side * len(names) + 6
    return _svg(
        "matrix", "Labelled and read", says, height, *cells, *rows, *columns, width=max(width, 300)
    )


def percents(value: float) -> str:
    """A tick of a share: as few digits as it needs."""
    return percent(value, 0 if abs(100 * value - round(100 * value)) < 1e-6 else 1)


def _plain(value: float) -> str:
    return f"{value:g}"


def _cut(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _svg(
    id_: str, title: str, says: str, height: float, *shapes: str, width: float = WIDTH
) -> Html:
    return tag(
        "svg",
        tag("title", title, id=f"{id_}-title"),
        tag("desc", says, id=f"{id_}-says"),
        *shapes,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{id_}-title {id_}-says",
        class_="chart large" if width > WIDTH else "chart",
        style=f"max-width:{width * 1.2:g}px",
    )


def _axes(
    frame: Frame,
    x_title: str,
    y_title: str,
    x_ticks: Sequence[float],
    label: Callable[[float], str],
    most: int = 5,
) -> Html:
    """Level lines with their values, the values below, and what both axes are."""
    lines = [
        join(
            [
                tag(
                    "line", class_="grid", **_ends(frame, frame.x_bottom, value, frame.x_top, value)
                ),
                _text(frame.left - 6, frame.y(value) + 4, label(value), "tick end"),
            ]
        )
        for value in ticks(frame.y_top, most)
    ]
    below = [
        _text(frame.x(value), frame.bottom + 17, label(value), "tick middle") for value in x_ticks
    ]
    middle = (frame.left + frame.right) / 2
    titles = [_text(middle, frame.bottom + 36, x_title, "axis")] if x_title else []
    if y_title:
        height = (frame.top + frame.bottom) / 2
        turned = f"rotate(-90 12 {height:g})"
        titles.append(tag("text", y_title, class_="axis", x=12, y=height, transform=turned))
    return join([*lines, *below, *titles])


def _clip(frame: Frame, id_: str) -> Html:
    """What is drawn with it ends at the frame."""
    width, height = frame.right - frame.left, frame.bottom - frame.top
    area = tag("rect", x=frame.left, y=frame.top, width=f"{width:g}", height=f"{height:g}")
    return tag("clipPath", area, id=id_)


def _text(x: float, y: float, words: str, class_: str) -> Html:
    return tag("text", words, x=f"{x:g}", y=f"{y:g}", class_=class_)


def _bar(frame: Frame, low: float, high: float, value: float, class_: str) -> Html:
    left, right, top = frame.x(low), frame.x(high), frame.y(value)
    return tag(
        "rect",
        class_=class_,
        x=f"{left + 1:g}",
        y=f"{top:g}",
        width=f"{right - left - 2:g}",
        height=f"{frame.bottom - top:g}",
    )


def _dot(frame: Frame, x: float, y: float, class_: str = "dot") -> Html:
    radius = 5 if class_ == "point" else 3
    return tag("circle", class_=class_, cx=frame.x(x), cy=frame.y(y), r=radius)


def _ends(frame: Frame, x1: float, y1: float, x2: float, y2: float) -> dict[str, float]:
    return {"x1": frame.x(x1), "y1": frame.y(y1), "x2": frame.x(x2), "y2": frame.y(y2)}


def _points(frame: Frame, points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{frame.x(x):g},{frame.y(y):g}" for x, y in points)
