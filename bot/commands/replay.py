"""`frontdesk replay`: what the bot would have done in chats that have happened."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.console import Progress
    from bot.replay import Comparison, Figures, ReplayRow, ReplayStore, Request, Turn
    from bot.replay.compare import FigureChange
    from bot.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    chats: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CHATS", show_default=False, help="Transcripts (.jsonl, .csv) or folders."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    version: Annotated[
        str | None, typer.Option(metavar="NAME", help="A model version other than the live one.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Compare with this model version.")
    ] = None,
    against_workspace: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Compare with the live bot of this workspace."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="How much worse a figure may become.")
    ] = 0.0,
    include_trained: Annotated[
        bool, typer.Option("--include-trained", help="Take chats that the model was trained on.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Processes that answer.")] = 1,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="Where workers are: processes, or ray.")
    ] = "processes",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew where it was replayed before.")
    ] = False,
    show: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Read a replay that is there again.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with all of it.")
    ] = None,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Run every customer turn of past chats and measure the result.

    The turns before it are those of the chat, so the bot is judged as if it had taken over there.
    Exit code 1: compared with another, a figure became worse.
    """
    from bot.replay import ReplayStore, comparison, figures
    from bot.workspace import open_workspace

    _check(chats, show, engine, report)
    opened = open_workspace(workspace)
    if show is not None:
        with progress() as watch, ReplayStore.open(opened.replays) as store:
            found = figures(store, show)
            _write(report, opened, store, show, None, watch)
        return _tell(found, None, json)
    sides = _Sides(opened, version, against, against_workspace)
    options = {
        "include_seen": include_trained, "workers": workers, "engine": engine, "fresh": fresh,
    }  # fmt: skip
    with progress() as watch, ReplayStore.open(opened.replays) as store:
        after, before = _replay(sides, store, chats or [], skip_bad, watch, options)
        found = figures(store, after.id)
        compared = comparison(store, before.id, after.id, tolerance) if before else None
        _write(report, opened, store, after.id, compared, watch)
    for line in _notes(sides.desk, found, include_trained):
        say(line)
    _tell(found, compared, json)
    if compared is not None and compared.worse:
        raise typer.Exit(1)
    return None


def _check(chats: list[Path] | None, show: int | None, engine: str, report: Path | None) -> None:
    if not chats and show is None:
        raise typer.BadParameter("name the chats to replay, or a replay to --show")
    if engine not in ("processes", "ray"):
        raise typer.BadParameter(f"--engine is {engine}; it is processes or ray")
    if report is not None:
        from bot.replay_page import check_path

        check_path(report)


def _write(
    report: Path | None,
    opened: "Workspace",
    store: "ReplayStore",
    replay: int,
    compared: "Comparison | None",
    watch: "Progress",
) -> None:
    """Write the page, where one is wanted."""
    if report is None:
        return
    from bot.replay_page import write_page

    write_page(store, replay, report, bot=opened.settings.name, compared=compared, watch=watch)


class _Sides:
    """The desk that is replayed and, where one is named, the other it is compared with."""

    def __init__(
        self, opened: "Workspace", version: str | None, against: str | None, other: Path | None
    ) -> None:
        from bot.workspace import open_workspace

        self.opened, self.version = opened, version
        self.other: tuple[Workspace, str | None] | None = None
        if against is not None or other is not None:
            self.other = (open_workspace(other) if other else opened, against)
        self.desk: Desk
        self.other_desk: Desk | None = None

    def open(self, watch: "Progress") -> None:
        """Open the desks."""
        self.desk = _desk(self.opened, self.version, watch)
        if self.other is not None:
            self.other_desk = _desk(*self.other, watch)

    def requests(self, **options: Any) -> "Iterator[Request]":
        """What to replay: the desk, and the other one."""
        from bot.replay import Request
        from bot.replay.workers import DeskSource

        desks = [(self.opened, self.desk)]
        if self.other is not None and self.other_desk is not None:
            desks.append((self.other[0], self.other_desk))
        for workspace, desk in desks:
            yield Request(
                desk=desk,
                source=DeskSource(workspace.root.resolve(), desk.model.version),
                workspace="" if workspace is self.opened else str(workspace.root),
                others=[other for _, other in desks if other is not desk],
                **options,
            )


def _desk(workspace: "Workspace", version: str | None, watch: "Progress") -> "Desk":
    from bot.live import desk_of, live_model
    from bot.model import Model
    from finetune.registry import open_version

    if version is None:
        return desk_of(workspace, live_model(workspace), watch)
    return desk_of(workspace, Model.load(open_version(workspace.models, version).folder), watch)


def _replay(
    sides: _Sides,
    store: "ReplayStore",
    chats: list[Path],
    skip_bad: bool,
    watch: "Progress",
    options: dict[str, Any],
) -> "tuple[ReplayRow, ReplayRow | None]":
    """Replay the one side and then the other."""
    from bot.replay import replay
    from finetune.transcripts import ChatStream

    sides.open(watch)
    stream = ChatStream(chats, skip_bad=skip_bad)
    rows = []
    for request in sides.requests(chats=stream, name=", ".join(map(str, chats)), **options):
        try:
            rows.append(replay(request, store, _named(watch, request, sides)))
        except KeyboardInterrupt:
            say("interrupted; what is done is kept: the same command goes on from there")
            raise
        if len(rows) == 1:
            say_left_out(stream.bad)
            for line in stream.warnings:
                say(line)
    return rows[0], rows[1] if len(rows) > 1 else None


