"""`frontdesk chats`: bring chats in from elsewhere, and see what is in them."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from bot.imports.chat_statistics import Statistics
    from bot.imports.run import FindNames, Imported, Masking
    from bot.imports.source import Advance
    from bot.workspace import Workspace

commands = typer.Typer(
    help="Past chats: bring them in, see what is there.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
_MIB = 2**20
_BAR = 40


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="chats")


# --- import --------------------------------------------------------------------------------------


@commands.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(help="What another program exported: a file or folder.")
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="Its format, where it is not recognised."),
    ] = None,
    columns: Annotated[
        str, typer.Option(metavar="OURS=THEIRS,…", help="Its columns: text=body,speaker=role")
    ] = "",
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Who speaks for the company; may be given several times."
        ),
    ] = None,
    month_first: Annotated[
        bool | None,
        typer.Option("--month-first/--day-first", help="How its dates are written, if both fit."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How a table or text is encoded, if it is not UTF-8."),
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="NAME", help="Write chats/NAME.jsonl.")] = None,
    keep_personal_data: Annotated[
        bool, typer.Option("--keep-personal-data", help="Do not mask e-mails, phones, cards, …")
    ] = False,
    workspace: WorkspaceOption = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Bring chats in from another program's export, personal data masked."""
    from bot.imports.encodings import check_encoding
    from bot.imports.rows import check_told
    from bot.imports.run import import_chats

    opened = _workspace_or_none(workspace)
    told = _columns(columns)
    check_told(told)
    check_encoding(encoding)
    masking = None if keep_personal_data else _masking(opened)
    folder = opened.chats if opened else Path()
    with _reading([source]) as counted, _all_or_nothing():
        result = import_chats(
            source,
            folder / f"{_name(out or source.resolve().stem)}.jsonl",
            format_name=format_name,
            columns=told,
            agents=agent or (),
            month_first=month_first,
            encoding=encoding,
            masking=masking,
            skip_bad=skip_bad,
            advance=counted("read"),
            gathered=counted("brought together"),
        )
    for fault in result.bad:
        say(f"left out: {fault}")
    if unreadable := result.dropped_conversations["unreadable"]:
        say(f"{unreadable:,} left out by --skip-bad")
    if masking and masking.find_names is None:
        say("names of people are masked only where the chats mark them: no live model finds them")
    if json:
        print_json(result.as_json())
    else:
        _tell_import(result)
    if opened is None:
        say(
            f"there is no workspace here; `frontdesk new DIR --chats {result.path}` makes one of it"
        )


def _workspace_or_none(folder: Path | None) -> "Workspace | None":
    """The workspace; None where none is named and none is around the current folder."""
    from bot.errors import BotError
    from bot.workspace import find_workspace, open_workspace

    try:
        root = folder or find_workspace(Path.cwd())
    except BotError:
        return None
    return open_workspace(root)


def _columns(told: str) -> dict[str, str]:
    """`text=body,speaker=role` as a mapping."""
    from bot.errors import BotError

    pairs = [pair.partition("=") for pair in told.split(",") if pair.strip()]
    if wrong := next((ours for ours, sign, _ in pairs if not sign), None):
        raise BotError(f'--columns: "{wrong}" has no "="; write it as text=body,speaker=role')
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.removesuffix(".jsonl")).strip("-.") or "chats"


