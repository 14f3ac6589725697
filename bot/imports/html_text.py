"""The text of an HTML message as its reader sees it: paragraphs on lines of their own."""

import re
from html.parser import HTMLParser

_BREAKS = frozenset({
    "p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "blockquote", "pre",
})  # fmt: skip
_HIDDEN = frozenset({"script", "style", "head", "title"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._hidden += tag in _HIDDEN
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """The text in some HTML, without empty lines.

    >>> text_of("<p>Hi &amp; welcome,</p><p>how <b>can</b> I help?</p>")
    'Hi & welcome,\\nhow can I help?'
    """
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (re.sub(" +", " ", line).strip() for line in "".join(parser.pieces).split("\n"))
    return "\n".join(line for line in lines if line)
