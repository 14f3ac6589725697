"""The command `frontdesk`: each command is a thin shell over a plain function.

Nothing heavy is imported before a command runs, so that `--help` is instant.
"""

from pathlib import Path
from typing import Annotated

import typer

from bot.commands import (
    chat,
    chats,
    finetune,
    gaps,
    handoffs,
    kb,
    log,
    models,
    monitor,
    new,
    replay,
    review,
)
from bot.console import reporting_errors

app = typer.Typer(
    name="frontdesk",
    help="A customer-service bot from the chats and articles a team already has.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its import costs more than all the rest of --help
)


def _version(wanted: bool) -> None:
    if wanted:
        from bot import __version__

        print(f"frontdesk {__version__}")
        raise typer.Exit


@app.callback()
def before_the_command(
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", metavar="DIR", help="The workspace of the command."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Read by bot.commands.options and by callbacks; nothing is left to do here."""


# A command is a file in bot/commands with a function `add_to(app)`.
new.add_to(app)
kb.add_to(app)
finetune.add_to(app)
models.add_to(app)
chat.add_to(app)
chats.add_to(app)
replay.add_to(app)
log.add_to(app)
gaps.add_to(app)
monitor.add_to(app)
handoffs.add_to(app)
review.add_to(app)


def main() -> None:
    """Run the command line; every error is one line on standard error and an exit code."""
    with reporting_errors():
        app(prog_name="frontdesk")
