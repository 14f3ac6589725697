"""The labels of a run's training chats that look wrong, as its version folder keeps them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.corpus import Message, Texts, numbers_of
from finetune.label_issues import contradictions, likely_mistakes

FloatArray = NDArray[np.float32]


def labels_to_check(
    messages: Sequence[Message],
    pretrained: FloatArray,
    intents: Sequence[str],
    texts: Texts,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """`suspects`: messages probably of another intent; `torn`: one text under several intents.

    Messages with one label are looked at; `pretrained` (n, d) are the vectors of all texts.
    """
    rows = [message for message in messages if len(message.intents) == 1]
    if not rows:
        return {"suspects": [], "torn": []}
    places = [_place(message, texts) for message in rows]
    labels = np.asarray([message.intents[0] for message in rows], dtype=np.int64)
    groups = numbers_of(message.conversation for message in rows)
    vectors = pretrained[[message.text for message in rows]]
    issues = likely_mistakes(vectors, labels, groups, intents, seed=seed)
    torn = contradictions([place["text"] for place in places], [intents[i] for i in labels])
    return {
        "suspects": [
            {
                **places[issue.row],
                "given": issue.given,
                "suggested": issue.suggested,
                "confidence": issue.confidence,
            }
            for issue in issues
        ],
        "torn": [
            {
                "text": one.text,
                "uses": [[name, [places[row] for row in at]] for name, at in one.uses],
            }
            for one in torn
        ],
    }


def _place(message: Message, texts: Texts) -> Mapping[str, Any]:
    return {
        "conversation": message.conversation,
        "turn": message.turn,
        "text": texts.all[message.text],
    }