def _named(watch: "Progress", request: "Request", sides: _Sides) -> "Progress":
    """Progress that says which of two replays it is of."""
    if sides.other is None:
        return watch
    name = f"{request.workspace} {request.desk.model.version}".strip()
    return lambda stage, done, total: watch(f"{name}: {stage}", done, total)


def _notes(desk: "Desk", found: "Figures", include_trained: bool) -> Iterator[str]:
    from bot.workspace.settings import unlearnt

    yield from unlearnt(desk.settings, desk.model.entity_types)
    if found.excluded:
        yield (
            f"{found.excluded} chats were in the model's training data and are left out"
            " (--include-trained takes them)"
        )
    elif found.seen_in_training and include_trained:
        yield (
            f"{found.seen_in_training} of {found.chats} chats were in the model's training"
            " data: expect less on new ones"
        )
    if found.shift:
        yield found.shift


# --- for people ----------------------------------------------------------------------------------


def _tell(found: "Figures", compared: "Comparison | None", json: bool) -> None:
    if json:
        extra = {"comparison": compared.as_json()} if compared else {}
        return print_json({**found.as_json(), **extra})
    if compared is None:
        print_table(("", "figure", "95 % interval", "of"), list(_rows(found)))
        return print(_last_line(found))
    print_table(("", "before", "after", "difference, 95 % interval", "p", ""), _changes(compared))
    return print(_verdict(compared))


_ROWS = (
    ("automation", "outcome.automation", "chats"),
    ("  involvement", "outcome.involvement", "chats"),
    ("  resolution", "outcome.resolution", "involved"),
    ("  confirmed", "outcome.confirmed", "chats"),
    ("  assumed", "outcome.assumed", "chats"),
    ("containment", "outcome.containment", "chats"),
    ("handoff offered in time", "outcome.offered", "escalated"),
    ("wrong answers", "risk.wrong", "n"),
    ("intent accuracy", "intent.accuracy", "n"),
    ("intent macro F1", "intent.macro_f1", "n"),
    ("intent ECE", "intent.ece", "n"),
    ("out of scope recognised", "intent.oos_recall", "oos_n"),
    ("entity F1", "entities.f1", "n"),
    ("reply R@1", "ranking.r@1", "n"),
    ("reply R@5", "ranking.r@5", "n"),
    ("reply R@10", "ranking.r@10", "n"),
    ("reply MRR", "ranking.mrr", "n"),
    ("reply similarity", "similarity.mean", "n"),
    ("same act as the agent", "agreement.share", "n"),
)
_SHARES = frozenset({"outcome", "decisions", "agreement", "risk"})


def _rows(found: "Figures") -> Iterator[tuple[str, ...]]:
    for title, name, count in _ROWS:
        value = found.value(name)
        if value is not None:
            n = getattr(found, name.partition(".")[0])[count]
            of = found.ranking["candidates"]
            title = f"{title} of {of}" if title.startswith("reply R@") else title
            yield title, _number(name, value), _interval(found, name), f"{n:,}"
    for kind, share in found.decisions.items():
        name = f"decisions.{kind}"
        yield f"decision {kind}", _number(name, share), _interval(found, name), f"{found.turns:,}"


def _number(name: str, value: float) -> str:
    return f"{value:.1%}" if name.partition(".")[0] in _SHARES else f"{value:.3f}"


def _interval(found: "Figures", name: str) -> str:
    bounds = found.intervals.get(name)
    return "" if bounds is None else " to ".join(_number(name, bound) for bound in bounds)


_PROMISES = {
    "held": "kept on these chats",
    "broken": "not kept on these chats",
    "open": "neither confirmed nor refuted by these chats",
    None: "not tried: no answer could be judged",
}


def _last_line(found: "Figures") -> str:
    ms = found.cost["ms"]
    return (
        f"at most {found.risk['max_wrong']:.0%} wrong answers: {_PROMISES[found.risk['promise']]}\n"
        f"replay {found.replay}: {found.turns} turns of {found.chats} chats, "
        f"{found.turns_per_second:.0f} turns a second, p95 {ms['p95']:.1f} ms a turn, "
        f"{found.cost['peak_mib']:.0f} MiB"
    )


def _changes(compared: "Comparison") -> Iterator[tuple[str, ...]]:
    for change in compared.figures:
        if change.decides or change.figure.startswith("decisions."):
            yield (
                change.figure,
                _number(change.figure, change.before),
                _number(change.figure, change.after),
                f"{change.difference:+.3f} ({change.low:+.3f} to {change.high:+.3f})",
                f"{change.p:.3f}",
                "worse" if change.worse else "",
            )


def _verdict(compared: "Comparison") -> str:
    from bot.replies import one_line

    counts = ", ".join(f"{n:,} {change}" for change, n in compared.counts.items())
    listed = [
        f"{pair.change}: {one_line(pair.before.message)[:60]!r}"
        f" {_decided(pair.before)} -> {_decided(pair.after)}"
        for change in ("broken", "fixed")
        for pair in [pair for pair in compared.pairs if pair.change == change][:5]
    ]
    last = (
        f"replays {compared.before.id} and {compared.after.id}, {compared.turns:,} turns: {counts}"
    )
    return "\n".join([*listed, last, _judgement(compared.worse)])


def _decided(turn: "Turn") -> str:
    said = f"{turn.kind} {turn.template or ''}".strip()
    return f"{said} ({turn.intent})" if turn.intent else said


def _judgement(worse: "list[FigureChange]") -> str:
    names = ", ".join(change.figure for change in worse)
    return f"worse: {names}" if worse else "no figure became worse"
