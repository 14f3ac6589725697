"""What a run works on: here, the names of intents as examples."""

from collections.abc import Callable

import pytest

from finetune.conversation import Conversation
from finetune.corpus import Dialogue, Texts, build_dialogue
from finetune.material import FEW_EXAMPLES, NAME_COUNTS_AS, names_as_chats

Chat = Callable[..., Conversation]


def taught(chat: Chat, intent: str, count: int) -> list[Dialogue]:
    said = [chat(str(n), ("customer", f"message {n}", intent)) for n in range(count)]
    texts = Texts()
    return [build_dialogue(one, [intent], texts, context_turns=3) for one in said]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("card_arrival", "card arrival"),
        ("order/track", "order track"),
        ("订单/查询", "订单 查询"),
        ("card_payment_fee_charged", "card payment fee charged"),
    ],
)
def test_a_name_in_words_teaches_where_examples_are_few(chat: Chat, name: str, words: str) -> None:
    found = names_as_chats(taught(chat, name, 5), [name])
    assert [(one.turns[0].text, one.turns[0].intents) for one in found] == (
        [(words, (name,))] * NAME_COUNTS_AS
    )


@pytest.mark.parametrize("name", ["i_17", "a1", "42", "oos"])
def test_a_name_that_says_nothing_teaches_nothing(chat: Chat, name: str) -> None:
    assert names_as_chats(taught(chat, name, 5), [name]) == []


def test_enough_examples_need_no_name(chat: Chat) -> None:
    assert names_as_chats(taught(chat, "card_arrival", FEW_EXAMPLES), ["card_arrival"]) == []
