"""`frontdesk finetune`: train a model version on the workspace's chats and put it live."""

from typing import TYPE_CHECKING, Any

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.workspace import Workspace
    from finetune.run import Request, Result


def add_to(app: typer.Typer) -> None:
    app.command()(finetune)


def finetune(
    workspace: WorkspaceOption = None, skip_bad: SkipBadOption = False, json: JsonOption = False
) -> None:
    """Train on the chats, index the articles with the result, and put it live.

    Chats that have not changed are not trained on again. Interrupted, it goes on from the last
    finished epoch when it is run again.
    """
    from bot.live import go_live
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    opened.load_templates()  # a mistake there is better known before the training than after
    request = make_request(opened, skip_bad=skip_bad)
    with progress() as show:
        result = _trained(request, show)
        shortcomings = go_live(opened, result.version, show, skip_bad=skip_bad)
    for note in (*result.notes, *shortcomings):
        say(note)
    if json:
        print_json(as_json(result))
    else:
        _tell(result)


def make_request(workspace: "Workspace", *, skip_bad: bool) -> "Request":
    """What the workspace asks to be trained; says what was left out of its chats."""
    from bot.live import encoder_source
    from finetune.run import Request
    from finetune.transcripts import read_chats
    from kb.passages import split

    chats = read_chats([workspace.chats], skip_bad=skip_bad)
    say_left_out(chats.bad)
    for line in chats.warnings:
        say(line)
    articles = workspace.read_articles(skip_bad=skip_bad).articles
    settings = workspace.settings.finetune
    return Request(
        conversations=chats.conversations,
        models=workspace.models,
        source=encoder_source(workspace),
        base=workspace.root,
        articles=[passage.embedding_text for article in articles for passage in split(article)],
        seed=settings.seed,
        epochs=settings.epochs,
        threads=settings.threads,
    )


def as_json(result: "Result") -> dict[str, Any]:
    """The object that `--json` prints."""
    return {
        "version": result.version,
        "live": True,
        "trained": result.trained,
        "seconds": result.seconds,
        "peak_mib": result.peak_mib,
        "metrics": dict(result.metrics),
    }


def _trained(request: "Request", show: "Progress") -> "Result":
    from finetune.run import finetune, unchanged

    before = unchanged(request)
    if before is not None:
        say(f"the chats, articles and settings are those of {before.version}: not trained again")
        return before
    try:
        return finetune(request, show)
    except KeyboardInterrupt:
        say("interrupted; run the command again to go on from the last finished epoch")
        raise


def _tell(result: "Result") -> None:
    names = {"accuracy": "intent accuracy", "macro_f1": "intent macro F1", "ece": "intent ECE"}
    rows = []
    for task in ("intent", "ranking"):
        after, before = result.metrics["test"][task], result.metrics["frozen"][task]
        for figure in after:
            if figure != "n":
                name = names.get(figure, f"reply {figure.upper()}")
                rows.append((name, f"{before[figure]:.3f}", f"{after[figure]:.3f}", after["n"]))
    if rows:
        print_table(("on held-out chats", "frozen", "fine-tuned", "turns"), rows)
    print(
        f"{result.version} is live"
        + (f"; {result.seconds:.0f} s, {result.peak_mib:.0f} MiB" if result.trained else "")
    )
