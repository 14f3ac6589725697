"""`frontdesk models`: list the model versions, choose the live one."""

from typing import TYPE_CHECKING, Any

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from finetune.registry import VersionInfo

commands = typer.Typer(help="The model versions: list them, choose one.", rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="models")


@commands.callback(invoke_without_command=True)
def show(
    context: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """List the model versions of a workspace; the live one has a star."""
    if context.invoked_subcommand:
        return
    from bot.workspace import open_workspace
    from finetune.registry import current, versions

    models = open_workspace(workspace).models
    live, found = current(models), versions(models)
    if json:
        print_json({"live": live, "versions": [_as_json(version) for version in found]})
    elif not found:
        say("no model yet; run `frontdesk finetune`")
    else:
        rows = [_row(version, version.name == live) for version in found]
        print_table(("", "version", "MiB", "accuracy", "macro F1", "R@1"), rows)


@commands.command()
def use(
    version: str,
    workspace: WorkspaceOption = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Make a version the live one, at once for all new chats.

    The articles are first indexed with its encoder, where that is not done.
    """
    from bot.live import go_live
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    with progress() as show_progress:
        shortcomings = go_live(opened, version, show_progress, skip_bad=skip_bad)
    for line in shortcomings:
        say(line)
    if json:
        print_json({"live": version})
    else:
        print(f"{version} is live")


def _as_json(version: "VersionInfo") -> dict[str, Any]:
    return {
        "version": version.name,
        "fingerprint": version.fingerprint,
        "bytes": version.bytes,
        "metrics": version.meta.get("metrics", {}),
    }


def _row(version: "VersionInfo", live: bool) -> tuple[str, ...]:
    test = version.meta.get("metrics", {}).get("test", {})
    intent, ranking = test.get("intent", {}), test.get("ranking", {})
    figures = (intent.get("accuracy"), intent.get("macro_f1"), ranking.get("r@1"))
    shown = ("-" if figure is None else f"{figure:.3f}" for figure in figures)
    return ("*" if live else "", version.name, f"{version.bytes / 2**20:.0f}", *shown)
