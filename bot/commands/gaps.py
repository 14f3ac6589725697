"""`frontdesk gaps`: what to fix next."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.options import JsonOption, WorkspaceOption
from bot.console import print_json, print_table, progress

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.gaps import Gaps, Group
    from bot.gaps.clusters import Encode
    from bot.model import Model

ReplayOption = Annotated[
    int | None, typer.Option("--replay", metavar="N", help="This replay, not the newest one.")
]
LogOption = Annotated[bool, typer.Option("--log", help="The live log alone.")]


def add_to(app: typer.Typer) -> None:
    app.command()(gaps)


def gaps(
    workspace: WorkspaceOption = None,
    replay: ReplayOption = None,
    log: LogOption = False,
    most: Annotated[
        int, typer.Option(min=1, metavar="N", help="Groups that are shown, at most.")
    ] = 10,
    json: JsonOption = False,
) -> None:
    """Show what to fix next: requests that fail, articles that are missing, and so on.

    Looks at the newest replay and at the live log.
    """
    from bot.asked import asked_in
    from bot.gaps import gaps
    from bot.live import live_model
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    templates = opened.load_templates()
    with progress() as watch:
        model = live_model(opened)
        found = gaps(asked_in(opened, replay, log), templates, encoder(model, watch), most)
    if json:
        return print_json(found.as_json())
    return _tell(found)


def encoder(model: "Model", watch: "Progress") -> "Encode":
    """The model's sentence vectors, with progress."""
    return lambda texts: model.encode(
        texts, progress=lambda done: watch("encode", done, len(texts))
    )


# --- for people ----------------------------------------------------------------------------------


def _tell(found: "Gaps") -> None:
    print(f"{found.failed:,} of {found.turns:,} turns failed ({_share(found)})")
    _groups("requests that fail", found.requests)
    if found.drafts:
        print("\ndrafts that would answer (edit them in templates.yaml)")
        asked = ((d.template, ", ".join(d.intents), f"{d.count:,}") for d in found.drafts)
        print_table(("template", "intents", "failed turns"), asked)
    if found.articles is None:
        print(
            "\narticles that are missing: cannot be told; passages have no certified threshold, so"
            " they never answer"
        )
    elif found.articles and found.articles == found.requests:
        print("\narticles that are missing: for all of these")
    else:
        _groups("articles that are missing", found.articles)
    if found.templates:
        print("\ntemplates never used")
        rows = ((t.template, ", ".join(t.intents), f"{t.by_agents:,}") for t in found.templates)
        print_table(("template", "intents", "by agents"), rows)
    if found.passages:
        print("\npassages disliked")
        shown = ((p.article, p.passage, f"{p.disliked:,}", f"{p.shown:,}") for p in found.passages)
        print_table(("article", "passage", "disliked", "shown"), shown)


def _share(found: "Gaps") -> str:
    return f"{found.failed / found.turns:.1%}"


def _groups(title: str, groups: "tuple[Group, ...]") -> None:
    print(f"\n{title}")
    if not groups:
        return print("none")
    return print_table(("turns", "share", "about", "the bot did"), _rows(groups))


def _rows(groups: "tuple[Group, ...]") -> Iterator[tuple[str, ...]]:
    from bot.replies import one_line, printable

    for group in groups:
        did = ", ".join(f"{kind} {count:,}" for kind, count in list(group.did.items())[:2])
        yield f"{group.count:,}", f"{group.share:.1%}", printable(group.name), did
        for example in group.examples:
            yield "", "", f"  {one_line(printable(example.message))[:70]}", example.did
