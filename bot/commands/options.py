"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer


def _or_before_the_command(context: typer.Context, value: Path | None) -> Path | None:
    """`frontdesk -w DIR chat` means the same as `frontdesk chat -w DIR`."""
    return value or context.find_root().params.get("workspace")


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        callback=_or_before_the_command,
        help="The workspace; without it the current folder or the nearest parent that is one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
SkipBadOption = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out lines that cannot be read, and count them.")
]
