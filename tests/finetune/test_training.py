"""Joint training: what a batch holds, what each loss asks for, and what the hold holds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from finetune.conversation import Conversation
from finetune.corpus import Dialogue, Message, Texts, build_dialogue
from finetune.losses import distance, intent_loss, ranking_loss
from finetune.lower import Lower
from finetune.network import HeadOutput, Heads, Outputs, load_trunk
from finetune.training import (
    Replies,
    Trainer,
    agent_texts,
    batches,
    epochs_for,
    pieces,
    read_all,
    teaches,
)

Chat = Callable[..., Conversation]
MakeTrainer = Callable[..., Trainer]
LABELS = ["opening", "thanks"]


def read(*chats: Conversation) -> list[Dialogue]:
    texts = Texts()
    return [build_dialogue(chat, LABELS, texts, context_turns=3) for chat in chats]


def messages_of(*chats: Conversation) -> list[Message]:
    return [message for dialogue in read(*chats) for message in dialogue.messages]


def no_progress(*_: int) -> None:
    pass


# --- what is trained on --------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [0, 1, 500, 40_000, 160_000, 2_000_000, 10**9])
def test_every_size_of_data_gets_some_passes(tokens: int) -> None:
    assert isinstance(epochs_for(tokens), int)
    assert 1 <= epochs_for(10**9) <= epochs_for(tokens) <= epochs_for(0) <= 100


@pytest.mark.parametrize("seed", range(4))
def test_batches_hold_each_message_that_teaches_once(chat: Chat, seed: int) -> None:
    chats = [
        chat(
            str(number),
            *[("customer", f"{number} {turn}", "opening") for turn in range(number)],
            ("customer", f"{number} has neither intent nor reply"),
        )
        for number in range(20)
    ]
    dialogues = read(*chats)
    rows = [np.ones(1 + text % 5, np.int64) for text in range(250)]
    grouped = list(batches(dialogues, rows, tokens=64, seed=seed))
    held = [(message.conversation, message.turn) for batch in grouped for message in batch]
    wanted = [(m.conversation, m.turn) for d in dialogues for m in d.messages if teaches(m)]
    assert sorted(held) == sorted(wanted)
    sizes = [sum(len(rows[message.text]) for message in batch) for batch in grouped]
    assert min(sizes[:-1]) >= 64


def test_batches_are_shuffled_by_the_seed(bakery_chats: list[Conversation]) -> None:
    dialogues, rows = read(*bakery_chats), [np.ones(5, np.int64)] * 100
    one, same, other = (
        [message.conversation for batch in batches(dialogues, rows, 20, seed) for message in batch]
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_long_chat_is_read_in_parts_that_look_back(chat: Chat) -> None:
    [dialogue] = read(chat("c", *[("customer", f"request {n}", "opening") for n in range(30)]))
    parts = list(pieces(dialogue, messages=12))
    assert [len(part.messages) for part in parts] == [12, 12, 6]
    assert parts[1].messages[0].window.tolist() == [10, 11, 12]


def test_a_message_teaches_by_its_intent_or_its_reply(chat: Chat) -> None:
    labelled, replied, neither = messages_of(
        chat("a", ("customer", "open?", "opening")),
        chat("b", ("customer", "hm"), ("agent", "Yes?")),
        chat("c", ("customer", "hello")),
    )
    assert [teaches(message) for message in (labelled, replied, neither)] == [True, True, False]


def test_what_no_message_says_is_encoded_between_epochs(chat: Chat) -> None:
    turns = [("customer", "what"), ("customer", "open?", "opening"), ("agent", "At 7.")]
    assert agent_texts(read(chat("c", *turns))) == [0, 2]


# --- the frozen half -----------------------------------------------------------------------------


ROWS = [np.array([2, *range(10, 10 + length), 3]) for length in (5, 1, 30, 12, 0)]


@pytest.mark.parametrize("max_tokens", [0, 10_000])
def test_kept_rows_give_the_vectors_of_the_whole_trunk(tiny_encoder: Path, max_tokens: int) -> None:
    trunk = load_trunk(str(tiny_encoder)).eval()
    lower = Lower(trunk, pad_id=0, max_tokens=max_tokens)
    with torch.no_grad():
        whole = torch.cat([trunk(ids[None], torch.ones_like(ids)[None]) for ids in _tensors(ROWS)])
    first, rest = lower.add(ROWS[:2], no_progress), lower.add(ROWS[2:], no_progress)
    np.testing.assert_allclose(np.concatenate([first, rest]), whole, atol=1e-6)
    order = [4, 2, 0, 2]
    np.testing.assert_allclose(lower.encode_all(order), whole[order], atol=2e-3)  # half precision


def _tensors(rows: list[np.ndarray]) -> list[Tensor]:
    return [torch.from_numpy(row) for row in rows]


def test_adding_tells_how_far_it_is(tiny_encoder: Path) -> None:
    told: list[int] = []
    Lower(load_trunk(str(tiny_encoder)), pad_id=0).add(ROWS, told.append)
    assert told == sorted(told)
    assert told[-1] == len(ROWS)


def test_no_messages_are_read_as_nothing() -> None:
    output = read_all(Heads(64, Outputs(3)), [], np.zeros((0, 64), np.float32))
    assert output.message_logits.shape == output.context_logits.shape == (0, 3)
    assert output.queries.shape == (0, 64)


# --- the losses ----------------------------------------------------------------------------------


def logits(rows: list[list[float]]) -> HeadOutput:
    scores = torch.tensor(rows)
    return HeadOutput(scores, scores, torch.zeros(len(rows), 2), torch.zeros(len(rows), 0))


def test_unlabelled_messages_do_not_count_for_intents(chat: Chat) -> None:
    messages = messages_of(chat("c", ("customer", "open?", "opening"), ("customer", "hm")))
    both = intent_loss(logits([[2.0, 0.0], [0.0, 9.0]]), messages, smoothing=0.0)
    one = intent_loss(logits([[2.0, 0.0]]), messages[:1], smoothing=0.0)
    assert both == one > 0
    assert intent_loss(logits([[0.0, 9.0]]), messages[1:], smoothing=0.0) == 0


def test_either_of_two_intents_is_right(chat: Chat) -> None:
    messages = messages_of(chat("c", ("customer", "open? thanks", "opening", "thanks")))
    torch.testing.assert_close(
        intent_loss(logits([[8.0, 8.0]]), messages, smoothing=0.0), torch.tensor(2.0).log()
    )


def test_one_intent_alone_teaches_nothing(chat: Chat) -> None:
    messages = messages_of(chat("c", ("customer", "open?", "opening")))
    assert intent_loss(logits([[5.0]]), messages, smoothing=0.1) == 0


def answered(chat: Chat, *replies: str) -> list[Message]:
    turns = [(("customer", f"question {n}"), ("agent", reply)) for n, reply in enumerate(replies)]
    return messages_of(chat("c", *[turn for pair in turns for turn in pair]))


def test_the_same_reply_is_never_wrong(chat: Chat) -> None:
    messages = answered(chat, "At seven.", "at SEVEN", "Goodbye.")
    keys = Replies.of([Dialogue(tuple(messages))]).keys
    assert keys == ("at seven", "goodbye")
    sure = torch.tensor([[30.0, 0.0], [30.0, 0.0], [0.0, 30.0]])
    assert ranking_loss(sure, messages, keys, torch.eye(2)) < 1e-6


def test_replies_of_one_template_are_one_candidate() -> None:
    turns = [{"speaker": "customer", "text": "open?"}, {"speaker": "customer", "text": "when?"}]
    turns.insert(1, {"speaker": "agent", "text": "At seven.", "template": "hours"})
    turns.append({"speaker": "agent", "text": "From 7 to 6.", "template": "hours"})
    [dialogue] = read(Conversation.model_validate({"id": "c", "turns": turns}))
    assert Replies.of([dialogue]).keys == ("template:hours",)


def test_a_reply_is_ranked_against_the_others(chat: Chat) -> None:
    messages = answered(chat, "At seven.", "Goodbye.")
    unsure = ranking_loss(torch.zeros(2, 2), messages, ["at seven", "goodbye"], torch.eye(2))
    torch.testing.assert_close(unsure, torch.tensor(2.0).log())


def test_without_two_replies_there_is_nothing_to_rank(chat: Chat) -> None:
    messages = answered(chat, "At seven.")
    assert ranking_loss(torch.ones(1, 2), messages, ["at seven"], torch.eye(2)[:1]) == 0
    assert ranking_loss(torch.ones(1, 2), [], ["at seven", "goodbye"], torch.eye(2)) == 0


@pytest.mark.parametrize("count", [1, 5, 8, 100])
def test_the_right_replies_are_always_drawn(chat: Chat, count: int) -> None:
    messages = answered(chat, *[f"{'abcdefghijkl'[n]} it is" for n in range(12)])
    replies = Replies.of([Dialogue(tuple(messages))])
    right = [messages[place].reply_key for place in (3, 7, 3)]
    drawn = replies.draw(right, count, np.random.default_rng(0))
    assert {replies.keys[place] for place in drawn} >= set(right)
    assert len(drawn) == len(set(drawn)) <= max(count, 2)
    assert count < 12 or len(drawn) == 12


def test_distance_is_zero_at_the_pretrained_vectors() -> None:
    vectors = torch.eye(3)
    assert distance(vectors, vectors.numpy()) == 0
    assert distance(vectors, vectors.roll(1, 0).numpy()) == 1


# --- an epoch ------------------------------------------------------------------------------------


def test_training_lowers_the_losses(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(epochs=6)
    first, *_, end = (trainer.epoch(number, no_progress) for number in range(6))
    assert end["intent"] < first["intent"]
    assert end["ranking"] < first["ranking"]


def test_only_what_lies_above_the_cut_changes(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(epochs=1)
    before = {name: p.clone() for name, p in trainer.trunk.named_parameters()}
    trainer.epoch(0, no_progress)
    changed = {n for n, p in trainer.trunk.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {n for n in before if n.startswith("encoder.encoder.layer.1.")}


def test_an_epoch_tells_its_steps(make_trainer: MakeTrainer) -> None:
    told: list[tuple[int, int]] = []
    make_trainer().epoch(0, lambda done, total: told.append((done, total)))
    assert told == [(step, len(told)) for step in range(1, len(told) + 1)]


def test_the_hold_keeps_vectors_near(make_trainer: MakeTrainer) -> None:
    articles = ["Nuts are used in the kitchen.", "A voucher is valid for three years."]

    def moved(hold: float) -> float:
        trainer = make_trainer(articles, epochs=8, learning_rate=5e-3, hold=hold)
        for number in range(8):
            trainer.epoch(number, no_progress)
        pretrained = trainer.data.pretrained
        now = trainer.data.lower.encode_all(range(len(pretrained)))
        return float(distance(torch.from_numpy(now[-2:]), pretrained[-2:]))

    assert moved(hold=20.0) < moved(hold=0.0) / 2
