"""`frontdesk log`: prove, read, export and erase what was said."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from bot.log.reading import LoggedTurn
    from bot.log.statistics import Statistics
    from bot.log.verification import Verified
    from bot.workspace import Workspace

commands = typer.Typer(
    help="Prove, read, export and erase what was said.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="log")


# --- verify --------------------------------------------------------------------------------------


@commands.command()
def verify(
    database: Annotated[
        Path | None, typer.Argument(help="A database; without it, the workspace's.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show that the log is whole: every turn with its decision, evidence, model and index."""
    from bot.log.verification import verify
    from bot.workspace import open_workspace

    path = database or open_workspace(workspace).database
    with progress() as show:
        found = verify(path, show)
    if json:
        print_json(found.as_json())
    else:
        _tell_verified(found)
    raise typer.Exit(0 if found.holds else 1)


def _tell_verified(found: "Verified") -> None:
    from bot.replies import one_line

    for breach in found.breaches:
        print(one_line(str(breach)))
    for note in found.notes:
        print(one_line(f"note: {note}"))
    if found.holds:
        print(f"{found.turns:,} turns of {found.sessions:,} sessions: the log is whole")
    else:
        print(f"{found.database} breaks the invariant in {len(found.breaches):,} places")


# --- show and search -----------------------------------------------------------------------------

KeepOption = Annotated[
    bool, typer.Option("--keep-personal-data", help="Do not mask e-mails, phones, cards, …")
]


@commands.command()
def show(
    session: Annotated[int | None, typer.Argument(help="Number of the session.")] = None,
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The last N turns alone.")
    ] = None,
    keep_personal_data: KeepOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show the turns of a session; without a number, the last 10 turns of all."""
    from bot.log.reading import last_of_all, of_session, opened
    from bot.workspace import open_workspace

    found = open_workspace(workspace)
    with opened(found.database) as log:
        turns = last_of_all(log, last or 10) if session is None else of_session(log, session, last)
    _tell_turns(_private(found, turns, keep=keep_personal_data), json=json)


@commands.command()
def search(
    words: Annotated[list[str], typer.Argument(help="All must be in a turn; any may have spaces.")],
    most: Annotated[int, typer.Option(min=1, metavar="N", help="Turns, at most.")] = 20,
    keep_personal_data: KeepOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Find the turns in which the customer or the bot used certain words, the latest first."""
    from bot.log.reading import opened, with_words
    from bot.workspace import open_workspace

    found = open_workspace(workspace)
    with opened(found.database) as log:
        turns = with_words(log, words, most)
    _tell_turns(_private(found, turns, keep=keep_personal_data), json=json)


def _private(
    workspace: "Workspace", turns: "Sequence[LoggedTurn]", *, keep: bool
) -> "Sequence[LoggedTurn]":
    from bot.log.reading import masked

    patterns = workspace.settings.personal_patterns()
    return turns if keep else [masked(turn, patterns) for turn in turns]


def _tell_turns(turns: "Sequence[LoggedTurn]", *, json: bool) -> None:
    if json:
        from bot.repl import json_line

        return print(json_line({"turns": [turn.as_json() for turn in turns]}))
    if not turns:
        return say("no turn is found")
    for number, turn in enumerate(turns):
        _tell_turn(turn, "\n" if number else "")
    return None


def _tell_turn(turn: "LoggedTurn", before: str) -> None:
    """What was said stands under its own margin, so that no line of it passes for another's."""
    from rich.console import Console
    from rich.text import Text

    from bot.replies import one_line, printable

    console = Console(highlight=False)
    did = one_line(" ".join(part for part in (turn.kind, turn.template) if part))
    title = f"{before}session {turn.session}, turn {turn.number}  {turn.at}  {did}"
    if turn.intent is not None:
        title += f"  ({one_line(turn.intent)} {turn.confidence:.2f})"
    console.print(Text(title, style="dim"), soft_wrap=True)
    for speaker, text in (("customer", turn.message), ("bot", turn.reply)):
        said = printable(text).replace("\n", "\n" + " " * 10)
        console.print(Text(f"{speaker + ':':<10}{said}"), soft_wrap=True)
    for judged in turn.feedback:
        line = one_line(f"{judged.verdict} {judged.note}")
        console.print(Text(f"{'feedback:':<10}{line}", style="dim"), soft_wrap=True)


# --- stats ---------------------------------------------------------------------------------------


@commands.command()
def stats(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Count what is in the log: sessions, decisions, intents, feedback, milliseconds a turn."""
    from bot.log.reading import opened
    from bot.log.statistics import statistics
    from bot.workspace import open_workspace

    with opened(open_workspace(workspace).database) as log:
        found = statistics(log)
    if json:
        return print_json(found.as_json())
    return _tell_statistics(found)


def _tell_statistics(found: "Statistics") -> None:
    print(f"{found.turns:,} turns of {found.sessions:,} sessions")
    if found.first:
        print(f"from {found.first} to {found.last}")
        print("ms a turn: " + ", ".join(f"{name} {ms:.1f}" for name, ms in found.ms.items()))
    counts = ("channels", "decisions", "intents", "templates", "feedback", "models")
    for name in counts:
        if counted := getattr(found, name):
            rows = [
                (one, f"{n:,}", f"{n / sum(counted.values()):.1%}") for one, n in counted.items()
            ]
            print()
            print_table((name, "", ""), rows)


# --- export --------------------------------------------------------------------------------------


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(help="The transcript file to write, *.jsonl.")],
    customers_only: Annotated[
        bool, typer.Option("--customers-only", help="Leave out what the bot said.")
    ] = False,
    keep_personal_data: KeepOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write the log as transcripts that `finetune` and `replay` read; /intent becomes labels."""
    from bot.log.reading import opened
    from bot.log.transcripts import export
    from bot.workspace import open_workspace

    found = open_workspace(workspace)
    patterns = None if keep_personal_data else found.settings.personal_patterns()
    with opened(found.database) as log:
        result = export(log, file, patterns, customers_only=customers_only)
    if json:
        return print_json(asdict(result))
    return print(
        f"{result.conversations:,} conversations with {result.turns:,} turns and {result.labels:,} "
        f"labels are in {result.file}; {result.left_out:,} replies left out"
    )
