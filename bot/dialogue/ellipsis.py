"""What a message leaves out: how much of its meaning is in the question before it.

"how long does that take?", "and for the blue one?", "要多久？" do not name what they are about.
That is told by a message's words: it points back (a pronoun, an opening "what about", a closing
"呢") and has little else, or it has hardly a word of its own at all. Words that any question may
have, "how much", "is it free", "多少钱", are not its own.

The numbers were chosen by benchmarks/followups.py on the tuning half of the hand-written pairs in
data/, among values that were as good the most careful.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.dialogue.short_answers import words

MOST_BESIDE_POINTER, MOST_ALONE = 3, 1
"""Words of its own that a message may have beside one that points back, and without any."""
SHARE_POINTING, SHARE_ALONE = 0.5, 0.4
"""What share of the search is then the question before."""

LONGEST = 200
"""Characters; what is longer stands by itself."""


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_OPENING = re.compile(
    r"(?:and|or|but|so|then|even|what if|(?:what|how) (?:about|abt)|same|also|if)(?= |$)"
    r"|那|还有|换成|如果"
)
_POINTERS = _set(
    "it its that this they them their these those one ones there same another other he she his her"
    " him"
)
_POINTING_ZH = re.compile("[它这那]|其[他它]|别的|另|呢$")
_NOT_ITS_OWN = _POINTERS | _set(
    "a an the is are was were be been do does did have has had can could may might will would shall"
    " should must i you we my your our me us and or but so then if for to of in on at by with from"
    " into about after before until since what when where which who why how long much many often"
    " soon far old big more less any some all not please just still also too only really take takes"
    " cost costs need get free possible allowed included s t m re ve d ll don doesn didn isn aren"
    " cannot won wouldn"
)
_NOT_ITS_OWN_ZH = re.compile(
    "什么时候|多长时间|多少钱|为什么|怎么样|怎么办|怎么|什么|哪里|哪儿|哪个|哪些|哪天|多久|多少|几天|几个"
    "|几次|可以|能不能|可不可以|行不行|是不是|有没有|免费|要钱|贵|请问|一下|还是|的话|如果|那么|还有|换成|其他"
    "|其它|别的|另外|需要|已经|[吗呢吧啊呀么的了得地是有要能会行可还也都就再又在到给用它这那我你您们个几时天点元钱"
    "和跟或与及后前里内上下不没]"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_WORD_ZH = 2  # characters, as most words have


def leaning(message: str) -> float:
    """How much a message leans on the question before it: that question's share of a search for
    it, 0 where the message stands by itself. `message` is as `short_answers.words` gives it.

    >>> leaning("how long does that take"), leaning("那红茶呢")
    (0.5, 0.5)
    >>> leaning("how long does a refund take"), leaning("退款要多久到账")
    (0.4, 0.0)
    """
    if not message or len(message) > LONGEST:
        return 0.0
    points, own = points_back(message), own_words(message)
    if own > (MOST_BESIDE_POINTER if points else MOST_ALONE):
        return 0.0
    return SHARE_POINTING if points else SHARE_ALONE


def names_nothing(message: str) -> bool:
    """Whether a message points back and has hardly a word of its own, as "and for the one"."""
    return points_back(message) and own_words(message) <= MOST_ALONE


def only_points_back(message: str) -> bool:
    """Whether a message points back and has no word of its own at all, as "what about the"."""
    return points_back(message) and not own_words(message)


def points_back(message: str) -> bool:
    opens = _OPENING.match(message) is not None
    return opens or bool(_POINTING_ZH.search(message)) or not _POINTERS.isdisjoint(message.split())


def own_words(message: str) -> int:
    """How many words of a message say what it is about."""
    han, others = _own(message)
    return -(-sum(map(len, han)) // _WORD_ZH) + len(others)


def own_text(message: str) -> str:
    """What a message says beside the words that any question may have.

    >>> own_text("do you repair tents"), own_text("可以开发票吗")
    ('repair tents', '开发票')
    """
    han, others = _own(message)
    return " ".join(filter(None, [*han, *others]))


def counterpart(message: str, value: str, values: Iterable[str]) -> str | None:
    """The one of the listed `values` that is meant where a message points back at `value` and says
    only in what it differs; None where it does not, or where several differ so.

    >>> tents = ["Kestrel 2 tent", "Kestrel 4 tent", "Gannet dome tent"]
    >>> counterpart("and the 4 one", "Kestrel 2 tent", tents)
    'Kestrel 4 tent'
    >>> counterpart("那生的呢", "熟普", ["熟普", "生普", "白牡丹"])
    '生普'
    """
    said = own_text(message)
    if not said or not points_back(message):
        return None
    found = [other for other in values if _differ_in(words(value), words(other), said)]
    return found[0] if len(found) == 1 else None


def _differ_in(value: str, other: str, said: str) -> bool:
    """Whether `other` is `value` with `said` in the place of something else; whole words, but in
    Chinese, which sets no word apart."""
    edge = " " if said.isascii() else ""
    value, other = f"{edge}{value}{edge}", f"{edge}{other}{edge}"
    head, found, tail = other.partition(f"{edge}{said}{edge}")
    alike = value.startswith(head + edge) and value.endswith(edge + tail)
    is_longer = len(value) > len(head) + len(tail) + 2 * len(edge)
    return bool(found and (head + tail).strip()) and value != other and alike and is_longer


def _own(message: str) -> tuple[list[str], list[str]]:
    """What a message says that not any question may: its Chinese, and its other words."""
    han = [_NOT_ITS_OWN_ZH.sub("", run) for run in _HAN.findall(message)]
    others = _HAN.sub(" ", message).split()
    return han, [word for word in others if word not in _NOT_ITS_OWN]
