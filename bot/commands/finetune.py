"""`frontdesk finetune`: train a model version on the workspace's chats; live if it is no worse."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.options import JsonOption, SkipBadOption, WorkspaceOption
from bot.console import print_json, print_table, progress, say, say_left_out

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.versions.gate import Release
    from bot.workspace import Workspace
    from finetune.gate import IntentChange, TaskChange, Verdict
    from finetune.run import Request, Result

ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Put the version live although it is worse; it is recorded."),
]
FreshOption = Annotated[
    bool,
    typer.Option(
        "--fresh", help="Start from the pretrained encoder and know the chats that are here alone."
    ),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", min=1, help="Train in so many processes of this machine.")
]
INTENTS_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    app.command()(finetune)


def finetune(
    workspace: WorkspaceOption = None,
    force: ForceOption = False,
    fresh: FreshOption = False,
    processes: ProcessesOption = 1,
    skip_bad: SkipBadOption = False,
    json: JsonOption = False,
) -> None:
    """Train on the chats, and put the result live if it is not worse than the live version.

    It goes on from the live version: new chats are learnt, and a sample of the old ones is
    repeated. Chats that have not changed are not trained on again. Interrupted, it goes on from
    the last finished epoch when it is run again.
    """
    from bot.live import export_base, require_writable
    from bot.versions.gate import release
    from bot.versions.report_page import page_of, write_report
    from bot.workspace import open_workspace

    opened = open_workspace(workspace)
    opened.load_templates()  # a mistake there is better known before the training than after
    require_writable(opened)
    request = make_request(opened, skip_bad=skip_bad, fresh=fresh)
    with progress() as show:
        result = _trained(request, processes, show)
        export_base(opened, show)  # it may find articles better (bot.risk.searching)
        outcome = release(
            opened, result.version, request.conversations, show, force=force, skip_bad=skip_bad
        )
    report = page_of(opened, result.version)
    if outcome.verdict or not report.exists():
        write_report(opened, result.version, outcome.verdict)
    for note in (*result.notes, *outcome.shortcomings):
        say(note)
    say(f"the whole report: {report}")
    if json:
        print_json(as_json(result, outcome) | {"report": str(report)})
    else:
        _tell(result, outcome)


def make_request(
    workspace: "Workspace", *, skip_bad: bool = False, fresh: bool = False
) -> "Request":
    """What the workspace asks to be trained; says what was left out of its chats."""
    from bot.live import encoder_source
    from finetune.logs import LogSettings
    from finetune.methods import Method
    from finetune.run import Request
    from finetune.transcripts import read_chats
    from kb.passages import split

    chats = read_chats([workspace.chats], skip_bad=skip_bad)
    say_left_out(chats.bad)
    for line in chats.warnings:
        say(line)
    articles = workspace.read_articles(skip_bad=skip_bad).articles
    passages = [passage for article in articles for passage in split(article)]
    settings, share = workspace.settings.finetune, workspace.settings.out_of_scope_share
    return Request(
        conversations=chats.conversations,
        models=workspace.models,
        source=encoder_source(workspace),
        base=workspace.root,
        articles=[passage.embedding_text for passage in passages],
        questions=[(passage.question, passage.answer) for passage in passages],
        seed=settings.seed,
        epochs=settings.epochs,
        threads=settings.threads,
        fresh=fresh,
        method=Method(settings.method),
        adapt=settings.adapt,
        logs=LogSettings(settings.tensorboard, settings.wandb),
        out_of_scope_share=None if share == "auto" else share,
    )


def as_json(result: "Result", outcome: "Release") -> dict[str, Any]:
    """The object that `--json` prints."""
    return {
        "version": result.version,
        "live": outcome.live,
        "trained": result.trained,
        "seconds": result.seconds,
        "peak_mib": result.peak_mib,
        "metrics": dict(result.metrics),
        "gate": outcome.verdict.as_json() if outcome.verdict else None,
    }


def _trained(request: "Request", processes: int, show: "Progress") -> "Result":
    from finetune.parallel import launch
    from finetune.run import finetune, unchanged

    before = unchanged(request)
    if before is not None:
        say(f"the chats, articles and settings are those of {before.version}: not trained again")
        return before
    try:
        if processes > 1:
            request = replace(request, threads=1)
        return launch(processes, finetune, request, show)
    except KeyboardInterrupt:
        say("interrupted; run the command again to go on from the last finished epoch")
        raise


# --- what is said about it -----------------------------------------------------------------------


def _tell(result: "Result", outcome: "Release") -> None:
    if rows := list(_figures(result.metrics)):
        print_table(("on held-out chats", "frozen", "fine-tuned", "turns"), rows)
    if outcome.verdict:
        _tell_verdict(outcome.verdict)
    print(_ending(result, outcome))


_ABBREVIATED = {"f1", "ece", "auroc", "mrr", "r@1", "r@5", "r@10"}


def _figures(metrics: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """A row for each figure of each task that the test chats carry."""
    for task, after in metrics["test"].items():
        before = metrics["frozen"].get(task, {})
        for figure, value in after.items():
            if isinstance(value, float):  # counts and tables are of the JSON
                name = f"{_titled(task)} {_named(figure)}"
                was = before.get(figure)
                yield name, "-" if was is None else f"{was:.3f}", f"{value:.3f}", after["n"]


def _titled(task: str) -> str:
    return "reply" if task == "ranking" else task.replace("_", " ")


def _named(figure: str) -> str:
    words = figure.split("_")
    return " ".join(word.upper() if word in _ABBREVIATED else word for word in words)


def _tell_verdict(verdict: "Verdict") -> None:
    if verdict.tasks:
        columns = ("on chats new to both", verdict.live or "", verdict.candidate, "change", "turns")
        print_table((*columns, ""), map(_task_row, verdict.tasks))
    for title, names in (("new intents", verdict.new), ("lost intents", verdict.lost)):
        if names:
            print(f"{title}: {', '.join(names)}")
    for change in verdict.fallen[:INTENTS_SHOWN]:
        _tell_fall(change)
    if len(verdict.fallen) > INTENTS_SHOWN:
        print(f"{len(verdict.fallen) - INTENTS_SHOWN} more intents fell; --json has them all")


def _task_row(change: "TaskChange") -> tuple[object, ...]:
    return (
        f"{_titled(change.task)} {_named(change.figure)}",
        f"{change.live:.3f}",
        f"{change.candidate:.3f}",
        f"{change.difference:+.3f} ({change.low:+.3f} to {change.high:+.3f})",
        change.n,
        "worse" if change.worse else "",
    )


def _tell_fall(change: "IntentChange") -> None:
    print(
        f"{change.intent} fell from {change.live:.2f} to {change.candidate:.2f} "
        f"({change.n} turns; {change.fell} chats worse, {change.rose} better"
        f"{'; more than chance' if change.significant else ''})"
    )
    for example in change.examples:
        text = " ".join(example.text.split())
        print(f'    "{text}" is now {example.guess or "no intent"} ({example.confidence:.2f})')


def _ending(result: "Result", outcome: "Release") -> str:
    version, verdict = result.version, outcome.verdict
    cost = (
        f"; trained in {result.seconds:.0f} s, {result.peak_mib:.0f} MiB" if result.trained else ""
    )
    if verdict is None:
        return f"{version} is live{cost}"
    if outcome.live:
        forced = "" if verdict.passed else " because it was forced"
        return f"{version} is live{forced}{cost}: {verdict.reason}"
    return (
        f"{version} stays a candidate{cost}: {verdict.reason}; "
        f"`frontdesk models use {version}` puts it live anyway"
    )
