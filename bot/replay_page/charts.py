"""The drawings of a replay; `finetune.report.drawing` has what they are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.replay_page.values import MOVES, STEPS, Counted
from finetune.report.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    axes,
    clip,
    dot,
    ends,
    percents,
    points,
    svg,
    text,
)
from finetune.report.markup import Html, percent, tag

Bounds = Sequence[float] | None
ORDER = tuple(dict.fromkeys(MOVES.values()))
"""The moves from top to bottom."""
_FIRST_ANSWERS = 0.2
"""Below this coverage a single mistake is a large share; it does not set the scale."""


def risk_curve(
    id_: str, route: Mapping[str, Any], max_wrong: float, bounds: tuple[Bounds, Bounds], says: str
) -> Html:
    """Wrong answers against answers given over all thresholds, and the chosen one as a dot.

    `bounds` are the intervals of the dot's coverage and of its wrong share.
    """
    curve = [(coverage, wrong) for _, coverage, wrong in route["curve"]]
    chosen = (route["coverage"], route["wrong"]) if route.get("wrong") is not None else None
    highest = max((wrong for coverage, wrong in curve if coverage >= _FIRST_ANSWERS), default=0.0)
    highest = max(highest, 1.6 * max_wrong, 0.02, bounds[1][1] if bounds[1] and chosen else 0.0)
    frame = Frame(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM, y_top=min(1.05 * highest, 1.0))
    promise = f"the promise, {percents(max_wrong)}"
    return svg(
        id_,
        "Wrong answers against answers given",
        says,
        HEIGHT,
        axes(
            frame,
            "share of turns answered, the surest first",
            "share of answers that is wrong",
            [0, 0.2, 0.4, 0.6, 0.8, 1],
            percents,
        ),
        clip(frame, f"{id_}-area"),
        tag("line", class_="limit", **ends(frame, 0, max_wrong, 1, max_wrong)),
        text(frame.right - 4, frame.y(max_wrong) - 5, promise, "note end"),
        tag(
            "polyline",
            class_="line",
            points=points(frame, curve),
            clip_path=f"url(#{id_}-area)",
        ),
        *(_chosen(frame, chosen, bounds) if chosen else ()),
    )


def _chosen(frame: Frame, at: tuple[float, float], bounds: tuple[Bounds, Bounds]) -> list[Html]:
    """The working point with its intervals both ways."""
    (x, y), (across, along) = at, bounds
    lines = []
    if across:
        lines.append(tag("line", class_="whisker", **ends(frame, across[0], y, across[1], y)))
    if along:
        low, high = (min(bound, frame.y_top) for bound in along)
        lines.append(tag("line", class_="whisker", **ends(frame, x, low, x, high)))
    return [*lines, dot(frame, x, min(y, frame.y_top), "point")]


def share_bar(share: float) -> Html:
    """A share as a bar of a pale one. Decoration: the number stands beside it."""
    frame = Frame(0, 0, 160, 18)
    bars = [
        tag("rect", class_=class_, x=0, y=4, width=frame.x(to), height=10)
        for class_, to in (("whole", 1.0), ("part", share))
    ]
    return _aside(160, *bars)


def interval(value: float, bounds: Bounds, top: float = 1.0) -> Html:
    """A figure as a dot on a line from 0 to `top`, its interval as a thick stretch of it.
    Decoration: the numbers stand beside it."""
    frame = Frame(5, 0, 91, 18, x_top=top)
    stretch = (
        []
        if bounds is None
        else [_level(frame, max(bounds[0], 0.0), max(bounds[1], 0.0), "stretch")]
    )
    point = tag("circle", class_="is", cx=frame.x(max(value, 0.0)), cy=9, r=4)
    return _aside(96, _level(frame, 0, top, "rail"), *stretch, point)


def change(difference: float, low: float, high: float) -> Html:
    """A difference and its interval on a line from -0.2 to 0.2, with a tick at no change."""
    frame = Frame(5, 0, 91, 18, x_top=0.2, x_bottom=-0.2)
    low, difference, high = (min(max(each, -0.2), 0.2) for each in (low, difference, high))
    return _aside(
        96,
        _level(frame, -0.2, 0.2, "rail"),
        tag("line", class_="zero", x1=48, x2=48, y1=2, y2=16),
        _level(frame, low, high, "stretch"),
        tag("circle", class_="is", cx=frame.x(difference), cy=9, r=4),
    )


def _aside(width: int, *shapes: Html) -> Html:
    """A drawing of one line, for those who see it only."""
    return tag(
        "svg", *shapes, viewBox=f"0 0 {width} 18", class_="pair", style=f"width:{width}px",
        aria_hidden="true", focusable="false",
    )  # fmt: skip


def _level(frame: Frame, low: float, high: float, class_: str) -> Html:
    return tag("line", class_=class_, x1=frame.x(low), x2=frame.x(high), y1=9, y2=9)


# --- the flow of conversations -------------------------------------------------------------------

_WIDE, _TALL, _NODE, _GAP, _HEAD = 960.0, 340.0, 12.0, 10.0, 28.0


def flow(counted: Counted, says: str) -> Html:
    """What the bot does at each of a chat's first messages, a band for each way from one to the
    next. A column is as high as there are chats with such a message."""
    steps = [step for step in range(STEPS) if any(place == step for place, _ in counted.moves)]
    chats = sum(n for (place, _), n in counted.moves.items() if place == 0)
    scale = (_TALL - _HEAD - _GAP * (len(ORDER) - 1)) / max(chats, 1)
    tops = {step: _tops(counted, step, scale) for step in steps}
    at = [step * _WIDE / max(len(steps), 3) for step in range(STEPS)]
    ways = [_way(counted, way, at, tops, scale) for way in sorted(counted.ways)]
    nodes = [
        shape for step in steps for shape in _nodes(counted, step, at[step], tops[step], scale)
    ]
    return svg("flow", "What follows on what", says, _TALL, *ways, *nodes, width=_WIDE)


def _tops(counted: Counted, step: int, scale: float) -> dict[str, float]:
    tops, top = {}, _HEAD
    for move in ORDER:
        tops[move] = top
        top += counted.moves[step, move] * scale + (_GAP if counted.moves[step, move] else 0)
    return tops


def _way(
    counted: Counted, way: tuple[int, str, str], at: Sequence[float],
    tops: Mapping[int, Mapping[str, float]], scale: float,
) -> Html:  # fmt: skip
    step, here, there = way
    before = sum(counted.ways[step, here, move] for move in ORDER[: ORDER.index(there)])
    beside = sum(counted.ways[step, move, there] for move in ORDER[: ORDER.index(here)])
    y1, y2 = tops[step][here] + before * scale, tops[step + 1][there] + beside * scale
    x1, x2 = at[step] + _NODE, at[step + 1]
    middle, height = (x1 + x2) / 2, counted.ways[way] * scale
    drawn = (
        f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        f"v{height:.1f}C{middle:.1f} {y2 + height:.1f} {middle:.1f} {y1 + height:.1f} "
        f"{x1:.1f} {y1 + height:.1f}Z"
    )
    return tag("path", class_=f"way-{ORDER.index(here)}", d=drawn)


def _nodes(
    counted: Counted, step: int, x: float, tops: Mapping[str, float], scale: float
) -> list[Html]:
    whole = sum(counted.moves[step, move] for move in ORDER)
    shapes = [text(x, 14, f"message {step + 1}: {whole:,}", "axis start")]
    for place, move in enumerate(ORDER):
        n = counted.moves[step, move]
        if not n:
            continue
        height = max(n * scale, 1.0)
        shapes.append(
            tag(
                "rect", class_=f"move-{place}", x=f"{x:g}", y=f"{tops[move]:.1f}",
                width=f"{_NODE:g}", height=f"{height:.1f}",
            )
        )  # fmt: skip
        if height >= 13:
            words = f"{move} {percent(n / whole, 0)}"
            shapes.append(text(x + _NODE + 5, tops[move] + min(height / 2 + 4, 16), words, "note"))
    return shapes
