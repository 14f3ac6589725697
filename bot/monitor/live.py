"""The live view: a screen that is drawn again when the log was read and when its size changed."""

import time
from collections.abc import Callable

from bot.monitor.keys import keys
from bot.monitor.view import rendered
from bot.monitor.watch import View

LEAVE = frozenset({"q", "Q"})
TICK_S = 0.2
"""How soon a new size of the terminal is noticed."""


def show(first: View, look: Callable[[], View], name: str, every: float) -> None:
    """Show a view, and what `look` gives every so many seconds, until the person leaves."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    with keys() as key, Live(console=console, screen=True, auto_refresh=False) as live:
        view, size = first, None
        due = time.monotonic() + every
        while True:
            if console.size != size:
                size = console.size
                live.update(rendered(view, name, size.width, size.height), refresh=True)
            if key(TICK_S) in LEAVE:
                return
            if time.monotonic() >= due:
                view, size = look(), None
                due = time.monotonic() + every
