"""The page of a replay: one HTML file with its figures, its drawings and all of its turns.

It opens without a network. The drawings and figures need no script; the table of turns is drawn by
one, a screenful at a time, from columns that the file carries (`packing`).

    write_page(store, 3, Path("replay.html"), bot="Bakery")
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from bot.console import Progress
from bot.dialogue import RULES
from bot.errors import BotError
from bot.replay import Comparison, ReplayStore, figures
from bot.replay_page import sections, tables, words
from bot.replay_page.counting import counted
from bot.replay_page.packing import Packed, Pair, packed
from bot.replay_page.values import ReplayReport
from finetune.report.document import Part, asset, contents, document, script, write_document
from finetune.report.markup import Html, tag

__all__ = ["check_path", "page", "write_page"]

T = TypeVar("T")
MOST = 200_000
"""Turns in the table; of more, evenly spread chats are taken."""
_SECTIONS = (
    ("compared", "Before and after", sections.comparison),
    ("risk", "What it may answer", sections.confidence),
    ("outcome", "What would have become of the chats", sections.outcome),
    ("confused", "What it mixes up", sections.confused),
    ("figures", "All figures", tables.figures),
    ("turns", "Turn by turn", sections.turns),
    ("made-from", "What was replayed", tables.made_from),
)
_SCRIPTS = ("unpack.js", "evidence.js", "grid.js", "filters.js")


def check_path(path: Path) -> None:
    """Refuse a path that no page can be written to, before the work is done. Raises BotError."""
    if path.is_dir():
        raise BotError(
            f"{path} is a folder; name a file for the report, such as {path}/replay.html"
        )
    if not path.parent.is_dir():
        raise BotError(f"{path.parent} does not exist; make that folder for the report first")


def write_page(
    store: ReplayStore,
    replay: int,
    path: Path,
    *,
    bot: str,
    compared: Comparison | None = None,
    watch: Progress = lambda _stage, _done, _total: None,
) -> None:
    """Write the page of a finished replay, and of its comparison with an earlier one.

    Raises:
        BotError: there is no such replay, it is not finished, or the path cannot be written to.
    """
    check_path(path)
    found = figures(store, replay)
    turns = store.turns(replay, light=True)
    report = ReplayReport(
        bot=bot,
        row=store.replay(replay),
        figures=found,
        counted=counted(_watched(turns, "count the turns", found.turns, watch)),
        packed=_packed(store, replay, compared, found.turns, watch),
        compared=compared,
    )
    write_document(page(report), path)


def page(report: ReplayReport) -> str:
    """The whole page as HTML; whatever comes from chats is shown as text and can do nothing."""
    made = [(id_, title, draw(report)) for id_, title, draw in _SECTIONS]
    present = [(id_, title, body) for id_, title, body in made if body is not None]
    row = report.row
    return document(
        f"{report.bot} {row.version}: replay {row.id}",
        _header(report, present),
        present,
        tag("footer", tag("p", f"{report.bot} {row.version}, replay {row.id}, {row.at[:10]}.")),
        styles=asset("finetune.report", "page.css") + asset(__name__, "page.css"),
        scripts=[
            script(asset("finetune.report", "page.js")),
            script("\n".join(asset(__name__, name) for name in _SCRIPTS), "module"),
        ],
        data=_data(report.packed),
    )


def _header(report: ReplayReport, present: list[Part]) -> Html:
    row, found = report.row, report.figures
    about = (
        report.bot,
        row.version,
        row.at[:10],
        f"{found.turns:,} turns of {found.chats:,} chats",
    )
    return tag(
        "header",
        tag("p", " · ".join(about), class_="eyebrow"),
        tag("h1", words.headline(found)),
        tag("p", words.lead(found), class_="lead"),
        *(tag("p", note, class_="hint") for note in words.notes(found)),
        contents(present),
    )


def _packed(
    store: ReplayStore, replay: int, compared: Comparison | None, turns: int, watch: Progress
) -> Packed:
    every = -(-turns // MOST)
    after = store.turns(replay, every=every)
    pairs: Iterator[Pair]
    if compared is None:
        pairs = ((turn, None) for turn in after)
    else:
        pairs = zip(after, store.turns(compared.before.id, every=every), strict=True)
    about = {"rules": dict(RULES), "changes": words.CHANGES}
    return packed(_watched(pairs, "write the page", turns // every, watch), every, about)


def _watched(things: Iterable[T], stage: str, total: int, watch: Progress) -> Iterator[T]:
    for done, thing in enumerate(things):
        if done % 500 == 0:
            watch(stage, min(done, total), total)
        yield thing
    watch(stage, total, total)


def _data(found: Packed) -> Html:
    """The packed turns, in elements that hold no markup and run nothing."""
    parts = [Html(f'<script type="text/plain" id="columns">{found.columns}</script>')]
    parts += [
        Html(f'<script type="text/plain" class="block">{each}</script>') for each in found.blocks
    ]
    return Html("".join(parts))
