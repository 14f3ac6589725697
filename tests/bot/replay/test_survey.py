"""Which chats take part, what repeats and which replies are candidates."""

import json
import random
from pathlib import Path

import pytest

from bot.bot import Desk
from bot.errors import BotError
from bot.replay import pool
from bot.replay import survey as module
from bot.replay.pool import Sample
from bot.replay.survey import Seen, Selection, survey
from bot.workspace import Workspace
from finetune.conversation import Conversation
from tests.bot.replay.conftest import Replayed, chat, silent


def selection(chats: list[Conversation], seen: Seen, *, include: bool = False) -> Selection:
    return Selection(chats, [seen], include)


def test_chats_of_the_training_are_left_out(desk: Desk, chats: list[Conversation]) -> None:
    found = survey(selection(chats, Seen(desk.model.folder)), 7, silent)
    assert (found.chats, found.seen, found.excluded) == (18, 54, 54)
    left = {one.chat.id for one in selection(chats, Seen(desk.model.folder))}
    assert left == {chat.id for chat in chats if chat.split == "test"}


def test_they_are_known_by_what_was_said_whatever_they_are_called(
    desk: Desk, chats: list[Conversation], replayed: Replayed
) -> None:
    renamed = [
        Conversation.model_validate(
            {
                "id": f"export {number}",
                "turns": [{"speaker": turn.speaker, "text": turn.text} for turn in chat.turns],
            }
        )
        for number, chat in enumerate(chats)
    ]
    row, turns = replayed(desk, renamed, include_seen=True)
    assert row.figures
    assert row.figures["seen_in_training"] == 54
    parts = {turn.conversation: turn.seen for turn in turns}
    for number, original in enumerate(chats):
        part = {"train": ("train",), "validation": ("validation", "calibration")}
        expected = part.get(original.split or "", (None,))
        assert parts[f"export {number}"] in expected


def test_a_chat_that_went_on_differently_is_new(desk: Desk, chats: list[Conversation]) -> None:
    [known] = [chat for chat in chats if chat.id == "bakery-00"]
    other = known.model_copy(update={"turns": known.turns[:-1]})
    seen = Seen(desk.model.folder)
    assert (seen.part(known), seen.part(other)) == ("train", None)


def test_a_version_that_lists_no_contents_is_asked_by_the_hash_of_the_whole_chat(
    trained_workspace: Workspace, chats: list[Conversation]
) -> None:
    path = trained_workspace.models / "v1" / "settings.json"
    settings = json.loads(path.read_text())
    del settings["seen"]
    path.write_text(json.dumps(settings))
    [known] = [chat for chat in chats if chat.id == "bakery-00"]
    changed = known.model_copy(update={"turns": known.turns[:-1]})
    seen = Seen(path.parent)
    assert (seen.part(known), seen.part(changed)) == ("train", None)


def test_where_all_were_seen_the_person_is_told_what_to_do(
    desk: Desk, chats: list[Conversation]
) -> None:
    known = [chat for chat in chats if chat.split == "train"]
    with pytest.raises(BotError, match=r"seen all 36 chats .* --include-trained"):
        survey(selection(known, Seen(desk.model.folder)), 7, silent)


def test_texts_that_are_said_in_several_chats_repeat(tmp_path: Path) -> None:
    chats = [
        chat("a", "customer: hi", "agent: hello", "customer: where is it"),
        chat("b", "customer: hi", "agent: hello", "customer: hi"),
        chat("c", "customer: bye", "agent: hi"),
    ]
    found = survey(selection(chats, Seen(tmp_path)), 7, silent)
    assert (list(found.said), list(found.heard)) == (["hi"], ["hello"])
    assert found.replies == [("hello", "hello"), ("hi", "hi")]


def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED", 50)
    chats = [chat(str(n), "customer: often", f"customer: once {n}") for n in range(500)]
    counts = module._Frequent()
    for one in chats:
        counts.add({turn.text for turn in one.turns})
        assert counts.held <= 52
    assert counts.most() == ["often"]


def test_the_sample_of_replies_is_the_same_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SIZE", 20)
    replies = [f"reply {chr(97 + a)}{chr(97 + b)}" for a in range(20) for b in range(20)]
    drawn = []
    for seed in range(3):
        random.Random(seed).shuffle(replies)
        sample = Sample(7)
        for reply in (*replies, *replies[:50], "Reply AA!"):
            sample.add(reply, reply)
        drawn.append(sample.replies())
    assert len(drawn[0]) == 20
    assert drawn[0] == drawn[1] == drawn[2]


def test_a_right_reply_is_ranked_among_a_hundred_and_never_against_itself(
    desk: Desk, replayed: Replayed
) -> None:
    words = [f"{chr(97 + a)}{chr(97 + b)}" for a in range(20) for b in range(10)]
    chats = [chat(word, "customer: hello", f"agent: {word}") for word in words]
    again = [chat(f"{word} again", "customer: hello", f"agent: {word.upper()}!") for word in words]
    _, turns = replayed(desk, [*chats, *again])
    assert {turn.candidates for turn in turns} == {100}
    # A spelling of the right one among the candidates would often tie with it or beat it.
    assert len({turn.rank for turn in turns}) > 20
