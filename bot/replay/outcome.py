"""What would have become of a whole chat.

    request    a customer's message that is more than small talk and more than a confirmation
    guess      the bot is sure of nothing and offers titles to pick from: no answer, nor a question
    involved   the bot answers or asks back at one request at least
    contained  it is involved, and never hands over, guesses, nor says that it does not know
    resolved   it is contained, answers the last request, and no answer is known to be wrong
    confirmed  it is resolved, and after the last request the customer says that all is well
    escalated  the agent handed the chat to somebody else
    offered    ... and by then the bot had offered a person

The customer's words are those that were said to the agent. So a confirmation is one of the agent's
answer, which the bot would have given as well as far as the chat tells; all others are assumed.
"""

from collections.abc import Mapping, Sequence

from bot.decision import ANSWERS, OFFERS_PERSON, TAKES_PART
from bot.replay.store import Turn

OUTCOMES = (
    "chats", "involved", "contained", "resolved", "confirmed", "escalated", "offered",
    "turns before",
)  # fmt: skip


def outcome(chat: Sequence[Turn]) -> Mapping[str, float]:
    """What one chat, its turns in order, adds to each of OUTCOMES."""
    requests = [place for place, turn in enumerate(chat) if _is_request(turn)]
    involved = any(
        chat[place].kind in TAKES_PART and not _guesses(chat[place]) for place in requests
    )
    contained = involved and not any(turn.kind in OFFERS_PERSON or _guesses(turn) for turn in chat)
    resolved = contained and _ends_well(chat, requests)
    confirmed = resolved and any(turn.confirms for turn in chat[requests[-1] :])
    return {
        "chats": 1,
        "involved": involved,
        "contained": contained,
        "resolved": resolved,
        "confirmed": confirmed,
        **_handoff(chat),
    }


def _is_request(turn: Turn) -> bool:
    return turn.kind != "smalltalk" and not turn.confirms


def _guesses(turn: Turn) -> bool:
    return turn.rule == "perhaps"


def _ends_well(chat: Sequence[Turn], requests: Sequence[int]) -> bool:
    answered = chat[requests[-1]].kind in ANSWERS
    return answered and not any(turn.verdict == "wrong" for turn in chat)


def _handoff(chat: Sequence[Turn]) -> Mapping[str, float]:
    """Whether the agent escalated and the bot had offered a person by then; how many of the
    customer's messages earlier."""
    ends = [place for place, turn in enumerate(chat) if turn.act == "escalated"]
    if not ends:
        return {"escalated": 0, "offered": 0, "turns before": 0}
    offers = [place for place in range(ends[0] + 1) if chat[place].kind in OFFERS_PERSON]
    before = ends[0] - offers[0] if offers else 0
    return {"escalated": 1, "offered": bool(offers), "turns before": before}
