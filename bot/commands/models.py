"""`frontdesk models`: list the model versions, choose the live one, go back to the one before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from finetune.history import Switch
    from finetune.registry import Learnt

commands = typer.Typer(help="The model versions: list them, choose one.", rich_markup_mode=None)
COLUMNS = ("", "version", "created", "chats", "intents", "MiB")
FIGURES = {
    "accuracy": ("intent", "accuracy"),
    "macro F1": ("intent", "macro_f1"),
    "R@1": ("ranking", "r@1"),
    "entity F1": ("entities", "f1"),
    "sentiment": ("sentiment", "accuracy"),
}
"""The columns of figures on held-out chats, each where some version has it."""


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
    from finetune.registry import current

    models = open_workspace(workspace).models
    live, found = current(models), listed(models)
    if json:
        print_json({"live": live, "versions": found})
    elif not found:
        say("no model yet; run `frontdesk finetune`")
    else:
        figures = [name for name in FIGURES if any(_figure(one, name) != "-" for one in found)]
        print_table((*COLUMNS, *figures, ""), (_row(version, figures) for version in found))
        for version in found:
            if version["state"] == "candidate" and version["gate"]:
                print(f"{version['version']} is a candidate: {version['gate']['reason']}")


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
    _switch(workspace, version, "used", skip_bad=skip_bad, json=json)


@commands.command()
def rollback(
    workspace: WorkspaceOption = None, skip_bad: SkipBadOption = False, json: JsonOption = False
) -> None:
    """Go back to the version that was live before; run again, to the one before that."""
    _switch(workspace, None, "rollback", skip_bad=skip_bad, json=json)


def _switch(
    workspace: WorkspaceOption, version: str | None, how: "Switch", *, skip_bad: bool, json: bool
) -> None:
    from bot.live import go_live
    from bot.workspace import open_workspace
    from finetune.registry import live_before

    opened = open_workspace(workspace)
    name = version or live_before(opened.models)
    with progress() as show_progress:
        shortcomings = go_live(opened, name, show_progress, how=how, skip_bad=skip_bad)
    for line in shortcomings:
        say(line)
    if json:
        print_json({"live": name})
    else:
        print(f"{name} is live")


# --- the list ------------------------------------------------------------------------------------


def listed(models: Path) -> list[dict[str, Any]]:
    """The versions as `--json` prints them, `base` first, then by number."""
    from finetune.registry import candidates, current, learnt, versions

    live, waiting = current(models), candidates(models)
    found, before = [], None
    for version in versions(models):
        state = "candidate" if version.name in waiting else "kept"
        known = learnt(version)
        found.append(
            {
                "version": version.name,
                "fingerprint": version.fingerprint,
                "bytes": version.bytes,
                "metrics": version.meta.get("metrics", {}),
                "created": version.meta.get("created"),
                "state": "live" if version.name == live else state,
                **_data(known, before),
                "gate": _verdict(models, version.name),
            }
        )
        before = known or before
    return found


def _data(known: "Learnt | None", before: "Learnt | None") -> dict[str, Any]:
    """The chats a version saw and its intents, and which of these the one before did not have."""
    if known is None:
        return {"chats": 0, "new_chats": 0, "intents": 0, "new_intents": [], "lost_intents": []}
    labels = set(before.labels) if before else set()
    return {
        "chats": len(known.chats),
        "new_chats": len(known.chats - (before.chats if before else set())),
        "intents": len(known.labels),
        "new_intents": sorted(set(known.labels) - labels),
        "lost_intents": sorted(labels - set(known.labels)),
    }


def _verdict(models: Path, version: str) -> dict[str, Any] | None:
    """What the gate last said of it, in short."""
    from finetune.history import verdict_on

    verdict = verdict_on(models, version)
    return {key: verdict[key] for key in ("live", "passed", "reason")} if verdict else None


def _figure(version: Mapping[str, Any], name: str) -> str:
    task, measure = FIGURES[name]
    figure = version["metrics"].get("test", {}).get(task, {}).get(measure)
    return "-" if figure is None else f"{figure:.3f}"


def _row(version: Mapping[str, Any], figures: Sequence[str]) -> tuple[str, ...]:
    return (
        "*" if version["state"] == "live" else "",
        version["version"],
        (version["created"] or "-")[:16].replace("T", " "),
        _count(version["chats"], f"+{version['new_chats']}"),
        _count(version["intents"], *_intent_changes(version)),
        f"{version['bytes'] / 2**20:.0f}",
        *(_figure(version, name) for name in figures),
        "candidate" if version["state"] == "candidate" else "",
    )


def _count(number: int, *changes: str) -> str:
    return f"{number} ({' '.join(changes)})" if number else "-"


def _intent_changes(version: Mapping[str, Any]) -> list[str]:
    return [f"+{len(version['new_intents'])}", f"-{len(version['lost_intents'])}"]
