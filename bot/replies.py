"""The words for a decision: a template's wording, quoted passages, or one of our own sentences.

Our own sentences come in several wordings that take turns, so that nobody is told the same thing
twice in a row. What an article or a customer wrote is only ever put in, never interpreted, and
`printable` makes it harmless to a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from bot.decision import (
    Answer,
    Ask,
    Cite,
    Clarify,
    Decision,
    Handoff,
    Part,
    Quote,
    Several,
    SmallTalk,
    Unknown,
)
from bot.dialogue.tone import in_upset_run
from bot.sentences import CHINESE, ENGLISH, UPSET

if TYPE_CHECKING:
    from bot.templates import Templates
    from kb.search import Hit

Language = Literal["en", "zh"]

LONGEST_QUOTE = 700
"""Characters of a passage that a reply quotes; the rest is an article away."""

SENTENCES: Mapping[Language, Mapping[str, tuple[str, ...]]] = {
    "en": {
        **ENGLISH,
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
        "corrected": ("Got it, {value}.", "{value}, noted."),
        "confirm": (
            "Just to be sure: {what}. Shall I go ahead?",
            "Before I do it: {what}. Is that right?",
        ),
        "confirm again": ("Is that a yes or a no? {question}", "Yes or no? {question}"),
        "declined": (
            "All right, I haven't done it. Tell me what to change, or ask me something else.",
            "No problem, I'll leave it. What should be different?",
        ),
        "action failed": (
            "I'm sorry, that didn't work just now. You can try again in a while.",
            "Sorry, I couldn't get that done. It may work later.",
        ),
        "reach a person": (
            'Type "agent" to reach a person.',
            'A person can help, too: type "agent".',
        ),
        "clarify": (
            "Just so I get this right, which of these do you mean?",
            "I want to be sure I understand. Is it one of these?",
        ),
        "not found": (
            "I found nothing about {parts}, though.",
            "What our help pages don't tell me is {parts}.",
        ),
        "two": (" and ",),
        "choose": ("A number will do, or tell me in other words.",),
        "cite": ("Here is what our help pages say:", "This is from our help pages:"),
        "failed": ("Sorry, something went wrong on my side. Please try that again.",),
    },
    "zh": {
        **CHINESE,
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
        "corrected": ("好的，改为{value}。", "记下了，是{value}。"),
        "confirm": ("跟您确认一下：{what}，可以吗？", "办理之前确认一下：{what}，对吗？"),
        "confirm again": ("请问可以还是不可以？{question}", "请回复“是”或“不是”。{question}"),
        "declined": (
            "好的，我先不办理。哪里需要改，直接告诉我就行。",
            "没问题，先不办了。您想怎么改？",
        ),
        "action failed": (
            "抱歉，刚才没有办成，您可以过一会儿再试。",
            "不好意思，这次没有成功，稍后可能就好了。",
        ),
        "reach a person": ("输入“人工”可以转给同事。", "您也可以输入“人工”，由同事来办。"),
        "clarify": ("为了不弄错，请问您指的是哪一个？", "我想确认一下，您说的是下面哪一个？"),
        "not found": (
            "不过，没有找到关于{parts}的内容。",
            "至于{parts}，帮助文档里没有写到。",
        ),
        "two": ("和",),
        "choose": ("回复数字即可，也可以换个说法告诉我。",),
        "cite": ("帮助文档里是这样说的：", "以下内容来自帮助文档："),
        "failed": ("抱歉，我这边出了点问题，请再试一次。",),
    },
}


def render(decision: Decision, templates: Templates, language: Language) -> str:
    """What the customer reads; may be several lines."""
    said = [_several(decision, templates, language)] if isinstance(decision, Several) else []
    if not isinstance(decision, Several):
        said = [_said(decision, templates, language), *_back_to(decision, templates, language)]
    if decision.evidence.offers:
        asks = isinstance(decision, Ask | Clarify | Several) or len(said) > 1
        said.append(sentence(language, "offer by word" if asks else "offer"))
    return "\n\n".join(said)


def _several(several: Several, templates: Templates, language: Language) -> str:
    """One after the other; of two questions the last, as the bot comes back to the other one."""
    asks = [part for part in several.parts if isinstance(part, Ask)]
    replies = []
    for part, text in zip(several.parts, several.texts, strict=True):
        if isinstance(part, Unknown):
            replies.append(sentence(language, "not understood").replace("{text}", text))
        elif part not in asks[:-1]:
            replies.append(_said(part, templates, language))
    return "\n\n".join(replies)


def _back_to(decision: Part, templates: Templates, language: Language) -> list[str]:
    """The question of a request that had given way, where the reply comes back to it."""
    ask = decision.then if isinstance(decision, Answer | Cite | SmallTalk) else None
    if ask is None:
        return []
    question = _ask(replace(ask, attempt=0), templates, language)
    said = sentence(language, "back to").replace("{title}", templates.by_id[ask.template].title)
    asked_for = isinstance(decision, SmallTalk) and decision.sentence in ("needed", "told")
    return [question if asked_for else said.replace("{question}", question)]


def _said(decision: Part, templates: Templates, language: Language) -> str:
    match decision:
        case SmallTalk(sentence=str(), choices=choices) if choices:
            return _titles(decision, choices, templates, language)
        case SmallTalk(sentence=str() as name):
            return own(language, name, decision)
        case Answer():
            return _answer(decision, templates, language)
        case SmallTalk(template=str() as name):
            return _wording(templates, name, decision.wording, decision.slots)
        case SmallTalk():
            raise ValueError("small talk has a template or a sentence")
        case Handoff(template=str() as template):
            return _wording(templates, template, decision.wording, decision.summary.slots)
        case Handoff(reason=reason) | Unknown(reason=reason):
            return own(language, reason, decision)
        case Ask():
            return _ask(decision, templates, language)
        case Clarify():
            return _clarify(decision, templates, language)
        case Cite():
            return _cite(decision, language)


def own(language: Language, name: str, decision: Decision) -> str:
    """One of our own sentences, as the decision's turn and tone have it."""
    sorry = name + UPSET
    upset = in_upset_run(decision.evidence.upset) and sorry in SENTENCES[language]
    return sentence(language, sorry if upset else name, decision.wording)


