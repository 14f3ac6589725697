"""A whole page in one file: its own styles, its own scripts, and a policy that forbids all else."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from finetune.report.markup import Html, join, tag

Part = tuple[str, str, Html]
"""A section: its id, its title, its body."""


def document(
    title: str,
    header: Html,
    sections: Sequence[Part],
    footer: Html,
    styles: str,
    scripts: Sequence[Html],
    data: str = "",
) -> str:
    """The page as text. `data` is put before the scripts, which may read it."""
    made = tag(
        "html",
        _head(title, styles, scripts),
        tag(
            "body",
            tag("a", "To the figures", class_="skip", href="#main"),
            header,
            tag("main", *(_section(*each) for each in sections), id="main"),
            footer,
            data,
            *scripts,
        ),
        lang="en",
    )
    return f"<!doctype html>\n{made}\n"


def script(source: str, kind: str | None = None) -> Html:
    """A script of the page's own, which its policy lets run; `kind` may be "module"."""
    opening = f'<script type="{kind}">' if kind else "<script>"
    return Html(f"{opening}{source}</script>")


def contents(sections: Sequence[Part]) -> Html:
    """Links to the sections."""
    links = [tag("li", tag("a", title, href=f"#{id_}")) for id_, title, _ in sections]
    return tag("nav", tag("ul", *links), aria_label="On this page")


def write_document(text: str, path: Path) -> None:
    """Write a page in one step: a reader sees the old file or the whole new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@lru_cache
def asset(package: str, name: str) -> str:
    """A file that lies beside a package's modules."""
    return (files(package) / name).read_text(encoding="utf-8")


def _head(title: str, styles: str, scripts: Sequence[Html]) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        Html(f"<style>{styles}</style>"),
    )


def _policy(scripts: Sequence[Html]) -> str:
    """Nothing may load, and no script may run but the page's own."""
    hashes = [
        f"'sha256-{_digest(each[each.index('>') + 1 : -len('</script>')])}'" for each in scripts
    ]
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {' '.join(hashes)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _section(id_: str, title: str, body: Html) -> Html:
    heading = tag("h2", title, id=f"{id_}-title")
    return tag("section", join([heading, body]), id=id_, aria_labelledby=f"{id_}-title")
