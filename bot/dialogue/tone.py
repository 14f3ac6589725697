"""Whether a customer sounds upset, and what a run of such messages changes.

A version that has learnt sentiment from labelled chats says how a message sounds. Beside it, and
for all others, stands a small table of what upset people write, and shouting. From the second
upset message in a row on our own sentences apologise, and are shorter; once in a run the reply
offers a person, and nothing is tried twice that was not understood once.
"""

from __future__ import annotations

import re

from bot.decision import Reading

UPSET_RUN = 2
"""Upset messages in a row from which the bot speaks and acts differently."""

_LONGEST = 2_000
"""Characters of a message that are looked at."""

_UPSET = re.compile(
    r"\b(?:ridiculous|unacceptable|outrageous|disgust(?:ed|ing)|furious|livid|pathetic|useless"
    r"|appalling|horrible|terrible|awful|infuriating|frustrat(?:ed|ing)|annoy(?:ed|ing)|angry"
    r"|(?:fed up|sick|tired) (?:of|with)|fed up|waste of (?:my )?(?:time|money)|worst|a joke"
    r"|are you (?:kidding|serious|stupid|deaf)|what the (?:hell|heck|f\w*)|wtf|ffs|idiots?"
    r"|stupid(?! question)|scam(?:mers?)?|rip ?off|shame on|never (?:again|ordering|buying)"
    r"|how many times|not good enough|had enough of|(?:so|really|very) (?:upset|disappointed))\b"
    r"|太(?:差|烂|慢|坑|过分|离谱)|垃圾|气死|气人|很生气|生气了|火大|恼火|什么(?:玩意|破|态度)"
    r"|骗[子人]|受够|受不了|无语|烦死|差劲|离谱|坑[人爹]|废物|搞什么|浪费(?:我的?)?时间|再也不[买来]"
    r"|投诉你们|要投诉|差评|不像话|忽悠|欺骗|[说问]了[多几]少?遍|有没有搞错|失望",
    re.IGNORECASE,
)
_PRESSED = re.compile(r"[!！]{3,}|[?？]{3,}|(?:[!！][?？]|[?？][!！]){2,}")
_LETTERS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


def sounds_upset(text: str, reading: Reading) -> bool:
    """Whether this message sounds upset.

    >>> sounds_upset("this is ridiculous", Reading()), sounds_upset("where is it?", Reading())
    (True, False)
    """
    said = text[:_LONGEST]
    return reading.sentiment == "negative" or bool(_UPSET.search(said)) or _shouts(said)


def in_upset_run(streak: int) -> bool:
    """Whether so many upset messages in a row are a run."""
    return streak >= UPSET_RUN


def _shouts(text: str) -> bool:
    """Three words or more in capitals, or marks that pile up."""
    spoken = [word for word in _LETTERS.findall(text) if len(word) > 1]
    capital = sum(word.isupper() for word in spoken)
    return bool(_PRESSED.search(text)) or (capital >= 3 and capital >= 0.7 * len(spoken))