def sentence(language: Language, name: str, turn: int = 0) -> str:
    """One of our own sentences; `turn` counts how often it was said before."""
    wordings = SENTENCES[language][name]
    return wordings[turn % len(wordings)]


def language_of(text: str) -> Language | None:
    """The language a message is plainly in, by its script and its small words; None where that does
    not say, as of a number, a name or another language.

    >>> language_of("退款到哪了 TT-12?"), language_of("where is it?"), language_of("TT-12")
    ('zh', 'en', None)
    """
    if _HAN.search(text):
        return None if _KANA.search(text) else "zh"
    return "en" if _SMALL_WORDS.search(text) else None


def citations(hits: Sequence[Hit]) -> dict[str, int]:
    """The number that stands for each article in the reply, in order: {article id: number}."""
    articles = dict.fromkeys(hit.passage.article for hit in hits)
    return {article: number for number, article in enumerate(articles, start=1)}


_HAN, _KANA = re.compile("[\u3400-\u9fff]"), re.compile("[\u3040-\u30ff]")
_SMALL_WORDS = re.compile(
    r"\b(?:the|this|that|it|i|you|my|your|is|are|was|do|does|did|can|could|how|what|where|when|why"
    r"|who|please|thanks|thank|hello|hi|and|or|not|to|for|of|with|have|has|want|need)\b",
    re.IGNORECASE,
)
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


def _answer(answer: Answer, templates: Templates, language: Language) -> str:
    from bot.templates import fill, slot_names

    template = templates.by_id[answer.template]
    if answer.outcome is not None and answer.outcome.failure is not None:
        return _failure(answer, template.failure, language)
    wording = template.wordings[answer.wording % len(template.wordings)]
    returned = answer.outcome.returned if answer.outcome else {}
    # In a replay no action is run, and what it would return stands there by its name.
    unknown = {name: f"{{{name}}}" for name in slot_names(wording)} if answer.action else {}
    return fill(wording, {**unknown, **answer.slots, **returned})


def _failure(answer: Answer, wordings: Sequence[str], language: Language) -> str:
    """What is said instead of an answer: the owner's words or ours, and how to reach a person."""
    from bot.templates import fill

    said = (
        fill(wordings[answer.wording % len(wordings)], answer.slots)
        if wordings
        else sentence(language, "action failed", answer.wording)
    )
    return _joined(language, said, sentence(language, "reach a person", answer.wording))


