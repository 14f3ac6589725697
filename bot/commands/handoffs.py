"""`frontdesk handoffs`: the conversations that a person is to take over."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from bot.sessions.handover import Waiting

commands = typer.Typer(
    help="List, read, take and close the conversations that a person is to take over.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SHOWN = 200
"""Characters of the last message in the list."""
NumberArgument = Annotated[int, typer.Argument(help="Number of the handoff.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="handoffs")


@commands.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List those that wait or are taken, the one that has waited longest first."""
    from bot.log.reading import opened
    from bot.sessions.handover import STATUSES, queue
    from bot.workspace import open_workspace

    with opened(open_workspace(workspace).database) as log:
        found = queue(log, STATUSES if all_ else ("waiting", "taken"))
    if json:
        return print_json({"handoffs": [one.as_json() for one in found]})
    if not found:
        return print("nobody waits for a person")
    columns = ("number", "session", "since (UTC)", "reason", "status", "the last message")
    return print_table(columns, [_row(one) for one in found])


def _row(one: "Waiting") -> tuple[object, ...]:
    from bot.replies import one_line

    messages = one.summary.get("messages") or [""]
    status = " ".join(part for part in (one.status, one.taken_by) if part)
    last = one_line(str(messages[-1]))[:SHOWN]
    since = one.at[:16].replace("T", " ")
    return (one.id, one.session, since, one.reason, one_line(status), last)


@commands.command()
def show(
    number: NumberArgument, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Show what a person who takes over needs to know."""
    from bot.log.reading import opened
    from bot.sessions.handover import entry
    from bot.workspace import open_workspace

    with opened(open_workspace(workspace).database) as log:
        found = entry(log, number)
    if json:
        return print_json(found.as_json())
    return _tell(found)


def _tell(one: "Waiting") -> None:
    from bot.replies import one_line

    by = f" by {one.taken_by} at {one.taken_at}" if one.taken_by else ""
    print(f"handoff {one.id}: session {one.session}, turn {one.turn}, {one.at}, {one.reason}")
    print(one_line(f"status: {one.status}{by}"))
    for message in one.summary.get("messages", ()):
        print(f"customer: {one_line(message)}")
    for slot, value in one.summary.get("slots", {}).items():
        print(one_line(f"{slot}: {value}"))
    for tried in one.summary.get("tried", ()):
        print(one_line(f"tried in turn {tried['turn']}: {_tried(tried)}"))
    for article in one.summary.get("articles", ()):
        print(one_line(f"shown: {article}"))


def _tried(tried: dict[str, object]) -> str:
    about = [str(tried[name]) for name in ("kind", "template", "slot", "action") if name in tried]
    choices = tried.get("choices")
    if isinstance(choices, list):
        about += [f"of {', '.join(map(str, choices))}"]
    failure = tried.get("failure")
    return " ".join(about) + (f", which failed: {failure}" if failure else "")


@commands.command()
def take(
    number: NumberArgument,
    person: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who takes it; without it, the user here.")
    ] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Take one that waits; nobody else can take it then."""
    from bot.sessions.handover import take

    _change(workspace, json, lambda log: take(log, number, person or getpass.getuser()))


@commands.command()
def close(
    number: NumberArgument, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Close one that is done with; the bot answers the customer again."""
    from bot.sessions.handover import close

    _change(workspace, json, lambda log: close(log, number))


def _change(workspace: Path | None, json: bool, change: "Callable[[Connection], Waiting]") -> None:
    from bot.log.reading import opened_to_change
    from bot.replies import one_line
    from bot.workspace import open_workspace

    with opened_to_change(open_workspace(workspace).database) as log:
        found = change(log)
    if json:
        return print_json(found.as_json())
    by = f" by {found.taken_by}" if found.taken_by else ""
    return print(one_line(f"handoff {found.id} of session {found.session} is {found.status}{by}"))
