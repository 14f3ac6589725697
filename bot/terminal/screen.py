"""Where a chat is shown: text that is inert, as wide as the terminal is now, whatever is in it.

What a customer, an article or a template says is put in as text, never as markup, and made
printable first. Widths are counted in cells: a Chinese character or an emoji takes two.
"""

from __future__ import annotations

from collections.abc import Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from bot.replies import printable
from bot.terminal.line_breaks import broken

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

NARROW = 50
"""Below so many cells a table is no help: its rows are written one thing below the other."""


class Screen:
    """A console and its width."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @property
    def width(self) -> int:
        """In cells, as of now."""
        if self.console.is_dumb_terminal:  # which rich takes for one of 80 columns, always
            self.console.size = max(1, get_terminal_size().columns), 1
        return self.console.width

    @property
    def narrow(self) -> bool:
        return self.width < NARROW

    def show(self, what: RenderableType) -> None:
        self.console.print(what, width=self.width)

    def say(self, text: str, style: str = "") -> None:
        self.show(inert(broken(printable(text), self.width), style))

    def line(self, text: str) -> None:
        """On one line, cut off where the terminal ends."""
        found = inert(text)
        found.truncate(self.width, overflow="ellipsis")
        self.show(found)

    def pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """Labels and what they stand for, in two columns where there is room."""
        from rich import box
        from rich.table import Table

        if self.narrow:
            for label, text in rows:
                self.say(f"{label}: {text}")
            return
        table = Table(box=box.SIMPLE, show_header=False, pad_edge=False, show_edge=False)
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for label, text in rows:
            table.add_row(inert(label), inert(text))
        if rows:
            self.show(table)


def inert(text: str, style: str = "") -> Text:
    """The text as rich prints it and nothing else."""
    from rich.text import Text

    return Text(printable(text), style=style)
