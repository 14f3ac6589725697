"""`frontdesk new`: make a workspace."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperCommand

from bot.commands.options import JsonOption, SkipBadOption
from bot.console import print_json, progress, say

if TYPE_CHECKING:
    from bot.creation import Created

MANY = ("--chats", "--articles")


def spread(words: Sequence[str]) -> list[str]:
    """Let an option take all the words after it, as a shell writes `--chats data/*.jsonl`.

    Only where the folder to make came first: else one of the words may be that folder.

    >>> spread(["shop", "--chats", "a.jsonl", "b.jsonl"])
    ['shop', '--chats', 'a.jsonl', '--chats', 'b.jsonl']
    """
    if not words or words[0].startswith("-"):
        return list(words)
    spelled: list[str] = []
    option, taken = "", 0
    for word in words:
        if word.startswith("-"):
            option, taken = word, 0
        elif option in MANY:
            taken += 1
            if taken > 1:
                spelled.append(option)
        spelled.append(word)
    return spelled


class _ManyValues(TyperCommand):
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, spread(args))


def add_to(app: typer.Typer) -> None:
    app.command("new", cls=_ManyValues)(new)


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    chats: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILES", help="Transcripts (.jsonl, .csv) or folders of them."),
    ] = None,
    articles: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILES", help="Help articles, or folders of them."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The name of the bot's company.")] = None,
    language: Annotated[
        Literal["en", "zh"] | None,
        typer.Option(help="The bot's language; without it, what the customers write."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="The pretrained encoder: a hub id or a folder.")
    ] = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Make a workspace from chats and articles, or an example.

    Without --chats and --articles a small bookshop is made, to look at and to change.
    """
    from bot.creation import create

    with progress() as show:
        made = create(
            folder,
            chats=chats or (),
            articles=articles or (),
            name=name,
            language=language,
            encoder=_absolute(encoder),
            skip_bad=skip_bad,
            progress=show,
        )
    for note in made.notes:
        say(note)
    if json:
        print_json(
            {
                "workspace": str(made.root),
                "chats": made.chats,
                "articles": made.articles,
                "templates": made.templates,
                "drafts": made.drafts,
            }
        )
    else:
        _tell(made)


def _tell(made: "Created") -> None:
    print(
        f"{made.root}: {made.chats} chats, {made.articles} articles, "
        f"{made.templates} templates"
        + (f" ({made.drafts} drafts, not spoken before you edit them)" if made.drafts else "")
    )
    if made.templates:
        print(f"Read and edit {made.root / 'templates.yaml'}: customers will be told what it says.")
    print("Then:")
    steps = ["kb build", *(["finetune"] if made.chats else []), "chat"]
    for step in steps:
        print(f"  frontdesk {step} --workspace {made.root}")


def _absolute(encoder: str | None) -> str | None:
    """A folder named from here must be found from the workspace too."""
    if encoder and Path(encoder).expanduser().is_dir():
        return str(Path(encoder).expanduser().resolve())
    return encoder