def _joined(language: Language, *sentences: str) -> str:
    return ("" if language == "zh" else " ").join(filter(None, sentences))


def _ask(ask: Ask, templates: Templates, language: Language) -> str:
    if ask.confirming:
        return _confirm(ask, templates, language)
    named = sentence(language, "ask", ask.wording).replace("{slot}", ask.slot.replace("_", " "))
    question = ask.question or named
    if ask.complaint:
        return _joined(language, ask.complaint, question)
    if ask.corrected:
        noted = sentence(language, "corrected", ask.wording).replace("{value}", ask.corrected)
        return _joined(language, noted, question)
    if not ask.attempt:
        return question
    return own(language, "ask again", ask).replace("{question}", question)


def _confirm(ask: Ask, templates: Templates, language: Language) -> str:
    """The owner's question to go ahead, or ours, with what is known read out."""
    template = templates.by_id[ask.template]
    values = [ask.slots[slot] for slot in template.slots if ask.slots.get(slot)]
    read_out = ("（{}）" if language == "zh" else " ({})").format(", ".join(values))
    what = template.title + (read_out if values else "")
    question = ask.question or sentence(language, "confirm", ask.wording).replace("{what}", what)
    if not ask.attempt:
        return question
    return sentence(language, "confirm again", ask.wording).replace("{question}", question)


def _clarify(clarify: Clarify, templates: Templates, language: Language) -> str:
    return _listed(own(language, "clarify", clarify), clarify.choices, templates, language)


def _titles(
    said: SmallTalk, choices: Sequence[str], templates: Templates, language: Language
) -> str:
    return _listed(own(language, said.sentence or "", said), choices, templates, language)


def _listed(opening: str, choices: Sequence[str], templates: Templates, language: Language) -> str:
    titles = [templates.by_id[choice].title for choice in choices]
    lines = [f"{number}. {title}" for number, title in enumerate(titles, start=1)]
    return "\n".join([opening, *lines, sentence(language, "choose")])


def _cite(cite: Cite, language: Language) -> str:
    numbers = citations(cite.hits)
    marks = [f"[{numbers[hit.passage.article]}]" for hit in cite.hits]
    titles = {hit.passage.article: hit.passage.title for hit in cite.hits}
    sources = "\n".join(f"[{number}] {titles[article]}" for article, number in numbers.items())
    opening = own(language, "cite", cite)
    return "\n\n".join([opening, *_paragraphs(cite, marks), *_not_found(cite, language), sources])


def _paragraphs(cite: Cite, marks: Sequence[str]) -> list[str]:
    """What is said of each passage, with its mark; whole passages where nothing was chosen."""
    if cite.phrased:
        said = [(text, marks[cite.quotes[place].hit]) for text, place in cite.phrased]
        return [" ".join(f"{text} {mark}" for text, mark in said)]
    if not cite.quotes:
        return [f"{_quote(hit.passage.text)} {m}" for hit, m in zip(cite.hits, marks, strict=True)]
    paragraphs = ([q for q in cite.quotes if q.hit == hit] for hit in range(len(cite.hits)))
    return [_quoted(cite, some, marks[some[0].hit]) for some in paragraphs if some]


def _quoted(cite: Cite, quotes: Sequence[Quote], mark: str) -> str:
    """Sentences of one passage: those in a row as they stand there, a mark after each row, and
    dots where something is left out."""
    text = cite.hits[quotes[0].hit].passage.text
    said = quotes[0].text
    for before, quote in pairwise(quotes):
        between = text[before.end : quote.start]
        joint = "\n" if "\n" in between else " " if between else ""
        said += f" {mark} … {quote.text}" if between.strip() else joint + quote.text
    return f"{said} {mark}"


def _not_found(cite: Cite, language: Language) -> list[str]:
    """What the passages do not cover of the question."""
    if not cite.missing:
        return []
    parts = sentence(language, "two").join(f"“{part}”" for part in cite.missing)
    return [own(language, "not found", cite).replace("{parts}", parts)]


_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")


def _quote(text: str) -> str:
    """The passage without its Markdown marks, or as many of its sentences as fit."""
    from kb.markup import plain

    text = plain(text)
    if len(text) <= LONGEST_QUOTE:
        return text
    ends = [found.end() for found in _END.finditer(text, 0, LONGEST_QUOTE)]
    return text[: ends[-1] if ends else LONGEST_QUOTE].rstrip() + " …"
