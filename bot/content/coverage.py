"""Which part of a question the cited passages say nothing about.

Single words tell little: a passage that answers a paraphrase lacks a rare word of the question more
often than not. So a question is taken apart at its "and", comma or question mark, and a part is
uncovered where its words are, by what they tell, nearly all in no cited passage. A product name or
a code that no article holds at all is uncovered by itself: one that an article holds may well be
what the passage is about. Plain numbers are the customer's own, and nothing to look for.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from kb.lexical import Word

Weigh = Callable[[str], Mapping[str, Word]]
"""The terms of a text that tell something, with what the index knows of each."""

FEWEST_TERMS = 3
"""A part of fewer says too little to be missed. Chosen, as UNCOVERED, by
benchmarks/content_answers.py on one half of the threads: under a tenth of false alarms."""
UNCOVERED = 0.8
MOST_NAMED, MOST_CHARACTERS = 2, 80

_BETWEEN = re.compile(
    r"[?？;；!！]\s*|[,，]\s*(?:(?:and|but|also|or)\s+)?|\s+(?:and|also|plus|as well as|or)\s+"
    "|。|以及|还有|另外|并且|、",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<=[a-z,]\s)[A-Z][A-Za-z0-9-]+\b(?!['’])|\b(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9-]{2,}\b"
)


def missing(
    question: str, covered: Collection[str], weigh: Weigh, known: Collection[str] = ()
) -> tuple[str, ...]:
    """The parts and names of a question that passages with the terms `covered` leave out, in the
    customer's words. `known` are words that are nothing to look for, as an order's number."""
    parts = [*_parts(question, covered, weigh), *_names(question, weigh, known)]
    distinct = [p for i, p in enumerate(parts) if not any(p in q for q in parts[:i])]
    return tuple(distinct[:MOST_NAMED])


def _parts(question: str, covered: Collection[str], weigh: Weigh) -> Iterator[str]:
    parts = [part.strip(" .。…") for part in _BETWEEN.split(question)]
    parts = [part for part in parts if part]
    for part in parts if len(parts) > 1 else ():
        terms = weigh(part)
        lost = sum(word.idf for term, word in terms.items() if term not in covered)
        every = sum(word.idf for word in terms.values())
        if len(terms) >= FEWEST_TERMS and lost >= UNCOVERED * every:
            yield part[:MOST_CHARACTERS]


def _names(question: str, weigh: Weigh, known: Collection[str]) -> Iterator[str]:
    for found in _NAME.finditer(question):
        terms = weigh(found[0])
        unheard_of = terms and not any(word.held for word in terms.values())
        if unheard_of and not any(found[0] in word for word in known):
            yield found[0]
