"""A conversation is checked once, when it is read."""

from typing import Any

import pytest
from pydantic import ValidationError

from finetune.conversation import Conversation, first_fault, unknown_keys


def chat(turn: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return {"id": "a", "turns": [{"speaker": "customer", "text": "Hi", **(turn or {})}], **keys}


def test_one_intent_or_several() -> None:
    assert Conversation.model_validate(chat({"intent": " greet "})).turns[0].intents == ("greet",)
    both = Conversation.model_validate(chat({"intents": ["greet", "ask"]}))
    assert both.turns[0].intents == ("greet", "ask")
    assert Conversation.model_validate(chat()).turns[0].intents == ()


def test_null_is_absent() -> None:
    turn = {"intent": None, "intents": None, "entities": None, "template": None, "at": None}
    assert Conversation.model_validate(chat(turn, tags=None, split=None)) == (
        Conversation.model_validate(chat())
    )


@pytest.mark.parametrize("name", ["dev", "val", "valid", "validation", "Validation"])
def test_validation_goes_by_many_names(name: str) -> None:
    assert Conversation.model_validate(chat(split=name)).split == "validation"


def test_a_number_is_an_id() -> None:
    assert Conversation.model_validate(chat(id=12)).id == "12"


def test_a_span_counts_characters_not_bytes() -> None:
    span = {"start": 0, "end": 2, "type": "city"}
    turn = Conversation.model_validate(chat({"text": "北京好", "entities": [span]})).turns[0]
    assert turn.text[turn.entities[0].start : turn.entities[0].end] == "北京"


def span(start: Any, end: Any) -> dict[str, Any]:
    return {"entities": [{"start": start, "end": end, "type": "x"}]}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ([], "the line must be a JSON object"),
        ({"turns": []}, "id is missing"),
        (chat(turns=[]), "turns must not be empty"),
        (chat(turns="Hi"), "turns must be a list"),
        (chat(turns=["Hi"]), "turns[0] must be a JSON object"),
        (chat(id=True), "id must be a text"),
        (chat(id=" "), "id must not be empty"),
        (chat(split="eval"), "split must be 'train', 'validation' or 'test'"),
        (chat({"speaker": "bot"}), "turns[0].speaker must be 'customer' or 'agent'"),
        (chat({"text": None}), "turns[0].text is missing"),
        (chat({"intents": "greet"}), "turns[0].intents must be a list"),
        (chat({"intent": "a", "intents": []}), 'turns[0]: give "intent" or "intents", not both'),
        (chat(span(0, 3)), "the entity span 0-3 is not inside the text, which has 2 characters"),
        (chat(span(1, 1)), "the entity span 1-1 is not inside"),
        (chat(span(-1, 1)), "turns[0].entities[0].start"),
        (chat(span(0, 1.5)), "turns[0].entities[0].end"),
        (chat({"at": "yesterday"}), "turns[0].at"),
    ],
)
def test_a_fault_is_named_with_its_place(data: Any, fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Conversation.model_validate(data)
    assert fault in first_fault(caught.value)


def test_unknown_keys_are_found_at_every_level() -> None:
    entity = {"start": 0, "end": 1, "type": "x", "value": "H"}
    data = chat({"mood": "calm", "intent": "a", "entities": [entity]}, lang="en")
    assert set(unknown_keys(data)) == {"lang", "turns[].mood", "turns[].entities[].value"}
