"""`frontdesk review`: a person says what the messages ask for that the bot is least sure of."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.gaps import LogOption, ReplayOption, encoder
from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from bot.model import Model
    from bot.review.items import Item
    from bot.review.kept import Answer, Kept
    from bot.workspace import Workspace


_NOTHING = "nothing to review: every message has a label (--labelled takes them too)"


def add_to(app: typer.Typer) -> None:
    app.command()(review)


def review(
    workspace: WorkspaceOption = None,
    replay: ReplayOption = None,
    log: LogOption = False,
    most: Annotated[int, typer.Option(min=1, metavar="N", help="Messages, at most.")] = 50,
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Messages that have a label too.")
    ] = False,
    apply: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the answers from lines of JSON.")
    ] = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Label the messages that the bot is least sure of, one key each; they become training data.

    In a pipe, or with --json, they are listed.
    """
    from bot.asked import asked_in
    from bot.live import live_model
    from bot.review.items import items
    from bot.review.kept import Kept
    from bot.review.queue import queue
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    kept, found = Kept.open(opened), items(asked_in(opened, replay, log))
    with progress() as watch:
        model = live_model(opened)
        if apply is not None:
            return _apply(apply, found, kept, model, skip_bad=skip_bad, json=json)
        waiting = queue(found, kept.has, encoder(model, watch), most, labelled=labelled)
    if json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _list(waiting, json=json)
    return _walk(waiting, kept, model)


def _walk(waiting: "Sequence[Item]", kept: "Kept", model: "Model") -> None:
    """At a terminal. What was answered is told and counted however the person leaves."""
    from rich.console import Console
    from rich.text import Text

    from bot.review.terminal import Review

    if not waiting:
        return print(_NOTHING)
    console = Console(highlight=False)
    kept.find_originals(waiting)
    walk = Review(
        waiting,
        kept,
        _intents(kept, model),
        lambda text, style: console.print(Text(text, style=style)),
    )
    try:
        walk.run()
    finally:
        answers = list(walk.answers.values())
        _count_in_log(kept.workspace, answers)
        print(_told(kept, answers))
    return None


def _list(waiting: "Sequence[Item]", *, json: bool) -> None:
    from bot.replies import one_line
    from bot.review.lines import line_of

    if json:
        for item in waiting:
            print_json(line_of(item))
        return None
    if not waiting:
        return say(_NOTHING)
    asked = [item.asked for item in waiting]
    rows = [
        (f"{a.margin:.3f}", a.conversation, a.turn, one_line(a.message)[:70], a.did) for a in asked
    ]
    return print_table(("margin", "conversation", "turn", "message", "the bot did"), rows)


def _apply(
    path: Path,
    found: "Iterable[Item]",
    kept: "Kept",
    model: "Model",
    *,
    skip_bad: bool,
    json: bool,
) -> None:
    from bot.review.lines import read_lines

    lines = read_lines(path, found, _intents(kept, model), skip_bad=skip_bad)
    say_left_out(lines.bad)
    kept.find_originals([item for item, _ in lines.answers])
    if lines.answers:
        kept.keep(lines.answers)
        _count_in_log(kept.workspace, lines.answers)
    judge = sum(kept.judges(item) for item, _ in lines.answers)
    if json:
        counts = {"kept": len(lines.answers), "judge": judge, "open": lines.open}
        return print_json({**counts, "bad": len(lines.bad), "file": str(kept.path)})
    if lines.open:
        say(f"{lines.open:,} lines have no intent yet")
    return print(_told(kept, lines.answers))


def _intents(kept: "Kept", model: "Model") -> set[str]:
    """Every intent there is: of the model, of the templates, of earlier reviews."""
    from finetune.conversation import OUT_OF_SCOPE

    templates = kept.workspace.load_templates()
    named = {intent for template in templates for intent in template.intents}
    return {*model.labels, *named, *kept.intents(), OUT_OF_SCOPE}


def _count_in_log(workspace: "Workspace", answers: "Sequence[Answer]") -> None:
    """Messages of the live log get their intent as feedback, as /intent gives it."""
    from bot.sessions.session_log import SessionLog

    logged = [(item.asked, label) for item, label in answers if item.asked.session is not None]
    if not logged:
        return
    with SessionLog.open(workspace.database) as log:
        for asked, label in logged:
            log.feedback(asked.session or 0, asked.turn, "intent", label or "")


def _told(kept: "Kept", answers: "Sequence[Answer]") -> str:
    if not answers:
        return "no answer is kept"
    judge = sum(kept.judges(item) for item, _ in answers)
    judging = (
        f"; {judge:,} judge and do not teach, as the split of their chats says" if judge else ""
    )
    one = len(answers) == 1
    counted = "1 answer is" if one else f"{len(answers):,} answers are"
    learns = f"`frontdesk finetune` learns from {'it' if one else 'them'}"
    return f"{counted} kept in {kept.path}{judging}; {learns}"
