"""The words for a decision: a template's wording, quoted passages, or one of our own sentences.

Our own sentences come in several wordings that take turns, so that nobody is told the same thing
twice in a row. What an article or a customer wrote is only ever put in, never interpreted, and
`printable` makes it harmless to a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from bot.decision import Answer, Ask, Cite, Clarify, Decision, Handoff, SmallTalk, Unknown

if TYPE_CHECKING:
    from bot.templates import Templates
    from kb.search import Hit

Language = Literal["en", "zh"]

LONGEST_QUOTE = 700
"""Characters of a passage that a reply quotes; the rest is an article away."""

SENTENCES: Mapping[Language, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "unreadable": (
            "I couldn't find any words in that. Could you type it out for me?",
            "That came through without any words. What can I help you with?",
        ),
        "uncertain": (
            "I'm sorry, I don't know the answer to that."
            ' Try other words, or type "agent" to reach a person.',
            "I don't know that one, I'm afraid."
            ' You can put it another way, or type "agent" and a person will take over.',
        ),
        "out of scope": (
            "I'm sorry, that's something I don't know about."
            ' Type "agent" if you would like a person to help.',
            "I don't know about that, I'm afraid; it's outside what I can help with."
            ' A person may know more: type "agent".',
        ),
        "requested": (
            "Of course. I'm handing you over to a colleague,"
            " who can see what you've told me so far.",
            "Sure, a colleague will take it from here. What you've told me is passed on.",
        ),
        "unknown": (
            "I don't want to keep you guessing, so I'm handing you over to a colleague."
            " What you've told me is passed on.",
            "This one is better answered by a person."
            " I'm handing you over, with what you've told me so far.",
        ),
        "unfilled": (
            "No problem, we can find it another way. I'm handing you over to a colleague,"
            " with what you've told me so far.",
            "That's all right. A colleague will help you from here,"
            " and can see what you've told me.",
        ),
        "ask": ("Could you tell me the {slot}?", "What is the {slot}, please?"),
        "ask again": (
            "Sorry, I couldn't find that in your message. {question}",
            "I didn't catch that, sorry. {question}",
        ),
        "clarify": (
            "Just so I get this right, which of these do you mean?",
            "I want to be sure I understand. Is it one of these?",
        ),
        "choose": ("A number will do, or tell me in other words.",),
        "cite": ("Here is what our help pages say:", "This is from our help pages:"),
        "failed": ("Sorry, something went wrong on my side. Please try that again.",),
    },
    "zh": {
        "unreadable": (
            "这条消息里没有看到文字，可以打字告诉我吗？",
            "我没能读到内容，请用文字说说您需要什么帮助。",
        ),
        "uncertain": (
            "抱歉，这个问题我不知道答案。您可以换个说法，或输入“人工”由同事来帮您。",
            "不好意思，这个我还不知道。换个说法试试，或者输入“人工”转给同事。",
        ),
        "out of scope": (
            "抱歉，这方面我不知道。如需同事帮忙，请输入“人工”。",
            "不好意思，这超出了我知道的范围。输入“人工”，同事也许能帮到您。",
        ),
        "requested": (
            "好的，我这就为您转接同事，您刚才说的内容会一并转过去。",
            "没问题，接下来由同事为您服务，前面的内容他们都能看到。",
        ),
        "unknown": (
            "不想让您反复尝试，我为您转接同事，您刚才说的内容会一并转过去。",
            "这个问题由同事来回答更合适，我这就转接，前面的内容他们都能看到。",
        ),
        "unfilled": (
            "没关系，还有别的办法。我为您转接同事，您刚才说的内容会一并转过去。",
            "没事的，接下来由同事帮您处理，前面的内容他们都能看到。",
        ),
        "ask": ("请告诉我{slot}。", "请问{slot}是什么？"),
        "ask again": (
            "抱歉，刚才的消息里没有找到。{question}",
            "不好意思，我没有看明白。{question}",
        ),
        "clarify": ("为了不弄错，请问您指的是哪一个？", "我想确认一下，您说的是下面哪一个？"),
        "choose": ("回复数字即可，也可以换个说法告诉我。",),
        "cite": ("帮助文档里是这样说的：", "以下内容来自帮助文档："),
        "failed": ("抱歉，我这边出了点问题，请再试一次。",),
    },
}


def render(decision: Decision, templates: Templates, language: Language) -> str:
    """What the customer reads; may be several lines."""
    match decision:
        case Answer() | SmallTalk():
            return _wording(templates, decision.template, decision.wording, decision.slots)
        case Handoff(template=str() as template):
            return _wording(templates, template, decision.wording, decision.summary.slots)
        case Handoff(reason=reason) | Unknown(reason=reason):
            return sentence(language, reason, decision.wording)
        case Ask():
            return _ask(decision, language)
        case Clarify():
            return _clarify(decision, templates, language)
        case Cite():
            return _cite(decision, language)


def sentence(language: Language, name: str, turn: int = 0) -> str:
    """One of our own sentences; `turn` counts how often it was said before."""
    wordings = SENTENCES[language][name]
    return wordings[turn % len(wordings)]


def citations(hits: Sequence[Hit]) -> dict[str, int]:
    """The number that stands for each article in the reply, in order: {article id: number}."""
    articles = dict.fromkeys(hit.passage.article for hit in hits)
    return {article: number for number, article in enumerate(articles, start=1)}


_BREAKS = re.compile(r"\r\n?")
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and newline, delete, C1
    "\u202a-\u202e\u2066-\u2069"  # overrides that reorder what is read
    "\u2028\u2029\ud800-\udfff\ufeff]"  # other line ends, halves of characters, byte-order marks
)


def printable(text: str) -> str:
    r"""The text with all that could steer a terminal spelled out.

    >>> printable("\x1b[31mred\u202e")
    '\\x1b[31mred\\u202e'
    """
    return _UNPRINTABLE.sub(_spelled, _BREAKS.sub("\n", text))


def one_line(text: str) -> str:
    """The text as one printable line, for a pipe.

    >>> one_line("Two\\n\\nlines")
    'Two lines'
    """
    return printable(" ".join(text.split()))


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _wording(templates: Templates, name: str, turn: int, slots: Mapping[str, str]) -> str:
    from bot.templates import fill

    wordings = templates.by_id[name].wordings
    return fill(wordings[turn % len(wordings)], slots)


def _ask(ask: Ask, language: Language) -> str:
    named = sentence(language, "ask", ask.wording).replace("{slot}", ask.slot.replace("_", " "))
    question = ask.question or named
    if not ask.attempt:
        return question
    return sentence(language, "ask again", ask.wording).replace("{question}", question)


def _clarify(clarify: Clarify, templates: Templates, language: Language) -> str:
    titles = [templates.by_id[choice].title for choice in clarify.choices]
    lines = [f"{number}. {title}" for number, title in enumerate(titles, start=1)]
    opening = sentence(language, "clarify", clarify.wording)
    return "\n".join([opening, *lines, sentence(language, "choose")])


def _cite(cite: Cite, language: Language) -> str:
    numbers = citations(cite.hits)
    quotes = [f"{_quote(hit.passage.text)} [{numbers[hit.passage.article]}]" for hit in cite.hits]
    titles = {hit.passage.article: hit.passage.title for hit in cite.hits}
    sources = [f"[{number}] {titles[article]}" for article, number in numbers.items()]
    opening = sentence(language, "cite", cite.wording)
    return "\n\n".join([opening, *quotes, "\n".join(sources)])


_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")


def _quote(text: str) -> str:
    """The passage without its Markdown marks, or as many of its sentences as fit."""
    from kb.markup import plain

    text = plain(text)
    if len(text) <= LONGEST_QUOTE:
        return text
    ends = [found.end() for found in _END.finditer(text, 0, LONGEST_QUOTE)]
    return text[: ends[-1] if ends else LONGEST_QUOTE].rstrip() + " …"
