"""What an agent did in a turn, and whether a customer says that all is well: rules over the words.

The first that applies:

    escalated   the template named hands over, or the words pass the customer on
    looked up   the words ask for a moment, or say that something is being checked
    asked       the words end in a question, or ask for something
    answered    anything else, and "Is there anything else?"

They are rules, so that what they say can be read and argued with; docs/replay.md has them in words.
"""

import re
from functools import lru_cache
from typing import Literal

Act = Literal["answered", "asked", "escalated", "looked up"]
ACTS: tuple[Act, ...] = ("answered", "asked", "escalated", "looked up")

AGREES: dict[str, tuple[Act, ...]] = {
    "template": ("answered",),
    "smalltalk": ("answered",),
    "passages": ("answered", "looked up"),
    "ask": ("asked",),
    "clarify": ("asked",),
    "handoff": ("escalated",),
    "unknown": ("escalated",),  # it offers a person
    "several": ("answered",),
}
"""What an agent did where the bot's kind of decision is the same act."""

_ESCALATED = re.compile(
    r"\b(?:transfer(?:ring)? (?:you|your|this|the (?:call|chat))"
    r"|(?:connect|connecting|put|putting|pass|passing|hand|handing) (?:you|this|your \w+)"
    r" (?:over |on |through |along )*(?:to|with)\b"
    r"|escalat(?:e|ed|ing)\b"
    r"|(?:a |my |our |another )(?:colleague|supervisor|manager|specialist|representative)"
    r" (?:will|takes|is going to|can) )"
    r"|转接|转给|转人工|转到|升级(?:处理|给|到)|(?:同事|主管|经理|专员)(?:会|将|来|稍后)",
    re.IGNORECASE,
)
_LOOKED_UP = re.compile(
    r"\b(?:(?:let me|allow me to|i(?:'|’)?ll|i will|i am going to|i(?:'|’)?m) (?:just )?"
    r"(?:check|look|see|pull|find|verify|checking|looking|pulling|verifying)\b"
    r"|(?:one|a|just a) (?:moment|second|minute|sec)\b|bear with me|please hold|hold on|please wait"
    r"|while i (?:check|look|pull|verify|find))"
    r"|稍等|请等一下|帮您?(?:查|看)(?:一下|询)|我(?:来)?查(?:一下|询)|核实一下|为您查",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"[?？]\W*$"
    r"|^(?:\W*(?:may|can|could|would|will|what|which|when|where|who|how|do|does|did|is|are) "
    r"(?:i|you|your|it|the|this)\b)"
    r"|\bplease (?:provide|tell|share|confirm|give|enter|send|let me know)\b"
    r"|(?:请问|请提供|请告诉|请确认|请输入|请发|麻烦您?(?:提供|告诉|发))|(?:吗|呢)[。.!！\s]*$",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:is there )?(?:anything|something) else[^?？]*[?？]"
    r"|(?:请问)?还有(?:什么|其他|其它|别的)[^?？]*[?？]",
    re.IGNORECASE,
)
_CONFIRMED = re.compile(
    r"\b(?:thank(?:s| you)|thx|cheers|that(?:'|’)?s (?:all|it|great|perfect|everything)"
    r"|that (?:worked|helps|helped|solves|solved|fixed)|it works|works now|(?:is |all )?solved"
    r"|problem (?:is )?(?:solved|fixed|gone)|sorted(?: out)?|appreciate)\b"
    r"|谢谢|多谢|感谢|解决了|可以了|搞定|没问题了|好了",
    re.IGNORECASE,
)
_NOT_CONFIRMED = re.compile(
    r"\b(?:but|not|no[,.]? thanks?|still|didn(?:'|’)?t|doesn(?:'|’)?t|won(?:'|’)?t|isn(?:'|’)?t"
    r"|never|thanks? for nothing|in advance)\b|[?？]|但是?|还是|没有?解决|不行|不能|没用|先谢",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)  # agents say much again
def act_of(reply: str, hands_over: bool = False) -> Act:
    """What an agent did with a reply; `hands_over`: the template it names does.

    >>> act_of("Let me check that for you."), act_of("What is your order number?")
    ('looked up', 'asked')
    """
    if hands_over or _ESCALATED.search(reply):
        return "escalated"
    if _LOOKED_UP.search(reply):
        return "looked up"
    return "asked" if _ASKED.search(_CLOSING.sub("", reply).strip()) else "answered"


def confirms(message: str) -> bool:
    """Whether a customer says that the matter is solved, or thanks for it, and nothing against.

    >>> confirms("Great, thanks!"), confirms("thanks, but it still fails"), confirms("好了，谢谢")
    (True, False, True)
    """
    return bool(_CONFIRMED.search(message)) and not _NOT_CONFIRMED.search(message)
