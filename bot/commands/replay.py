"""`frontdesk replay`: what the bot would have done in chats that have happened."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from bot.replay import Report


def add_to(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    chats: Annotated[
        list[Path],
        typer.Argument(metavar="CHATS", help="Transcripts (.jsonl, .csv) or folders of them."),
    ],
    workspace: WorkspaceOption = None,
    version: Annotated[
        str | None, typer.Option(metavar="NAME", help="A model version other than the live one.")
    ] = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Run every customer turn of past chats and measure the result.

    The turns before it are those of the chat, so the bot is judged as if it had taken over there.
    """
    from bot.live import desk_of, live_model
    from bot.model import Model
    from bot.replay import replay
    from bot.session_log import SessionLog
    from bot.settings import unlearnt
    from bot.workspace import open_workspace
    from finetune.registry import open_version
    from finetune.transcripts import read_chats

    opened = open_workspace(workspace)
    found = read_chats(chats, skip_bad=skip_bad)
    say_left_out(found.bad)
    for line in found.warnings:
        say(line)
    if version is None:
        model = live_model(opened)
    else:
        model = Model.load(open_version(opened.models, version).folder)
    with progress() as show, SessionLog.open(opened.database) as log:
        desk = desk_of(opened, model, show)
        try:
            report = replay(desk, log, found.conversations, show, name=", ".join(map(str, chats)))
        except KeyboardInterrupt:
            say("interrupted; the turns that were done are in the database")
            raise
    for line in unlearnt(opened.settings, model.entity_types):
        say(line)
    if report.seen_in_training:
        say(
            f"{report.seen_in_training} of {report.chats} chats were in the model's training"
            " data: expect less on new ones"
        )
    if report.shift:
        say(report.shift)
    if json:
        print_json(report.as_json())
    else:
        _tell(report)


def _tell(report: "Report") -> None:
    names = {"accuracy": "accuracy", "macro_f1": "macro F1", "ece": "ECE"}
    intent, ranking = dict(report.intent), dict(report.ranking)
    labelled, replied = intent.pop("n"), ranking.pop("n")
    candidates = ranking.pop("candidates")
    rows = [
        *(
            (f"intent {names[figure]}", f"{value:.3f}", labelled)
            for figure, value in intent.items()
        ),
        *(
            (f"reply {figure.upper()} of {candidates}", f"{value:.3f}", replied)
            for figure, value in ranking.items()
        ),
        *(
            (f"decision {kind}", f"{share:.1%}", round(share * report.turns))
            for kind, share in report.decisions.items()
        ),
    ]
    print_table(("", "figure", "turns"), rows)
    print(
        f"replay {report.replay}: {report.turns} turns of {report.chats} chats, "
        f"{report.turns_per_second:.0f} turns a second"
    )
