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
from typing import TYPE_CHECKING

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
    parts_of,
)
from bot.dialogue.tone import in_upset_run
from bot.own_sentences import SENTENCES as SENTENCES
from bot.own_sentences import UPSET
from bot.own_sentences import Language as Language
from bot.scripts import HAN

if TYPE_CHECKING:
    from bot.workspace.templates import Templates

MOST_RETURNS = 2
"""How often a reply to something else comes back to the same open question."""
LONGEST_QUOTE = 700
"""Characters of a passage that a reply quotes; the rest is an article away."""


def render(decision: Decision, templates: Templates, language: Language) -> str:
    """What the customer reads; may be several lines."""
    numbers = citations(decision)
    if isinstance(decision, Several):
        said = [_several(decision, templates, language, numbers)]
    else:
        said = [
            _said(decision, templates, language, numbers),
            *_back_to(decision, templates, language),
        ]
    if decision.evidence.offers:
        said.append(sentence(language, _offer(decision, asks=len(said) > 1)))
    return "\n\n".join(said)


def _offer(decision: Decision, *, asks: bool) -> str:
    """The sentence that offers a person, where a reply asks something else already or does not."""
    if asks or isinstance(decision, Ask | Clarify | Several):
        return "offer by word"
    return "offer" if in_upset_run(decision.evidence.upset) else "offer instead"


def _several(
    several: Several, templates: Templates, language: Language, numbers: Mapping[str, int]
) -> str:
    """One after the other; of two questions the last, as the bot comes back to the other one."""
    asks = [part for part in several.parts if isinstance(part, Ask)]
    replies, left = [], 0
    for part, text in zip(several.parts, several.texts, strict=True):
        if isinstance(part, Unknown):
            replies.append(sentence(language, "not understood", left).replace("{text}", text))
            left += 1
        elif part not in asks[:-1]:
            replies.append(_said(part, templates, language, numbers))
    return "\n\n".join(replies)


def _back_to(decision: Part, templates: Templates, language: Language) -> list[str]:
    """The question of a request that had given way, where the reply comes back to it."""
    ask = decision.then if isinstance(decision, Answer | Cite | SmallTalk) else None
    if ask is None:
        return []
    template = templates.by_id[ask.template]
    question = _ask(replace(ask, attempt=0), templates, language)
    if isinstance(decision, SmallTalk) and decision.sentence in ("needed", "told"):
        return [question]
    if ask.returns > MOST_RETURNS:  # it stays open, and is not pressed
        return []
    if any(intent.name in template.intents for intent in decision.evidence.intents[:1]):
        return [question]  # no other matter
    said = sentence(language, "back to").replace("{title}", template.title)
    return [said.replace("{question}", question)]


def _said(
    decision: Part, templates: Templates, language: Language, numbers: Mapping[str, int]
) -> str:
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
            return _cite(decision, language, numbers)


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


def citations(decision: Decision) -> dict[str, int]:
    """The number that stands for each article in the reply, in order: {article id: number}. Of
    several requests they are numbered through."""
    cited = (part.hits for part in parts_of(decision) if isinstance(part, Cite))
    articles = dict.fromkeys(hit.passage.article for hits in cited for hit in hits)
    return {article: number for number, article in enumerate(articles, start=1)}


_HAN, _KANA = re.compile(HAN), re.compile("[\u3040-\u30ff]")
_SMALL_WORDS = re.compile(
    r"\b(?:the|this|that|it|i|you|my|your|is|are|was|do|does|did|can|could|how|what|where|when|why"
    r"|who|please|thanks|thank|hello|hi|and|or|not|to|for|of|with|have|has|want|need)\b",
    re.IGNORECASE,
)
_SOURCES = re.compile(r"(?:(?<=\n\n)|^)\[\d+\] [^\n]+(?:\n\[\d+\] [^\n]+)*(?=\n\n|$)")
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


def in_a_line(reply: str) -> str:
    """A reply as one printable line, for a pipe: its list of sources, which would run on from the
    last mark, stands in brackets.

    >>> in_a_line("In 30 days. [1] [2]\\n\\n[1] Returns\\n[2] Parcels")
    'In 30 days. [1] [2] ([1] Returns; [2] Parcels)'
    """
    return one_line(_SOURCES.sub(lambda found: "(" + found[0].replace("\n", "; ") + ")", reply))


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _wording(templates: Templates, name: str, turn: int, slots: Mapping[str, str]) -> str:
    from bot.workspace.templates import fill

    wordings = templates.by_id[name].wordings
    return fill(wordings[turn % len(wordings)], slots)


