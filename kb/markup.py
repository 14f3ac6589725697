"""Markdown and HTML, brought down to one form: Markdown blocks in source order.

Markdown is parsed (markdown-it-py, CommonMark and tables), never matched line by line, so a `#`
inside a code fence is not a heading. Blocks are slices of the source: nothing is rewritten.
HTML is streamed through the standard library's parser, which takes any nesting and any broken tag,
and comes out as Markdown; what is only page furniture (scripts, navigation, footers) is left out.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block of a document: a heading (level 1-6) or anything else (level 0)."""

    level: int
    text: str


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def blocks(text: str) -> list[Block]:
    """The top-level blocks of a Markdown text; HTML blocks inside it are turned into Markdown."""
    found: list[Block] = []
    for block in _blocks(text):
        if block.level < 0:
            found += [b for b in _blocks(html_to_markdown(block.text).text) if b.level >= 0]
        else:
            found.append(block)
    return found


def _blocks(text: str) -> list[Block]:
    """Top-level blocks, where an HTML block has level -1."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    tokens = _parser().parse(text)
    found: list[Block] = []
    for i, token in enumerate(tokens):
        if token.level or token.map is None or token.type == "hr":
            continue
        source = "\n".join(lines[slice(*token.map)]).rstrip()
        if token.type == "heading_open":
            found.append(Block(int(token.tag[1]), plain(tokens[i + 1].content)))
        else:
            found.append(Block(-1 if token.type == "html_block" else 0, source))
    return found


def first_heading(text: str) -> str | None:
    """The first heading of the first level, or None."""
    return next((block.text for block in blocks(text) if block.level == 1), None)


_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S | re.M)


def split_front_matter(text: str) -> tuple[str, str]:
    """(front matter, body) of a Markdown text; the front matter is "" where there is none."""
    match = _FRONT_MATTER.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


_FORMATTING = r"a|b|br|code|em|font|i|img|kbd|mark|small|span|strong|sub|sup|u"
_PLAIN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^[ \t]*(?:```|~~~).*$", re.M), ""),  # code fences, their content stays
    (
        re.compile(r"^[ \t]*+\|?[ \t]*+:?-{2,}+[-:| \t]*+$", re.M),
        "",
    ),  # the rule under a table's head
    (
        re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:[ \t]+\"[^\"]*\")?\)"),
        r"\1",
    ),
    (re.compile(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]"), r"\1"),
    (re.compile(rf"</?(?:{_FORMATTING})(?:\s[^<>]*)?/?>", re.I), " "),
    (re.compile(r"\*\*|`+|^[ \t]*(?:>[ \t]?|#{1,6}[ \t]+)+", re.M), ""),
    (re.compile(r"(?<!\\)\|"), " "),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r" ?\n\s*"), "\n"),
)


def plain(text: str) -> str:
    """Markdown without its marks: what an encoder, a full-text index or a terminal should see.

    >>> plain("See [the **form**](https://x.example/f), then `send` it.")
    'See the form, then send it.'
    """
    for pattern, replacement in _PLAIN:
        text = pattern.sub(replacement, text)
    return text.strip()


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page as Markdown, with the title of its head ("" where it has none)."""

    title: str
    text: str


def html_to_markdown(html: str) -> Page:
    """The readable text of an HTML page or fragment, as Markdown."""
    page = _convert(html, _FURNITURE | _INVISIBLE, only_main="<main" in html.casefold())
    # A <nav> or <main> that is never closed must not swallow the page.
    return page if page.text else _convert(html, _INVISIBLE, only_main=False)


def _convert(html: str, skipped: frozenset[str], *, only_main: bool) -> Page:
    converter = _Converter(skipped, only_main)
    converter.feed(html)
    converter.close()
    return converter.page()


_INVISIBLE = frozenset({"script", "style", "template", "noscript", "svg", "iframe"})
_FURNITURE = frozenset({"nav", "footer", "button", "select"})
_BREAKS = re.compile(
    "address|article|aside|blockquote|body|d[dlt]|details|div|fieldset|fig(caption|ure)|footer|form"
    "|h[1-6r]|header|li|main|nav|[ou]l|p|pre|section|summary|table|tr"
)
_PREFIXED = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "ul"})
_STRUCTURAL = re.compile(r"^(#{1,6}(?=\s)|`{3,}|~{3,})")


