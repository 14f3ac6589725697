"""`frontdesk monitor`: what the bot does now, and alerts where that is worse than chance."""

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import Progress, print_json, progress, say, silent

if TYPE_CHECKING:
    from bot.monitor.alerts import Surge
    from bot.monitor.watch import View
    from bot.workspace import Workspace

Post = Callable[[Mapping[str, Any]], None]
PIPE_WIDTH = 500
PATIENCE_S = 60.0
"""How long the end waits for alerts that are being posted."""
SHIFT_S = 86_400.0
"""Between two looks for a shift of traffic, each with its own chance of a false alarm."""


def add_to(app: typer.Typer) -> None:
    app.command()(monitor)


def monitor(
    workspace: WorkspaceOption = None,
    since: Annotated[
        str, typer.Option(metavar="AGE", help="How much is shown: from 1h to 4w.")
    ] = "24h",
    every: Annotated[
        float, typer.Option(min=1, max=86400, metavar="SECONDS", help="Between two looks.")
    ] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    webhook: Annotated[
        str | None, typer.Option(metavar="URL", help="Post each alert there, as JSON.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Watch the live log: volume, automation, sentiment, latency, and alerts on surges.

    At a terminal the view is live (q ends it), in a pipe it is printed once, and with --json there
    is an object for every look.
    """
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not (json or once)
    troubles: deque[str] = deque(maxlen=3)  # told when the screen may be written on again
    with _posting(webhook, troubles.append if live else say) as post, _until_left():
        duty = _Duty(opened, since, post, troubles)
        with progress() as show:
            first = duty.look(show)
        if json:
            _stream(first, duty, every, once=once)
        elif live:
            from bot.monitor.live import show as show_live

            show_live(first, duty.look_again, opened.settings.name, every)
        else:
            _print(first, opened.settings.name)
    for trouble in troubles:
        say(trouble)


class _Duty:
    """Looks at the log again and again, posts what is news, and adds what a person should know."""

    def __init__(
        self, workspace: "Workspace", since: str, post: Post, troubles: "deque[str]"
    ) -> None:
        from bot.log.erasure import age
        from bot.monitor.watch import Watch, in_range

        self.workspace, self.post, self.troubles = workspace, post, troubles
        self.watch = Watch(workspace.database, in_range(since, age(since)))
        self.shift, self.shift_due = "", 0.0

    def look(self, show: Progress = silent) -> "View":
        view = self.watch.look(time.time(), show)
        for surge in (*view.began, *view.ended):
            self.post({"bot": self.workspace.settings.name, **alert(surge)})
        self.last = replace(view, notes=(*view.notes, *self._notes()))
        return self.last

    def look_again(self) -> "View":
        """The same; what keeps the log from being read now is a note, for it may pass."""
        from bot.errors import BotError

        try:
            return self.look()
        except BotError as error:
            return replace(self.last, began=(), ended=(), notes=(str(error),))

    def _notes(self) -> list[str]:
        from bot.monitor.shift import shift

        if time.monotonic() >= self.shift_due:
            self.shift, self.shift_due = shift(self.workspace), time.monotonic() + SHIFT_S
        return [note for note in (self.shift, *self.troubles) if note]


@contextmanager
def _until_left() -> Iterator[None]:
    """Ctrl-C, SIGTERM, or a reader that has gone away, ends the watching as `q` does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _posting(url: str | None, tell: Callable[[str], None]) -> Iterator[Post]:
    """What posts an alert; nothing where there is no webhook."""
    if url is None:
        yield lambda _: None
        return
    from bot.monitor.webhook import Webhook, checked

    webhook = Webhook(checked(url), tell)
    try:
        yield webhook.post
    finally:
        webhook.close(PATIENCE_S)


def alert(surge: "Surge") -> dict[str, Any]:
    """The object of an alert, in the stream and in a webhook call."""
    state = "began" if surge.over is None else "over"
    return {"kind": "alert", "state": state, **surge.as_json()}


def _stream(view: "View", duty: _Duty, every: float, *, once: bool) -> None:
    """An object for every look, and one for each alert after it."""
    while True:
        print_json({"kind": "interval", **view.as_json()})
        for surge in (*view.began, *view.ended):
            print_json(alert(surge))
        if once:
            return
        time.sleep(every)
        view = duty.look_again()


def _print(view: "View", name: str) -> None:
    from rich.console import Console

    from bot.monitor.view import rendered

    # A pipe has no width that names would have to be cut to.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    console.print(rendered(view, name, console.width))
