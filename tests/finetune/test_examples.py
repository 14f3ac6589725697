"""Splits: whole chats, no message on both sides, the same for every order of the files."""

import random
from collections.abc import Sequence

import pytest

from finetune.conversation import Conversation
from finetune.duplicates import near_pairs, roots
from finetune.examples import Splits, normalise, split

WORDS = ["refund", "parcel", "late", "broken", "invoice", "change", "address", "blue", "large"]


def chat(chat_id: str, *texts: str, split: str | None = None) -> Conversation:
    turns = [{"speaker": "customer", "text": text} for text in texts]
    return Conversation.model_validate({"id": chat_id, "split": split, "turns": turns})


def chats(count: int, seed: int = 0, split: str | None = None) -> list[Conversation]:
    rng = random.Random(seed)
    return [
        chat(f"{split}{seed}-{number}", " ".join(rng.choices(WORDS, k=8)), split=split)
        for number in range(count)
    ]


def sizes(splits: Splits) -> tuple[int, int, int, int]:
    parts = (splits.train, splits.validation, splits.calibration, splits.test)
    return tuple(map(len, parts))  # type: ignore[return-value]


def ids(conversations: Sequence[Conversation]) -> set[str]:
    return {conversation.id for conversation in conversations}


def test_unmarked_chats_are_divided_by_tenths() -> None:
    splits = split(chats(100), seed=7)
    assert sizes(splits) == (70, 10, 10, 10)
    assert (splits.notes, splits.leaked) == ([], frozenset())


def test_the_order_of_the_files_is_irrelevant_and_the_seed_is_not() -> None:
    data = chats(60)
    shuffled = random.Random(1).sample(data, 60)
    assert split(data, 7) == split(shuffled, 7)
    assert ids(split(data, 7).test) != ids(split(data, 8).test)


def test_named_splits_are_kept_and_validation_is_halved() -> None:
    data = chats(20, 1, "train") + chats(5, 2, "dev") + chats(4, 3, "test")
    splits = split(data, 7)
    assert sizes(splits) == (20, 3, 2, 4)
    assert ids(splits.test) == {f"test3-{number}" for number in range(4)}


def test_missing_parts_come_out_of_train() -> None:
    splits = split(chats(40, 1, "train") + chats(6, 2, "test"), 7)
    assert sizes(splits) == (32, 4, 4, 6)


def test_unmarked_chats_never_join_a_named_test() -> None:
    splits = split(chats(20, 1, "test") + chats(50), 7)
    assert sizes(splits) == (40, 5, 5, 20)
    assert ids(splits.test) == {f"test1-{number}" for number in range(20)}


def test_validation_alone_is_divided_as_if_unmarked() -> None:
    splits = split(chats(50, 1, "validation"), 7)
    assert sizes(splits) == (35, 5, 5, 5)
    assert splits.notes == [
        "no chat is marked train: the validation chats are divided as if unmarked"
    ]


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_tiny_data_all_trains(count: int) -> None:
    splits = split(chats(count), 7)
    assert sizes(splits) == (count, 0, 0, 0)
    assert "under 10 chats all train" in splits.notes[-1]


def test_near_duplicates_stay_together() -> None:
    pairs = [
        chat(f"{side}{number}", f"my {word} order number {extra} never arrived {word} {word}")
        for number, word in enumerate(WORDS * 2)
        for side, extra in (("a", "12"), ("b", "no. 7,345!"))
    ]
    splits = split(pairs + chats(60), 7)
    part_of = {
        conversation.id: name
        for name in ("train", "validation", "calibration", "test")
        for conversation in getattr(splits, name)
    }
    assert all(part_of[f"a{n}"] == part_of[f"b{n}"] for n in range(len(WORDS) * 2))
    assert splits.leaked == frozenset()


def test_short_messages_do_not_bind() -> None:
    data = [chat(one.id, "hello", one.turns[0].text, "thank you bye", "0 0") for one in chats(100)]
    assert sizes(split(data, 7)) == (70, 10, 10, 10)
    assert split(data, 7).notes == []


