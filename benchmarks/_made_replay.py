"""A replay that never was: rows of any number, for what only reads them.

made_replay(store, turns=100_000)           its number
made_replay(store, turns=100_000, of=1)     the same turns, decided a little better
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.decision import KINDS
from bot.replay import ReplayStore, Turn
from bot.replay.acts import ACTS
from bot.replay.store import row_of
from bot.replay.summary import _figures as figures_of
from bot.replay.summary import tally_of

_TEXT = (
    "where is my parcel order number please help return refund the shoes do not fit wrong size "
    "cancel subscription change address card was charged twice yesterday nothing came warranty "
    "broken screen invoice company tax 我的 订单 在哪里 退款 谢谢 尺码 不对 😀 📦"
)
WORDS = _TEXT.split()
THRESHOLDS = {"intent": 0.82, "template": 0.7, "passage": 0.55, "max_wrong": 0.05}
PER_CHAT = 5
UNKNOWN: Mapping[str, Any] = {
    "gold": [], "intent": None, "confidence": None, "correct": None, "outside": None,
    "verdict": None, "agent_reply": None, "act": None, "rank": None, "candidates": None,
    "similarity": None, "intent_right": None, "ranked_score": None, "ranked_right": None,
}  # fmt: skip
"""A turn of a chat that tells nothing."""
_WEIGHTS = (38, 12, 8, 6, 5, 14, 15, 2)  # of KINDS


def made_replay(
    store: ReplayStore, turns: int = 1000, labels: int = 40, seed: int = 7, better: float = 0.0,
    texts: Sequence[str] = (), labelled: bool = True,
) -> int:  # fmt: skip
    """Write a replay and its figures. `better` is the share of mistakes that it does not make;
    `texts` are the first messages; not `labelled`, nothing can be judged."""
    chats = -(-turns // PER_CHAT)
    survey = {"chats": chats, "turns": turns, "seen": 0, "excluded": 0, "digest": f"{turns} {seed}"}
    about = {"language": "en", "labels": labels, "thresholds": THRESHOLDS, "survey": survey}
    row = store.start(
        request=f"{turns} {seed} {better}", about=about, chats="chats/made.jsonl", workspace="",
        version="v2" if better else "v1", model="0" * 12, index_digest="1" * 12,
    )  # fmt: skip
    made = _turns(turns, labels, random.Random(seed), random.Random(seed + 1), better, texts)
    if not labelled:
        made = (replace(turn, **UNKNOWN) for turn in made)
    store.add_block(row.id, 0, map(row_of, made), seconds=turns / 500)
    row = store.replay(row.id)
    store.finish(row.id, figures_of(row, tally_of(store, row), "").as_json())
    return row.id


def _turns(
    turns: int, labels: int, rng: random.Random, luck: random.Random, better: float,
    texts: Sequence[str],
) -> Iterator[Turn]:  # fmt: skip
    for number in range(turns):
        turn = _turn(number, labels, rng)
        if number < len(texts):
            turn = replace(turn, message=texts[number], reply=texts[number])
        if turn.verdict == "wrong" and luck.random() < better:
            gold = turn.gold[0]
            turn = replace(turn, intent=gold, correct=True, verdict="right", template=f"t-{gold}")
        yield turn


def _turn(number: int, labels: int, rng: random.Random) -> Turn:
    gold = int(labels * rng.random() ** 2)
    confidence = rng.uniform(0.3, 1.0)
    right = rng.random() < confidence
    intent = gold if right else (gold + rng.choice((1, 1, 1, 2, 5))) % labels
    kind = rng.choices(KINDS, _WEIGHTS)[0]
    answers = kind in ("template", "passages")
    scored = [(intent + step) % labels for step in range(5)]
    rank = min(100, 1 + int(rng.expovariate(0.7)))
    evidence: dict[str, Any] = {
        "rule": "intent-certain" if answers else "unknown",
        "entities": {"order_id": {"text": str(rng.randrange(10**6)), "value": None}},
        "intents": [
            {"name": _label(name), "score": round(confidence * 0.5**place, 6)}
            for place, name in enumerate(scored)
        ],
        "runner_up": None,
        "margin": round(confidence / 2, 6),
        "templates": [
            {"name": f"t-{_label(name)}", "score": round(rng.random(), 6)} for name in scored
        ],
        "passages": [
            {"article": f"article-{rng.randrange(200)}", "passage": rng.randrange(1 << 62),
             "score": round(rng.random(), 6)}
            for _ in range(5)
        ],
        "thresholds": THRESHOLDS,
    }  # fmt: skip
    return Turn(
        chat=number // PER_CHAT, turn=2 * (number % PER_CHAT), seen=None,
        conversation=f"chat-{number // PER_CHAT:06}", message=_words(rng, 4, 22),
        gold=[_label(gold)], intent=_label(intent), confidence=round(confidence, 6), correct=right,
        trusted=confidence >= THRESHOLDS["intent"], outside=gold == 0, kind=kind,
        rule=str(evidence["rule"]), template=f"t-{_label(intent)}" if kind == "template" else None,
        reason="uncertain" if kind == "unknown" else None,
        citations=evidence["passages"][:2] if kind == "passages" else [],
        reply=_words(rng, 10, 40), verdict=("right" if right else "wrong") if answers else None,
        agent_reply=_words(rng, 10, 40), agent_template=None, act=rng.choice(ACTS), rank=rank,
        candidates=100, similarity=round(rng.uniform(0.1, 0.9), 6), intent_right=right,
        ranked_score=round(rng.random(), 6), ranked_right=rng.random() < 0.7, entities=None,
        confirms=rng.random() < 0.1, ms=rng.uniform(1, 9), evidence=evidence,
    )  # fmt: skip


def _label(number: int) -> str:
    return f"intent_{number}"


def _words(rng: random.Random, fewest: int, most: int) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(fewest, most)))
