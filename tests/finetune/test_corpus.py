"""Chats as index arrays: which turns are messages, what came before, and what was answered."""

from collections.abc import Callable

import numpy as np

from finetune.conversation import Conversation, Turn
from finetune.corpus import (
    NO_TEXT,
    Dialogue,
    Texts,
    build_dialogue,
    intent_targets,
    label_names,
    last,
    replies_of,
    reply_counts,
    reply_key,
)
from finetune.evaluation import Reply

Chat = Callable[..., Conversation]
ASK = ("customer", "are you open", "opening")
OPEN = ("agent", "From seven.")


def read(chat: Conversation, labels: list[str] | None = None) -> tuple[Dialogue, Texts]:
    texts = Texts()
    return build_dialogue(chat, labels or ["opening", "thanks"], texts, context_turns=4), texts


def test_a_text_has_one_number() -> None:
    texts = Texts()
    assert [texts.add(text) for text in ("a", "b", "a")] == [0, 1, 0]
    assert (texts.all, len(texts)) == (["a", "b"], 2)


def test_customer_turns_are_messages_with_what_was_said_before(chat: Chat) -> None:
    dialogue, texts = read(chat("c", ASK, OPEN, ("customer", "great", "thanks")))
    first, second = dialogue.messages
    assert texts.all == ["are you open", "From seven.", "great"]
    assert (first.text, first.turn, first.intents) == (0, 0, (0,))
    assert (second.text, second.turn, second.intents) == (2, 2, (1,))
    assert second.window.tolist() == [NO_TEXT, 0, 1, 2]
    assert second.speakers.tolist() == [0, 1, 2, 1]


def test_the_next_turn_is_the_reply_if_an_agent_said_it(chat: Chat) -> None:
    dialogue, texts = read(chat("c", ASK, ("customer", "hello?"), OPEN, ("customer", "ok")))
    unanswered, answered, at_the_end = dialogue.messages
    assert (unanswered.reply, unanswered.reply_key) == (NO_TEXT, "")
    assert texts.all[answered.reply] == "From seven."
    assert at_the_end.reply == NO_TEXT
    assert dialogue.texts() == {0, 1, 2, 3}


def test_empty_turns_are_passed_over(chat: Chat) -> None:
    dialogue, texts = read(chat("c", ("customer", " "), ASK, ("agent", "\n"), OPEN))
    [message] = dialogue.messages
    assert message.turn == 1  # its place in the chat as the file has it
    assert texts.all[message.reply] == "From seven."
    assert not read(chat("c", ("customer", "")))[0].messages


def test_a_window_holds_the_last_turns() -> None:
    turns = np.arange(9)
    assert last(turns, 8, 4, NO_TEXT).tolist() == [5, 6, 7, 8]
    assert last(turns, 1, 4, NO_TEXT).tolist() == [NO_TEXT, NO_TEXT, 0, 1]


def test_labels_are_the_intents_of_customers_messages(chat: Chat) -> None:
    labelled = chat("a", ASK, ("agent", "From seven.", "inform"), ("customer", "", "nothing"))
    assert label_names([labelled, chat("b", ("customer", "bye", "thanks", "oos"))]) == (
        ["oos", "opening", "thanks"]
    )


def test_an_intent_that_training_never_saw_is_gold_but_no_target(chat: Chat) -> None:
    dialogue, _ = read(chat("c", ("customer", "both", "opening", "unseen")))
    [message] = dialogue.messages
    assert message.intents == (0,)
    assert message.gold == {"opening", "unseen"}


def test_the_mark_of_a_message_out_of_scope_judges_no_guess_unless_it_is_taught(
    chat: Chat,
) -> None:
    asked = chat("c", ("customer", "a dentist?", "oos"), ("customer", "new", "unseen"))
    untaught, _ = read(asked)
    assert [message.names_intent for message in untaught.messages] == [False, True]
    taught, _ = read(asked, ["oos", "opening"])
    assert [message.names_intent for message in taught.messages] == [True, True]


def test_several_intents_share_the_target(chat: Chat) -> None:
    turns = [("customer", "both", "opening", "thanks"), ASK, ("customer", "what")]
    dialogue, _ = read(chat("c", *turns))
    assert intent_targets(dialogue.messages, 2).tolist() == [[0.5, 0.5], [1, 0], [0, 0]]


def test_an_intent_named_twice_counts_once(chat: Chat) -> None:
    dialogue, _ = read(chat("c", ("customer", "twice", "thanks", "thanks")))
    assert intent_targets(dialogue.messages, 2).tolist() == [[0, 1]]


def test_replies_are_the_same_by_template_or_by_their_words() -> None:
    said, shouted = Turn(speaker="agent", text="From 7."), Turn(speaker="agent", text="FROM 8!")
    assert reply_key(said) == reply_key(shouted)
    named = Turn(speaker="agent", text="From 7.", template="hours")
    worded_otherwise = Turn(speaker="agent", text="At seven.", template="hours")
    assert reply_key(named) == reply_key(worded_otherwise) != reply_key(said)


def test_what_an_agent_types_is_never_taken_for_a_template(chat: Chat) -> None:
    dialogue, texts = read(chat("c", ASK, ("agent", "template:hours")))
    assert replies_of(dialogue.messages, texts) == {1: Reply("template:hours", None)}


def test_replies_keep_the_template_they_name() -> None:
    turns = [{"speaker": "customer", "text": "open?"}]
    turns.append({"speaker": "agent", "text": "From seven.", "template": "hours: all"})
    dialogue, texts = read(Conversation.model_validate({"id": "c", "turns": turns}))
    assert replies_of(dialogue.messages, texts) == {1: Reply("From seven.", "hours: all")}


def test_replies_are_counted_by_what_they_say(chat: Chat) -> None:
    one, _ = read(chat("a", ASK, OPEN, ASK, ("agent", "from seven")))
    other, _ = read(chat("b", ASK, ("agent", "At six.")))
    assert reply_counts([one, other]) == {"from seven": 2, "at six": 1}