def test_a_giant_group_stays_in_train() -> None:
    giant = [chat(f"g{number}", "i want to return the blue shoes") for number in range(40)]
    splits = split(giant + chats(60), 7)
    assert sizes(splits) == (70, 10, 10, 10)
    assert ids(giant) <= ids(splits.train)
    assert splits.notes == ["40 chats are linked by near-duplicate messages and stay in train"]


def test_an_intent_is_never_held_out_whole() -> None:
    """Four intents of thirty chats that repeat each other, ten by ten."""
    kinds = [(f"{word} {place}", word) for word in WORDS[:4] for place in ("shop", "van", "door")]
    data = [
        Conversation.model_validate(
            {
                "id": f"{said}-{number}",
                "turns": [
                    {
                        "speaker": "customer",
                        "text": f"please tell me all about the {said}, number {number}",
                        "intent": intent,
                    }
                ],
            }
        )
        for said, intent in kinds
        for number in range(10)
    ]
    for seed in range(20):
        parts = split(data, seed)
        taught = {intent for one in parts.train for turn in one.turns for intent in turn.intents}
        assert taught == set(WORDS[:4])


def test_chats_that_all_repeat_are_divided_one_by_one() -> None:
    data = [
        chat(one.id, "i want to return the blue shoes", one.turns[0].text) for one in chats(100)
    ]
    splits = split(data, 7)
    assert sizes(splits) == (70, 10, 10, 10)
    held = ids(splits.validation) | ids(splits.calibration) | ids(splits.test)
    assert splits.leaked == {(chat_id, 0) for chat_id in held}
    assert splits.notes[0].startswith("the chats repeat each other too much")
    assert splits.notes[1] == (
        "test: 10 of 20 customer turns have a near-duplicate in train; left out of evaluation"
    )


def test_repeats_across_named_splits_are_told_but_kept() -> None:
    text = "i want to return the blue shoes"
    data = [chat("1", text, split="train"), chat("2", text, "hi", split="test")]
    splits = split(data, 7)
    assert splits.leaked == frozenset()
    assert splits.notes[0] == (
        "test: 1 of 2 customer turns have a near-duplicate in train; "
        "kept, as the files name this part"
    )


def test_what_agents_say_does_not_bind() -> None:
    reply = {"speaker": "agent", "text": "Sorry to hear that, I will look into it"}
    data = [
        Conversation.model_validate({"id": one.id, "turns": [one.turns[0].model_dump(), reply]})
        for one in chats(50)
    ]
    assert split(data, 7).notes == []


def jaccard(one: str, other: str) -> float:
    grams = [{text[i : i + 4] for i in range(len(text) - 3)} for text in (one, other)]
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


def test_near_pairs_agree_with_brute_force() -> None:
    rng = random.Random(3)
    keys = set()
    for _ in range(40):
        words = rng.choices(WORDS, k=10)
        keys |= {" ".join(words), " ".join([*words[:-1], "x"]), " ".join(words[1:])}
    keys |= {"我想退货因为鞋子太小了可以吗", "我想退货因为鞋子太小了行吗"}
    ordered = sorted(keys)
    expected = {
        (i, j)
        for i in range(len(ordered))
        for j in range(i + 1, len(ordered))
        if jaccard(ordered[i], ordered[j]) >= 0.8
    }
    assert len(expected) > 20
    assert set(map(tuple, near_pairs(ordered).tolist())) == expected


def test_near_pairs_of_nothing_and_of_short_texts() -> None:
    assert near_pairs([]).shape == (0, 2)
    assert near_pairs(["", "a"]).tolist() == []


def test_a_long_chain_is_one_group() -> None:
    assert roots(5, [(3, 4), (1, 3), (1, 0)]) == [0, 0, 2, 0, 0]


def test_normalise_is_public_here() -> None:
    assert normalise("Hi!") == "hi"
