"""The page of a training run: one HTML file that says what happened and what can be mended.

It opens without a network and works without its script. Nothing in it is from elsewhere: styles,
drawings and the few lines of script are in the file, and its own policy forbids everything else.

    write_page(TrainingReport(bot="Bakery", version="v3", ...), folder / "report.html")
"""

from pathlib import Path

from finetune.report import measures, results, sections, words
from finetune.report.document import Part, asset, contents, document, script, write_document
from finetune.report.markup import Html, tag
from finetune.report.values import (
    Place,
    Prediction,
    SuspectLabel,
    TornText,
    TrainingReport,
    predictions,
    suspect_labels,
    torn_texts,
)

__all__ = [
    "Place",
    "Prediction",
    "SuspectLabel",
    "TornText",
    "TrainingReport",
    "page",
    "predictions",
    "suspect_labels",
    "torn_texts",
    "write_page",
]

_SECTIONS = (
    ("results", "Before and after", results.results),
    ("gate", "May it go live", sections.gate),
    ("confidence", "What it may answer", sections.confidence),
    ("labels", "Labels to check", sections.labels),
    ("confused", "What it mixes up", sections.confused),
    ("intents", "Intent by intent", sections.intents),
    ("learning", "How it learnt", sections.learning),
    ("made-from", "What it was made from", sections.made_from),
)


def page(report: TrainingReport) -> str:
    """The whole page as HTML; whatever comes from chats is shown as text and can do nothing."""
    made = [(id_, title, draw(report)) for id_, title, draw in _SECTIONS]
    present = [(id_, title, body) for id_, title, body in made if body is not None]
    return document(
        f"{report.bot} {report.version}: the report",
        _header(report, present),
        present,
        tag("footer", tag("p", f"{report.bot} {report.version}, made {report.created}.")),
        styles=asset(__name__, "page.css"),
        scripts=[script(asset(__name__, "page.js"))],
    )


def write_page(report: TrainingReport, path: Path) -> None:
    """Write the page in one step: a reader sees the old file or the whole new one."""
    write_document(page(report), path)


def _header(report: TrainingReport, sections: list[Part]) -> Html:
    lead = words.promised(report, measures.promise(report))
    return tag(
        "header",
        tag("p", f"{report.bot} · {report.version} · {report.created}", class_="eyebrow"),
        tag("h1", words.headline(report)),
        tag("p", lead, class_="lead") if lead else Html(),
        contents(sections),
    )
