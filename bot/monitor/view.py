"""What a person sees: the figures of the log in a few lines and two tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.monitor.chats import outcome_json
from bot.monitor.measures import HOUR_S, Counts, share
from bot.monitor.watch import View
from bot.replies import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

COLUMNS = ("turns", "answered", "negative", "handoffs", "unknown", "dislikes", "p50", "p95")
"""The first ones are those that a narrow terminal shows."""
_WIDTH = 10
"""Of a column; the rest is for names."""
NO_INTENT = "(none)"


def rendered(view: View, name: str, width: int, height: int | None = None) -> "RenderableType":
    """The figures of the bot `name` on a screen of so many characters a line and so many lines; no
    height: all of them."""
    from rich.console import Group

    head = headline(view, name)
    lines = sum(1 + line.cell_len // max(width, 1) for line in head)
    room = None if height is None else max(height - lines - 4, 2)
    by_intent = [(name or NO_INTENT, counts) for name, counts in view.intents.items()]
    by_hour = [(_hour(hour), counts) for hour, (counts, _) in view.hours.items()]
    intents = None if room is None else max(room - min(len(by_hour), room // 2), 1)
    hours = None if room is None or intents is None else room - min(len(by_intent), intents)
    tables = (
        _table("intent", by_intent, width, intents),
        _table("hour (UTC)", by_hour, width, hours),
    )
    return Group(*head, *(part for table in tables for part in ("", table)))


def headline(view: View, name: str) -> "list[Text]":
    """What is to be known at once."""
    from rich.text import Text

    since = datetime.fromtimestamp(view.since, UTC)
    chats = view.outcome["chats"]
    volume = f"turns {view.total.turns:,}, new chats {chats:,} since {since:%a %d %H:%M} UTC"
    lines = [Text(f"{one_line(name)}: {volume}", style="bold"), Text(figures(view))]
    lines += [Text(f"SURGE {one_line(s.sentence())}", style="bold red") for s in view.surges]
    lines += [Text(one_line(s.sentence()), style="green") for s in view.ended]
    lines += [Text(one_line(note), style="yellow") for note in (view.lacking, *view.notes) if note]
    if not view.surges and not view.lacking:
        lines.append(Text("no surge: {:,} of {:,} series are watched".format(*view.judged)))
    return lines


def figures(view: View) -> str:
    """The figures of the whole time on a line."""
    total, outcome = view.total, outcome_json(view.outcome)
    return ", ".join(
        (
            f"automation {_percent(outcome['automation'])}",
            f"containment {_percent(outcome['containment'])}",
            f"answered {_percent(share(total.answered, total.requests))}",
            f"negative {_percent(share(total.negative, total.felt))}",
            f"handoffs {total.handoffs:,}",
            f"unknown {total.unknowns:,}",
            f"dislikes {total.dislikes:,}",
            f"p50 {_ms(total.time(0.5))}",
            f"p95 {_ms(total.time(0.95))}",
        )
    )


def _table(name: str, rows: Sequence[tuple[str, Counts]], width: int, room: int | None) -> "Table":
    """The rows, a name each; the last line says how many there was no room for."""
    from rich.table import Table
    from rich.text import Text

    kept = rows if room is None or len(rows) <= room else rows[: room - 1]
    shown = COLUMNS[: max(1, (width - 16) // _WIDTH)]
    cells = [_cells(counts)[: len(shown)] for _, counts in kept]
    taken = sum(2 + max(map(len, column)) for column in zip(shown, *cells, strict=True))
    table = Table(box=None, pad_edge=False, header_style="bold")
    # Names are cut where there is no room, figures never.
    table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=max(width - taken, 6))
    for column in shown:
        table.add_column(column, justify="right", no_wrap=True)
    for (title, _), row in zip(kept, cells, strict=True):
        table.add_row(Text(one_line(title)), *row)
    if len(kept) < len(rows):
        table.add_row(Text(f"{len(rows) - len(kept):,} more", style="dim"))
    return table


def _cells(counts: Counts) -> tuple[str, ...]:
    return (
        f"{counts.turns:,}",
        _percent(share(counts.answered, counts.requests)),
        _percent(share(counts.negative, counts.felt)),
        f"{counts.handoffs:,}",
        f"{counts.unknowns:,}",
        f"{counts.dislikes:,}",
        _ms(counts.time(0.5)),
        _ms(counts.time(0.95)),
    )


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.1%}"


def _ms(time: float | None) -> str:
    return "-" if time is None else f"{time:,.1f} ms"


def _hour(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * HOUR_S, UTC):%a %d %H:00}"
