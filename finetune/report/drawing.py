"""What drawings in SVG are made of: no library, no script, colours from the page's style sheet.

Lengths are in units of a drawing about 440 wide, which a phone shows at four fifths of its size.
Every drawing is an image with a text alternative; its numbers stand in a table beside it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from finetune.report.markup import Html, join, percent, tag

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 14, 44  # margins of a full-size drawing


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


def percents(value: float) -> str:
    """A tick of a share: as few digits as it needs."""
    return percent(value, 0 if abs(100 * value - round(100 * value)) < 1e-6 else 1)


def plain(value: float) -> str:
    return f"{value:g}"


def cut(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def svg(id_: str, title: str, says: str, height: float, *shapes: str, width: float = WIDTH) -> Html:
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


def axes(
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
                    "line", class_="grid", **ends(frame, frame.x_bottom, value, frame.x_top, value)
                ),
                text(frame.left - 6, frame.y(value) + 4, label(value), "tick end"),
            ]
        )
        for value in ticks(frame.y_top, most)
    ]
    below = [
        text(frame.x(value), frame.bottom + 17, label(value), "tick middle") for value in x_ticks
    ]
    middle = (frame.left + frame.right) / 2
    titles = [text(middle, frame.bottom + 36, x_title, "axis")] if x_title else []
    if y_title:
        height = (frame.top + frame.bottom) / 2
        turned = f"rotate(-90 12 {height:g})"
        titles.append(tag("text", y_title, class_="axis", x=12, y=height, transform=turned))
    return join([*lines, *below, *titles])


def clip(frame: Frame, id_: str) -> Html:
    """What is drawn with it ends at the frame."""
    width, height = frame.right - frame.left, frame.bottom - frame.top
    area = tag("rect", x=frame.left, y=frame.top, width=f"{width:g}", height=f"{height:g}")
    return tag("clipPath", area, id=id_)


def text(x: float, y: float, words: str, class_: str) -> Html:
    return tag("text", words, x=f"{x:g}", y=f"{y:g}", class_=class_)


def bar(frame: Frame, low: float, high: float, value: float, class_: str) -> Html:
    left, right, top = frame.x(low), frame.x(high), frame.y(value)
    return tag(
        "rect",
        class_=class_,
        x=f"{left + 1:g}",
        y=f"{top:g}",
        width=f"{right - left - 2:g}",
        height=f"{frame.bottom - top:g}",
    )


def dot(frame: Frame, x: float, y: float, class_: str = "dot") -> Html:
    radius = 5 if class_ == "point" else 3
    return tag("circle", class_=class_, cx=frame.x(x), cy=frame.y(y), r=radius)


def ends(frame: Frame, x1: float, y1: float, x2: float, y2: float) -> dict[str, float]:
    return {"x1": frame.x(x1), "y1": frame.y(y1), "x2": frame.x(x2), "y2": frame.y(y2)}


def points(frame: Frame, points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{frame.x(x):g},{frame.y(y):g}" for x, y in points)
