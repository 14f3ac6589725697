"""`frontdesk kb`: build the index of the articles, search it, measure it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from kb.search import Hit

commands = typer.Typer(
    help="The articles: index, search, measure.", no_args_is_help=True, rich_markup_mode=None
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="kb")


@commands.command()
def build(
    workspace: WorkspaceOption = None, skip_bad: SkipBadOption = False, json: JsonOption = False
) -> None:
    """Index the articles; what is unchanged is not done again."""
    from dataclasses import asdict

    from bot.live import build_index, desk_of, live_model
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    opened.load_templates()  # a mistake there is better known before than after
    started = time.monotonic()
    with progress() as show:
        model = live_model(opened, show)
        report, read = build_index(opened, model, show, skip_bad=skip_bad)
        desk_of(opened, model, show)  # what the next chat would have to compute first
    say_left_out(read.bad)
    for name in read.ignored:
        say(f"not read: {name} is no article")
    if not read.articles:
        say(f"{opened.kb} has no article: the bot can cite nothing until you add one")
    if json:
        print_json({**asdict(report), "bad": len(read.bad)})
    else:
        seconds = time.monotonic() - started
        print(
            f"{report.passages} passages indexed ({report.embedded} embedded, "
            f"{report.reused} reused, {report.removed} removed) in {seconds:.1f} s"
        )


@commands.command()
def search(
    query: str,
    count: Annotated[int, typer.Option("-k", min=1, help="How many passages to show.")] = 10,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Find the passages nearest to a question."""
    from bot.live import live_model, searcher
    from bot.workspace import open_workspace
    from kb.search import search

    opened = open_workspace(workspace)
    model = live_model(opened)
    with progress() as show:
        finds = searcher(opened, model, show)
    hits = search(finds.index, query, finds.encoder.encode([query])[0], count)
    if json:
        print_json({"hits": [_hit(hit) for hit in hits]})
    elif not hits:
        say("nothing found")
    else:
        rows = [(f"{hit.score:.3f}", hit.passage.title, _line(hit.passage.text)) for hit in hits]
        print_table(("score", "article", "passage"), rows)


@commands.command()
def evaluate(queries: Path, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Measure search on labelled queries.

    A line of the file: {"id": ..., "text": ..., "gold": [article ids]}.
    """
    from bot.live import live_model, searcher
    from bot.risk.searching import measures
    from bot.workspace import open_workspace
    from kb.evaluation import read_queries

    opened = open_workspace(workspace)
    asked = read_queries(queries)
    model = live_model(opened)
    with progress() as show:
        finds = searcher(opened, model, show)
    metrics = measures(finds.index, finds.encoder, [(query.text, query.gold) for query in asked])
    if json:
        print_json(metrics)
    else:
        print_table(tuple(metrics), [[_figure(value) for value in metrics.values()]])


def _hit(hit: "Hit") -> dict[str, object]:
    return {
        "article": hit.passage.article,
        "passage": hit.passage.id,
        "title": hit.passage.title,
        "text": hit.passage.text,
        "score": round(float(hit.score), 6),
    }


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:199] + "…"


def _figure(value: float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