@dataclass(slots=True)
class _State:
    blocks: list[tuple[str, str]] = field(default_factory=list)  # (kind, text)
    buffer: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)  # -1 for <ul>, else the last number given
    row: list[str] | None = None
    prefix: str = ""
    skipping: int = 0
    main: int = 0
    in_title: bool = False
    in_pre: bool = False


class _Converter(HTMLParser):
    """Streams HTML into blocks; inheritance is how the standard library's parser is used."""

    def __init__(self, skipped: frozenset[str], only_main: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._skipped, self._only_main = skipped, only_main
        self._state = _State()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        state = self._state
        state.skipping += tag in self._skipped
        if tag == "title" and not state.blocks:
            state.in_title = True
        if _BREAKS.fullmatch(tag):
            self._flush()
        if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            state.prefix = "#" * int(tag[1]) + " "
        elif tag in ("ul", "ol"):
            state.lists.append(-1 if tag == "ul" else 0)
        elif tag == "li":
            state.prefix = self._bullet()
        elif tag == "tr":
            state.row = []
        elif tag == "br":
            state.buffer.append("\n")
        elif tag == "code" and not state.in_pre:
            state.buffer.append("`")
        elif tag == "pre" and state.row is None:
            state.in_pre = True
        elif tag == "main":
            state.main += 1

    def handle_endtag(self, tag: str) -> None:
        state = self._state
        if _BREAKS.fullmatch(tag):
            self._flush()
        if tag in _PREFIXED:
            state.prefix = ""  # of an empty heading or item
        if tag in self._skipped:
            state.skipping = max(0, state.skipping - 1)
        elif tag == "title":
            state.in_title = False
        elif tag in ("ul", "ol") and state.lists:
            state.lists.pop()
        elif tag in ("td", "th") and state.row is not None:
            state.row.append(self._take().replace("\n", " ").replace("|", "\\|"))
        elif tag in ("tr", "table"):
            self._end_row()
        elif tag == "code" and not state.in_pre:
            state.buffer.append("`")
        elif tag == "main":
            state.main -= 1

    def handle_data(self, data: str) -> None:
        state = self._state
        if state.in_title:
            state.title.append(data)
        elif not state.skipping and (state.main > 0 or not self._only_main):
            state.buffer.append(data if state.in_pre else re.sub(r"\s+", " ", data))

    def page(self) -> Page:
        """The page read so far."""
        self._flush()
        self._end_row()
        parts: list[str] = []
        for (kind, text), before in zip(
            self._state.blocks, [("", ""), *self._state.blocks], strict=False
        ):
            tight = kind == before[0] and kind in ("item", "row")
            parts.append(("\n" if tight else "\n\n") + text)
        return Page(" ".join("".join(self._state.title).split()), "".join(parts).strip())

    def _bullet(self) -> str:
        lists = self._state.lists
        indent = "   " * (len(lists) - 1)
        if not lists or lists[-1] < 0:
            return indent + "- "
        lists[-1] += 1
        return f"{indent}{lists[-1]}. "

    def _take(self) -> str:
        """The buffered inline text, its white space folded."""
        text = "".join(self._state.buffer)
        self._state.buffer.clear()
        return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()

    def _flush(self) -> None:
        state = self._state
        if state.row is not None:  # blocks inside a table cell become one line
            state.buffer.append(" ")
        elif state.in_pre:
            self._flush_code()
        elif text := self._take():
            kind = "item" if state.prefix.lstrip()[:1] not in ("", "#") else "text"
            body = text if state.prefix else _STRUCTURAL.sub(r"\\\1", text)
            state.blocks.append(
                (kind, state.prefix + body.replace("\n", " " if kind == "item" else "\n"))
            )
            state.prefix = ""

    def _flush_code(self) -> None:
        code = "".join(self._state.buffer).strip("\n")
        self._state.buffer.clear()
        self._state.in_pre = False
        if code.strip():
            self._state.blocks.append(("code", f"```\n{code}\n```"))

    def _end_row(self) -> None:
        state = self._state
        if state.row is None:
            return
        if rest := self._take():  # a cell that was never closed
            state.row.append(rest.replace("\n", " "))
        first = not state.blocks or state.blocks[-1][0] != "row"
        if any(state.row):
            state.blocks.append(("row", f"| {' | '.join(state.row)} |"))
            if first:
                state.blocks.append(("row", "|" + " --- |" * len(state.row)))
        state.row = None
