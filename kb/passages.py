"""An article is cut where its author cut it: at headings, between paragraphs, lists and tables.

A passage is what the encoder sees and what a customer is shown: about 40 to 200 words (two Chinese
characters count as one word) below one heading path. Lists and tables stay whole while they fit;
what does not fit is cut between lines, then between sentences, and only then between words. A
section that only greets or announces ("Welcome to our help pages.") joins the one behind it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from kb.article import Article
from kb.courtesy import is_courtesy
from kb.lexical import UNSPACED
from kb.markup import Block, blocks, plain

LONGEST = 200
"""Words in a passage; MiniLM reads 256 tokens, which is about this much English."""
SHORTEST = 40
"""A last piece below this joins the one before it."""
COURTESIES = 400
"""Characters of a paragraph that may be nothing but courtesies."""
Section = tuple[tuple[str, ...], list[str]]
"""(heading path, texts below it)."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an article, found and cited as one."""

    id: int
    """Stable: a digest of the article's id, the heading path and the text; 53 bits, which a JSON
    number holds in every language."""
    article: str
    """The id of the article."""
    title: str
    headings: tuple[str, ...]
    """The headings above the text, outermost first, without the title."""
    text: str
    """Markdown, as written."""
    source: str

    @property
    def embedding_text(self) -> str:
        """What the encoder and the full-text index see: title, heading path and plain text."""
        return "\n".join(part for part in (self.title, *self.headings, plain(self.text)) if part)

    @property
    def question(self) -> str:
        """What its title and the heading right above it ask."""
        return f"{self.title}: {self.headings[-1]}" if self.headings else self.title

    @property
    def answer(self) -> str:
        """The plain text without its title and headings."""
        return plain(self.text)


def split(article: Article) -> list[Passage]:
    """The passages of one article, in reading order; at least one."""
    found: dict[int, Passage] = {}  # the same text twice under one heading is one passage
    for headings, text in _pieces(article):
        id_ = _id(article.id, headings, text)
        found[id_] = Passage(id_, article.id, article.title, headings, text, article.source)
    return list(found.values())


def _pieces(article: Article) -> Iterator[tuple[tuple[str, ...], str]]:
    if article.faq and size(article.text) <= LONGEST:
        yield (), article.text
        return
    any_text = False
    for headings, section in _joined(_sections(article.title, blocks(article.text))):
        parts = [piece for block in section for piece in _fit(block, LONGEST)]
        for piece in _pack(parts, "\n\n", LONGEST):
            if text := piece.strip("\n").rstrip():
                any_text = True
                yield headings, text
    if not any_text:  # nothing but headings
        yield (), plain(article.text) or article.text


def _sections(title: str, found: list[Block]) -> Iterator[Section]:
    """(heading path, texts below it) for every heading that has text of its own."""
    path: list[Block] = []
    texts: list[str] = []
    for block in [*found, Block(1, "")]:
        if not block.level:
            texts.append(block.text)
            continue
        if texts:
            yield tuple(h.text for h in path if h.text and h.text != title), texts
        path = [h for h in path if h.level < block.level] + [block]
        texts = []


def _joined(sections: Iterable[Section]) -> list[Section]:
    """The sections, each that answers nothing with the next, or at the end with the one before."""
    found: list[Section] = []
    waiting: list[str] = []
    for headings, texts in sections:
        if all(map(_answers_nothing, texts)):
            waiting += texts
        else:
            found.append((headings, waiting + texts))
            waiting = []
    if waiting:
        headings, texts = found.pop() if found else ((), [])
        found.append((headings, texts + waiting))
    return found


def _answers_nothing(block: str) -> bool:
    text = plain(block) if len(block) <= COURTESIES else ""
    return bool(text) and all(map(is_courtesy, _SENTENCE.findall(text)))


def _id(article: str, headings: tuple[str, ...], text: str) -> int:
    content = "\x1f".join((article, *headings, text)).encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(content).digest()[:8]) >> 11


# Cutting

_WORD = re.compile(rf"[{UNSPACED}]{{1,2}}|[^\W{UNSPACED}]{{1,16}}")
_LINE = re.compile(r"[^\n]*\n+|[^\n]+\Z")
_SENTENCE = re.compile(r".+?(?:[.!?…][\"'”’)\]]*\s++(?![a-z])|[。！？；][”’」』）]*\s*|\Z)", re.S)
_SPACED = re.compile(rf"\s*(?:[^\s{UNSPACED}]{{1,80}}|[{UNSPACED}])\s*")
_TABLE_RULE = re.compile(r"\s*+\|?\s*+:?-++[-:|\s]*\Z")


def size(text: str) -> int:
    """The length in words; two characters of a script without spaces count as one.

    >>> size("Order TT-123456 now"), size("怎么退货")
    (4, 2)
    """
    return sum(1 for _ in _WORD.finditer(text))


def _fit(block: str, longest: int) -> list[str]:
    """The block, or its lines, sentences or words in pieces of at most `longest` words."""
    if size(block) <= longest:
        return [block]
    lines = block.split("\n")
    if len(lines) > 2 and "|" in lines[0] and _TABLE_RULE.match(lines[1]):
        return _fit_table("\n".join(lines[:2]), lines[2:], longest)
    for pattern in (_LINE, _SENTENCE, _SPACED):
        parts = pattern.findall(block)
        if len(parts) > 1:
            return _pack([p for part in parts for p in _fit(part, longest)], "", longest)
    return [block]


def _fit_table(head: str, rows: list[str], longest: int) -> list[str]:
    """Rows in pieces, each under the table's head again; a table without its head means nothing."""
    room = max(longest - size(head), SHORTEST)
    parts = [piece for row in rows for piece in _fit(row, room)]
    return [f"{head}\n{piece}" for piece in _pack(parts, "\n", room)]


def _pack(parts: list[str], joint: str, longest: int) -> list[str]:
    """Neighbouring parts joined while they fit; a short last piece joins the one before it."""
    packed: list[list[str]] = []
    sizes: list[int] = []
    for part in parts:
        words = size(part)
        if packed and sizes[-1] + words <= longest:
            packed[-1].append(part)
            sizes[-1] += words
        else:
            packed.append([part])
            sizes.append(words)
    if len(packed) > 1 and sizes[-1] < SHORTEST and sizes[-2] + sizes[-1] <= longest + SHORTEST:
        last = packed.pop()
        packed[-1] += last
    return [joint.join(piece) for piece in packed]
