"""`frontdesk monitor`: what the bot does now, and alerts when it does worse than chance explains."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import print_json, progress, say

if TYPE_CHECKING:
    from bot.monitor.alerts import Surge
    from bot.monitor.watch import View
    from bot.workspace import Workspace

Look = Callable[[], "View"]


def add_to(app: typer.Typer) -> None:
    app.command()(monitor)


def monitor(
    workspace: WorkspaceOption = None,
    since: Annotated[
        str, typer.Option(metavar="AGE", help="How much is shown: 24h, 7d, 4w; 4w at most.")
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

    At a terminal the view is live (q ends it), in a pipe a table is printed once, and with --json
    there is an object every few seconds.
    """
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not (json or once)
    troubles: deque[str] = deque(maxlen=3)  # while the screen is not ours to write on
    with _posting(webhook, troubles.append if live else say) as post, _until_left():
        look = _looking(opened, since, post, troubles)
        first = look()
        if json:
            _stream(first, look, every, once=once)
        elif live:
            from bot.monitor.live import show

            show(first, look, opened.settings.name, every)
        else:
            _print(first, opened.settings.name)
    for trouble in troubles:
        say(trouble)


@contextmanager
def _until_left() -> Iterator[None]:
    """Ctrl-C and a reader that has gone away end the watching as `q` does."""
    try:
        yield
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _posting(url: str | None, tell: Callable[[str], None]) -> Iterator[Post]:
    """What sends an alert, with the name of the bot; nothing where there is no webhook."""
    if url is None:
        yield lambda _: None
        return
    from bot.monitor.webhook import Webhook, checked

    webhook = Webhook(checked(url), tell)
    try:
        yield webhook.post
    finally:
        webhook.close(PATIENCE_S)


def _looking(workspace: "Workspace", since: str, post: Post, troubles: "deque[str]") -> Look:
    """A function that looks once more, posts what is news, and says what a person should know."""
    from bot.errors import BotError
    from bot.log.erasure import age
    from bot.monitor.watch import MOST_S, Watch

    period = age(since).total_seconds()
    if not 3600 <= period <= MOST_S:
        raise BotError(f"--since {since} is out of range: from 1h to 4w can be shown")
    watch = Watch(workspace.database, period)
    shifts = _shifts(workspace)
    before: list[View] = []

    def look() -> "View":
        try:
            with progress() as show:
                view = watch.look(time.time(), silent if before else show)
        except BotError as error:
            if not before:
                raise
            return replace(before[0], began=(), ended=(), notes=(str(error),))
        for surge in (*view.began, *view.ended):
            post({"bot": workspace.settings.name, **_alert(surge)})
        before[:] = [replace(view, notes=(*view.notes, *shifts(), *troubles))]
        return before[0]

    return look
