"""`frontdesk chat`: talk to the bot, at a terminal or through a pipe."""

import io
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import progress, say

if TYPE_CHECKING:
    from bot.bot import Bot, Desk
    from bot.sessions.resuming import Resumed
    from bot.workspace import Workspace

NOTHING_ANSWERS = (
    "nothing is answered by itself yet, as no way to answer keeps `max_wrong_answers`; "
    "`frontdesk finetune` says why"
)
Wanted = int | Literal["last"] | None
"""The session to go on with: its number, the one that was used last, or none: a new one."""


def add_to(app: typer.Typer) -> None:
    app.command()(chat)


def chat(
    workspace: WorkspaceOption = None,
    goes_on: Annotated[
        bool, typer.Option("--continue", help="Go on with the session that was used last.")
    ] = False,
    resume: Annotated[
        int | None, typer.Option(metavar="ID", min=1, help="Go on with a session.")
    ] = None,
    json: JsonOption = False,
    debug: Annotated[bool, typer.Option(help="Show the trace of an error.")] = False,
) -> None:
    """Talk to the bot. In a pipe: a message a line in, an answer a line out."""
    from bot.live import open_desk
    from bot.workspace import open_workspace

    if goes_on and resume is not None:
        raise typer.BadParameter("give --continue or --resume, not both")
    opened = open_workspace(workspace)
    with progress() as show:
        desk = open_desk(opened, show)
    _warn(opened, desk)
    wanted: Wanted = "last" if goes_on else resume
    code = _talk(opened, desk, wanted, as_json=json, debug=debug)
    if not desk.actions.are_idle():
        _leave(code)  # threads that an action began would be waited for, without end if it hangs
    raise typer.Exit(code)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _is_empty(file: Path) -> bool:
    """Also a moment later: another chat may be about to begin it."""
    for wait in (0.0, 0.3):
        time.sleep(wait)
        if not file.is_file() or file.stat().st_size:
            return False
    return True


def _talk(
    workspace: "Workspace", desk: "Desk", wanted: Wanted, *, as_json: bool, debug: bool
) -> int:
    from bot.bot import Bot
    from bot.privacy import of_log
    from bot.sessions.session_log import SessionLog
    from bot.terminal.repl import INTERRUPTED, run_repl

    settings, file = desk.settings, workspace.database
    was_empty = _is_empty(file)
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    with SessionLog.open(file, of_log(settings)) as log:
        if was_empty:  # SQLite leaves it so where its first opening is cut short; or a log was lost
            say(f"{file} was empty: a new log is begun in it")
        channel = "terminal" if at_terminal else "pipe"
        bot = Bot(desk, log, channel=channel, suggests=at_terminal or as_json)
        begun = _begun(bot, wanted)
        try:
            if at_terminal:
                return run_repl(
                    bot,
                    name=settings.name,
                    intents=desk.model.labels,
                    home=workspace.root,
                    begun=begun,
                    debug=debug,
                )
            return _piped(bot, begun, as_json=as_json, debug=debug)
        except KeyboardInterrupt:
            return INTERRUPTED


def _piped(bot: "Bot", begun: "Resumed | None", *, as_json: bool, debug: bool) -> int:
    from bot.terminal.repl import run_pipe
    from bot.terminal.words import word

    if begun and begun.note:
        say(word(begun.note, bot.language))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return run_pipe(
        bot,
        sys.stdin.buffer,
        sys.stdout,
        sys.stderr,
        as_json=as_json,
        debug=debug,
    )


def _begun(bot: "Bot", wanted: Wanted) -> "Resumed | None":
    if wanted == "last":
        talks = bot.talks(1)
        wanted = talks[0].id if talks else None
        if wanted is None:
            say("there is no earlier session to go on with; a new one begins")
    return None if wanted is None else bot.resume(wanted)


def _warn(workspace: "Workspace", desk: "Desk") -> None:
    """What keeps the bot from answering, where the person can do something about it."""
    from bot.freshness import changed
    from bot.workspace.settings import unlearnt

    if not desk.model.trained:
        answers = "only the articles answer"
        if desk.thresholds.passage is None:
            answers = "nothing answers, as no article clears `max_wrong_answers` either"
        say(f"no model is fine-tuned yet: {answers}; run `frontdesk finetune`")
    else:
        for line in unlearnt(desk.settings, desk.model.entity_types):
            say(line)
        if desk.thresholds.silent:
            say(NOTHING_ANSWERS)
    if not len(desk.index):
        say(f"{workspace.kb} has no article: nothing can be cited")
    if changed(workspace.kb, workspace.index, desk.model.encoder_fingerprint):
        say("articles changed since the index was built; run `frontdesk kb build`")
