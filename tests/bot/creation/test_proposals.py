"""Which templates are proposed from past chats, and which of them may be spoken."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.creation.proposals import ProposedTemplate, propose_templates, write_templates
from bot.workspace.templates import load_templates
from finetune.conversation import Conversation


def chat(*turns: tuple[str, ...]) -> Conversation:
    """Turns are ("customer", text, intent?) or ("agent", text, template?)."""
    label = {"customer": "intent", "agent": "template"}
    spelled = [
        {"speaker": turn[0], "text": turn[1], **({label[turn[0]]: turn[2]} if turn[2:] else {})}
        for turn in turns
    ]
    return Conversation.model_validate({"id": "1", "turns": spelled})


def proposed(chats: Sequence[Conversation]) -> dict[str, ProposedTemplate]:
    return {proposal.id: proposal for proposal in propose_templates(chats)}


def test_a_named_template_takes_its_most_frequent_wordings() -> None:
    said = ["May I have your name?"] * 5 + ["Who are you, please?"] * 4 + ["Name!"]
    found = proposed([chat(("agent", text, "ask_name")) for text in said])
    assert found["ask_name"].wordings == ("May I have your name?", "Who are you, please?")
    assert found["ask_name"].uses == 10
    assert not found["ask_name"].draft


def test_wordings_that_differ_by_punctuation_are_one() -> None:
    said = ["Ride booked."] * 3 + ["ride booked"] * 2
    found = proposed([chat(("agent", text, "done")) for text in said])
    assert found["done"].wordings == ("Ride booked.",)


def test_a_generic_wording_is_preferred_to_one_with_facts() -> None:
    said = ["I found a room at the Hilton."] * 4 + ["I found a room for you."] * 5
    found = proposed([chat(("agent", text, "room")) for text in said])
    assert found["room"].wordings == ("I found a room for you.",)


def test_facts_of_single_chats_make_a_draft() -> None:
    prices = [f"That makes {price} credits." for price in range(9)]
    hotels = [f"You stay at the {name} then." for name in ("Hilton", "Ritz", "Savoy")] * 3
    sides = [f"The station is on the {side} of you." for side in ("left", "right")] * 5
    for said in (prices, hotels, sides):
        found = proposed([chat(("agent", text, "it")) for text in said])
        assert found["it"].draft
        assert "facts of single chats" in found["it"].note


def test_facts_that_never_change_are_the_companys() -> None:
    found = proposed([chat(("agent", "We open at 9 on Saturdays.", "hours"))] * 5)
    assert not found["hours"].draft


def test_a_reply_said_once_or_twice_is_not_proposed() -> None:
    assert proposed([chat(("agent", "Rare.", "rare")), chat(("agent", "Rare.", "rare"))]) == {}


def test_replies_answer_the_intents_of_the_messages_before_them() -> None:
    chats = [
        chat(
            ("customer", "where is it", "order"),
            ("agent", "It is on its way.", "on_its_way"),
            ("customer", "thanks", "thanks"),
            ("agent", "Anything else?", "else"),
        ),
    ] * 5 + [chat(("customer", "x", "oos"), ("agent", "Anything else?", "else"))] * 2
    found = proposed(chats)
    assert found["on_its_way"].intents == ("order",)
    assert found["else"].intents == ("thanks",)


def test_without_names_equal_replies_are_one_template() -> None:
    chats = [chat(("agent", text)) for text in ["Not at all!", "not at all"] * 2 + ["Once."]]
    [proposal] = propose_templates(chats)
    assert (proposal.id, proposal.uses) == ("not_at_all", 4)
    [chinese] = propose_templates([chat(("agent", "不客气。"))] * 3)
    assert chinese.id == "不客气"


def test_without_names_replies_of_one_meaning_are_one_template() -> None:
    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        polite = [[1.0, 0.0] if "welcome" in text.lower() else [0.0, 1.0] for text in texts]
        return np.array(polite, np.float32)

    said = ["You are welcome."] * 3 + ["Most welcome!"] * 2 + ["It is on its way."] * 3
    found = propose_templates([chat(("agent", text)) for text in said], encode)
    assert [(proposal.uses, proposal.wordings) for proposal in found] == [
        (5, ("You are welcome.", "Most welcome!")),
        (3, ("It is on its way.",)),
    ]


def test_what_means_the_same_but_was_never_said_twice_is_a_draft() -> None:
    said = ["推荐您去八达岭长城游玩。", "推荐您去颐和园游玩。", "推荐您去天坛公园游玩。"]
    chats = [chat(("agent", text)) for text in said]
    [place] = propose_templates(chats, lambda texts: np.ones((len(texts), 1), np.float32))
    assert (place.id, place.uses, place.draft) == ("推荐您去八达岭长城游", 3, True)


def test_an_intent_nobody_answers_becomes_a_draft() -> None:
    chats = [chat(("customer", "hi", "greeting"), ("customer", "?", "oos"))] * 2
    [draft] = propose_templates(chats)
    assert draft.draft
    assert draft.intents == ("greeting",)
    assert "2 messages" in draft.note


def test_nothing_said_nothing_proposed() -> None:
    assert propose_templates([]) == []
    assert propose_templates([chat(("customer", "hi"), ("agent", " "))]) == []


def test_what_is_written_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "templates.yaml"
    odd = ['Say "hi": {name} # no', "line\ntwo", "- 您好！\u2028\x07", "null", "5", "\\", "a: b"]
    chats = [chat(("agent", text, f"t{n}: #")) for n, text in enumerate(odd)] * 3
    write_templates(path, propose_templates([*chats, chat(("customer", "x", "no"))]))
    loaded = load_templates(path, set())
    assert {template.id for template in loaded} == {*(f"t{n}: #" for n in range(7)), "no"}
    assert loaded.by_id["t0: #"].wordings == ('Say "hi": (name) # no',)
    assert loaded.by_id["t3: #"].wordings == ("null",)
    assert loaded.by_id["no"].draft
    assert "# used 3 times" in path.read_text(encoding="utf-8")


def test_emoji_are_written_as_people_read_them(tmp_path: Path) -> None:
    path = tmp_path / "templates.yaml"
    wording = 'On its way \U0001f4e6: "C:\\U0001F4E6"'
    write_templates(path, [ProposedTemplate("sent", ("where",), (wording,), 3)])
    assert '- "On its way \U0001f4e6: ' in path.read_text(encoding="utf-8")
    assert load_templates(path, set()).by_id["sent"].wordings == (wording,)


def test_no_proposals_are_an_empty_list(tmp_path: Path) -> None:
    write_templates(tmp_path / "templates.yaml", [])
    assert len(load_templates(tmp_path / "templates.yaml", set())) == 0