@contextmanager
def _reading(paths: Sequence[Path]) -> Iterator["Callable[[str], Advance]"]:
    """Progress in MiB over all these files and folders, stage by stage: what it yields makes of a
    stage's name what is told the bytes that are done."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    total = sum(file.stat().st_size for file in files if file.is_file()) // _MIB
    with progress() as show:
        yield lambda stage: _counted(partial(show, f"{stage} (MiB)"), total)


def _counted(show: Callable[[int, int], None], total: int) -> "Advance":
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        show(min(done // _MIB, total), total)

    return advance


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted; nothing was written: the same command begins again")
        raise


def _masking(opened: "Workspace | None") -> "Masking":
    from bot.imports.run import Masking
    from bot.privacy.masking import NAME_TYPES

    if opened is None:
        return Masking({}, NAME_TYPES)
    return Masking(opened.settings.personal_patterns(), NAME_TYPES, _name_finder(opened))


def _name_finder(opened: "Workspace") -> "FindNames | None":
    """What finds names by the live model; None where there is none that can."""
    from bot.errors import NoModel
    from bot.live import live_model
    from bot.privacy.masking import NAME_TYPES, Span

    try:
        model = live_model(opened)
    except NoModel:
        return None
    if not any(name.lower() in NAME_TYPES for name in model.entity_types):
        return None

    def find(texts: Sequence[str]) -> Sequence[Sequence[Span]]:
        return [
            [Span(e.start, e.end, "name") for e in found if e.type.lower() in NAME_TYPES]
            for found in model.encode_messages(texts)[1]
        ]

    return find


def _tell_import(result: "Imported") -> None:
    rows = [
        *(
            (name, "conversations", f"{n:,}")
            for name, n in sorted(result.dropped_conversations.items())
        ),
        *((name, "messages", f"{n:,}") for name, n in sorted(result.dropped_messages.items())),
    ]
    if rows:
        print_table(("dropped", "", ""), rows)
    if result.guessed:
        print(f"read: {', '.join(result.guessed)}")
    if result.ignored:
        print(f"not read: {', '.join(sorted(result.ignored))}")
    if result.masked:
        print(f"masked: {', '.join(f'{n:,} {kind}' for kind, n in sorted(result.masked.items()))}")
    print(
        f"{result.conversations:,} conversations with {result.messages:,} messages "
        f"from {result.format} are in {result.path}"
    )


# --- stats ---------------------------------------------------------------------------------------


@commands.command()
def stats(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Transcripts or folders of them; without it, the workspace's chats."),
    ] = None,
    workspace: WorkspaceOption = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Show what is in chats: how many, in which languages, how labelled, how long, how alike."""
    from bot.imports.chat_statistics import conversations_in, files_of, statistics
    from bot.workspace import open_workspace

    found = files_of(files or [open_workspace(workspace).chats])
    bad: list[str] = []
    with (
        _reading(found) as counted,
        closing(
            conversations_in(found, bad, skip_bad=skip_bad, advance=counted("read"))
        ) as conversations,
    ):
        result = statistics(conversations)
    result.bad = bad
    say_left_out(bad)
    if result.same_ids:
        say(
            f"{result.same_ids:,} conversations have the id of a different one: "
            "give each its own, or `frontdesk finetune` stops there"
        )
    if json:
        print_json(result.as_json())
    else:
        _tell_statistics(result)


def _tell_statistics(result: "Statistics") -> None:
    figures = result.as_json()
    print_table(("", "count", "share"), _rows(result))
    if result.first and result.last:
        print(f"from {result.first:%Y-%m-%d} to {result.last:%Y-%m-%d}")
    for name in ("turns_per_conversation", "words_per_message", "characters_per_message"):
        print(f"\n{name.replace('_per_', ' a ').replace('_', ' ')}")
        for line in _bars(figures[name]):
            print(line)


def _rows(result: "Statistics") -> Iterator[tuple[str, str, str]]:
    from bot.imports.chat_statistics import LABELS

    customers = result.turns["customer"]
    yield "conversations", f"{result.conversations:,}", ""
    yield "turns of customers", f"{customers:,}", ""
    yield "turns of agents", f"{result.turns['agent']:,}", ""
    yield "different intents", f"{len(result.intents):,}", ""
    for language, count in result.languages.most_common():
        yield _part(f"conversations in {language}", count, result.conversations)
    for name, speaker in LABELS.items():
        yield _part(f"{speaker} turns with {name}", result.labelled[name], result.turns[speaker])
    yield _part("repeated conversations", result.repeated_conversations, result.conversations)
    yield _part("repeated customer messages", result.repeated_messages, customers)
    yield _part(f"near-duplicates among {result.sampled:,}", result.near, result.sampled)


def _part(name: str, part: int, whole: int) -> tuple[str, str, str]:
    return name, f"{part:,}", f"{part / whole:.1%}" if whole else "-"


def _bars(buckets: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line a bucket, the longest bar _BAR wide; a bucket that holds anything shows it."""
    most = max((bucket["count"] for bucket in buckets), default=0)
    for bucket in buckets:
        low, high, count = bucket["from"], bucket["to"], bucket["count"]
        name = f"{low}" if low == high else f"{low}-{high}"
        bar = "#" * (-(-count * _BAR // most) if most else 0)
        yield f"{name:>13}  {bar:<{_BAR}} {count:,}"
