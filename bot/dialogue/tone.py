"""Whether a customer sounds upset, and what a run of such messages changes.

A version that has learnt sentiment from labelled chats says how a message sounds. Beside it, and
for all others, stands a small table of what upset people write, and shouting. From the second
upset message in a row on our own sentences apologise, and are shorter; once in a run the reply
offers a person, and nothing is tried twice that was not understood once.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.decision import Reading

UPSET_RUN = 2
"""Upset messages in a row from which the bot speaks and acts differently."""

_LONGEST = 2_000
"""Characters of a message that are looked at."""

_UPSET = re.compile(
    r"\b(?=[acdfhilnoprstuvw])(?:ridiculous|unacceptable|outrageous|disgust(?:ed|ing)|furious|livid"
    r"|pathetic|useless|appalling|horrible|terrible|awful|infuriating|frustrat(?:ed|ing)"
    r"|annoy(?:ed|ing)|angry|(?:fed up|sick|tired) (?:of|with)|fed up|worst|a joke"
    r"|waste of (?:my )?(?:time|money)|are you (?:kidding|serious|stupid|deaf)|wtf|ffs|idiots?"
    r"|what the (?:hell|heck|f\w*)|stupid(?! question)|scam(?:mers?)?|rip ?off|shame on"
    r"|never (?:again|ordering|buying)|how many times|not good enough|had enough of"
    r"|(?:so|really|very) (?:upset|disappointed))\b",
    re.IGNORECASE,
)
_UPSET_ZH = re.compile(
    "(?=[太垃气很生火恼什骗受无烦差离坑废搞浪再投要不忽欺说问有失])(?:太(?:差|烂|慢|坑|过分|离谱)|垃圾|气死|气人"
    "|很生气|生气了|火大|恼火|什么(?:玩意|破|态度)|骗[子人]|受够|受不了|无语|烦死|差劲|离谱|坑[人爹]"
    "|废物|搞什么|浪费(?:我的?)?时间|再也不[买来]|投诉你们|要投诉|差评|不像话|忽悠|欺骗"
    "|[说问]了[多几]少?遍|有没有搞错|失望)"
)
_PRESSED = re.compile(r"[!！]{3,}|[?？]{3,}|(?:[!！][?？]|[?？][!！]){2,}")
_LETTERS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


def sounds_upset(text: str, reading: Reading) -> bool:
    """Whether this message sounds upset.

    >>> sounds_upset("this is ridiculous", Reading()), sounds_upset("where is it?", Reading())
    (True, False)
    """
    return reading.sentiment == "negative" or _is_upset(text[:_LONGEST])


@lru_cache(maxsize=256)
def _is_upset(said: str) -> bool:
    return bool(_UPSET.search(said) or _UPSET_ZH.search(said)) or _shouts(said)


def in_upset_run(streak: int) -> bool:
    """Whether so many upset messages in a row are a run."""
    return streak >= UPSET_RUN


def _shouts(text: str) -> bool:
    """Three words or more in capitals, or marks that pile up."""
    spoken = [word for word in _LETTERS.findall(text) if len(word) > 1]
    capital = sum(word.isupper() for word in spoken)
    return bool(_PRESSED.search(text)) or (capital >= 3 and capital >= 0.7 * len(spoken))
