"""`frontdesk log`: prove, read, export and erase what was said."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from sqlite3 import Connection

    from bot.log.erasure import Doomed
    from bot.log.reading import LoggedTurn
    from bot.log.remains import Remains
    from bot.log.statistics import Statistics
    from bot.log.verification import Verified
    from bot.privacy import Privacy
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

    privacy = _privacy(workspace, keep=keep)
    return [masked(turn, privacy) for turn in turns]


def _privacy(workspace: "Workspace", *, keep: bool) -> "Privacy":
    from bot.privacy import PLAIN, Privacy

    return PLAIN if keep else Privacy(workspace.settings.personal_patterns())


def _tell_turns(turns: "Sequence[LoggedTurn]", *, json: bool) -> None:
    if json:
        from bot.terminal.repl import json_line

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
    from finetune.registry import versions

    own = open_workspace(workspace)
    with opened(own.database) as log:
        found = statistics(log)
    if json:
        return print_json(found.as_json())
    names = {version.fingerprint: version.name for version in versions(own.models)}
    named = {names.get(model, model): count for model, count in found.models.items()}
    return _tell_statistics(replace(found, models=named))


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
    with opened(found.database) as log:
        result = export(
            log, file, _privacy(found, keep=keep_personal_data), customers_only=customers_only
        )
    if json:
        return print_json(asdict(result))
    return print(
        f"{result.conversations:,} conversations with {result.turns:,} turns and {result.labels:,} "
        f"labels are in {result.file}; {result.left_out:,} replies left out"
    )


# --- forget and prune ----------------------------------------------------------------------------

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


@commands.command()
def forget(
    sessions: Annotated[list[int] | None, typer.Argument(help="Numbers of sessions.")] = None,
    customer: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="All sessions in which the customer wrote this."),
    ] = None,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Erase sessions for good, and name the files in which their words still stand."""
    from bot.errors import BotError
    from bot.log.erasure import numbered, of_customer

    if bool(sessions) == (customer is not None):
        raise BotError("name either sessions or --customer TEXT; see `frontdesk log forget --help`")
    _erase(
        workspace,
        lambda log: (
            numbered(log, sessions or ()) if customer is None else of_customer(log, customer)
        ),
        yes=yes,
        json=json,
    )


@commands.command()
def prune(
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="How long ago the last turn was: 90d, 12w, 36h.")
    ],
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Erase the sessions that ended long ago, as `forget` does."""
    from datetime import UTC, datetime

    from bot.log.erasure import age
    from bot.log.erasure import older_than as ended_before

    moment = datetime.now(UTC) - age(older_than)
    _erase(workspace, lambda log: ended_before(log, moment), yes=yes, json=json)


def _erase(
    workspace: Path | None, find: "Callable[[Connection], Doomed]", *, yes: bool, json: bool
) -> None:
    from bot.log.erasure import erase, erase_replays
    from bot.log.reading import opened_to_change
    from bot.log.remains import remains
    from bot.workspace import open_workspace

    place = open_workspace(workspace)
    with opened_to_change(place.database) as log:
        doomed = find(log)
        if doomed.sessions and not yes:
            _ask(f"Erase {_counted(doomed)} for good?")
        replayed = erase_replays(place.replays, doomed)
        with progress() as show:
            erase(log, place.database, doomed, show)
    with progress() as show:
        standing = remains(place, doomed, show)
    if json:
        print_json(_erased_json(doomed, replayed, standing))
    else:
        _tell_erased(doomed, replayed, standing)


def _ask(question: str) -> None:
    """Go on only if the person says so."""
    from bot.errors import BotError

    if not sys.stdin.isatty():
        raise BotError("nobody is there to be asked; nothing was erased; add --yes")
    typer.confirm(question, abort=True, err=True)


def _counted(doomed: "Doomed") -> str:
    return f"{len(doomed.sessions):,} sessions with {doomed.turns:,} turns"


def _erased_json(
    doomed: "Doomed", replayed: int, standing: "Sequence[Remains]"
) -> dict[str, object]:
    return {
        "sessions": sorted(doomed.sessions),
        "turns": doomed.turns,
        "replay_turns": replayed,
        "remains": [asdict(one) for one in standing],
    }


def _tell_erased(doomed: "Doomed", replayed: int, standing: "Sequence[Remains]") -> None:
    if not doomed.sessions:
        return print("no session is to be erased")
    print(f"{_counted(doomed)} erased, and {replayed:,} turns of replays that read them")
    if standing:
        print("\nwhat they wrote still stands in these files, which are yours to change:")
    for one in standing:
        print(f"{one.file} ({one.count:,} times): {one.remedy}")
    return None