def _answer(answer: Answer, templates: Templates, language: Language) -> str:
    from bot.workspace.templates import fill, slot_names

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
    from bot.workspace.templates import fill

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
    if ask.attempt:
        return own(language, "ask again", ask).replace("{question}", question)
    if ask.evidence.upset:  # a first question to who is upset is no cold one
        return sentence(language, "ask, upset", ask.wording).replace("{question}", question)
    return question


def _confirm(ask: Ask, templates: Templates, language: Language) -> str:
    """The owner's question to go ahead, or ours, with what is known read out."""
    template = templates.by_id[ask.template]
    values = [ask.slots[slot] for slot in template.slots if ask.slots.get(slot)]
    between, around = ("、", "（{}）") if language == "zh" else (", ", " ({})")
    read_out = around.format(between.join(values))
    what = template.title + (read_out if values else "")
    question = ask.question or sentence(language, "confirm", ask.wording).replace("{what}", what)
    if not ask.attempt:
        return question
    return sentence(language, "confirm again", ask.wording).replace("{question}", question)


def _clarify(clarify: Clarify, templates: Templates, language: Language) -> str:
    titles = [templates.by_id[choice].title for choice in clarify.choices] + [*clarify.articles]
    if len(titles) == 1:
        return own(language, "perhaps one", clarify).replace("{title}", titles[0])
    guessed = clarify.evidence.rule == "perhaps"
    opening = own(language, "perhaps" if guessed else "clarify", clarify)
    return _listed(opening, titles, language, "choose or not" if guessed else "choose")


def _titles(
    said: SmallTalk, choices: Sequence[str], templates: Templates, language: Language
) -> str:
    titles = [templates.by_id[choice].title for choice in choices]
    return _listed(own(language, said.sentence or "", said), titles, language)


def _listed(
    opening: str, titles: Sequence[str], language: Language, closing: str = "choose"
) -> str:
    lines = [f"{number}. {title}" for number, title in enumerate(titles, start=1)]
    return "\n".join([opening, *lines, sentence(language, closing)])


def _cite(cite: Cite, language: Language, numbers: Mapping[str, int]) -> str:
    marks = [f"[{numbers[hit.passage.article]}]" for hit in cite.hits]
    titles = {hit.passage.article: hit.passage.title for hit in cite.hits}
    sources = "\n".join(f"[{numbers[article]}] {title}" for article, title in titles.items())
    opening = own(language, "cite again" if cite.again else "cite", cite)
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
    dots where something is left out. A list that nothing leads into has its heading above it."""
    passage = cite.hits[quotes[0].hit].passage
    text, said = passage.text, quotes[0].text
    if passage.headings and _LISTED.match(said):
        said = f"{_leading(passage.headings[-1])}\n{said}"
    for before, quote in pairwise(quotes):
        between = text[before.end : quote.start]
        joint = "\n" if "\n" in between else " " if between else ""
        said += f" {mark} … {quote.text}" if between.strip() else joint + quote.text
    return _EMPHASIS.sub(r"\1", said) + f" {mark}"


def _leading(heading: str) -> str:
    """A heading as what leads into a list.

    >>> _leading("Prices"), _leading("怎么开票"), _leading("What does it cost?")
    ('Prices:', '怎么开票：', 'What does it cost?')
    """
    if not heading[-1:].isalnum():
        return heading
    return f"{heading}：" if _HAN.search(heading) else f"{heading}:"


def _not_found(cite: Cite, language: Language) -> list[str]:
    """What the passages do not cover of the question."""
    if not cite.missing:
        return []
    parts = sentence(language, "two").join(f"“{part}”" for part in cite.missing)
    return [own(language, "not found", cite).replace("{parts}", parts)]


_LISTED = re.compile(r"(?:[-*+•·]|\(?\d{1,2}[.)、）]|[①-⑳]|步骤\s?\d+)(?=\s|[^\x00-\x7f])")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])")
_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")


def _quote(text: str) -> str:
    """The passage without its Markdown marks, or as many of its sentences as fit."""
    from kb.markup import plain

    text = _EMPHASIS.sub(r"\1", plain(text))
    if len(text) <= LONGEST_QUOTE:
        return text
    ends = [found.end() for found in _END.finditer(text, 0, LONGEST_QUOTE)]
    return text[: ends[-1] if ends else LONGEST_QUOTE].rstrip() + " …"
