"""The page of a training run: one HTML file that says what happened and what can be mended.

It opens without a network and works without its script. Nothing in it is from elsewhere: styles,
drawings and the few lines of script are in the file, and its own policy forbids everything else.

    write_page(TrainingReport(bot="Bakery", version="v3", ...), folder / "report.html")
"""

import base64
import hashlib
import secrets
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from finetune.report import measures, results, sections, words
from finetune.report.markup import Html, join, tag
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
    document = tag(
        "html",
        _head(report),
        tag(
            "body",
            tag("a", "To the figures", class_="skip", href="#main"),
            _header(report, [(id_, title) for id_, title, _ in present]),
            tag("main", *(_section(*each) for each in present), id="main"),
            tag("footer", tag("p", f"{report.bot} {report.version}, made {report.created}.")),
            Html(f"<script>{_asset('page.js')}</script>"),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{document}\n"


def write_page(report: TrainingReport, path: Path) -> None:
    """Write the page in one step: a reader sees the old file or the whole new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(page(report), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _head(report: TrainingReport) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{report.bot} {report.version}: the report"),
        Html(f"<style>{_asset('page.css')}</style>"),
    )


def _policy() -> str:
    """Nothing may load, and no script may run but the page's own."""
    digest = base64.b64encode(hashlib.sha256(_asset("page.js").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _header(report: TrainingReport, contents: list[tuple[str, str]]) -> Html:
    links = [tag("li", tag("a", title, href=f"#{id_}")) for id_, title in contents]
    lead = words.promised(report, measures.promise(report))
    return tag(
        "header",
        tag("p", f"{report.bot} · {report.version} · {report.created}", class_="eyebrow"),
        tag("h1", words.headline(report)),
        tag("p", lead, class_="lead") if lead else Html(),
        tag("nav", tag("ul", *links), aria_label="On this page"),
    )


def _section(id_: str, title: str, body: Html) -> Html:
    heading = tag("h2", title, id=f"{id_}-title")
    return tag("section", join([heading, body]), id=id_, aria_labelledby=f"{id_}-title")


@lru_cache
def _asset(name: str) -> str:
    return (files("finetune.report") / name).read_text(encoding="utf-8")
