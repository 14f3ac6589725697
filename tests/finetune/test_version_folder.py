"""A version lists what it has seen, by what was said, and what the versions before it had."""

import json
from pathlib import Path

import pytest

from finetune import version_folder
from finetune.conversation import Conversation
from finetune.encoder import EncoderSource
from finetune.examples import Splits
from finetune.judging import Names
from finetune.training import Recipe
from finetune.transcripts import content_hash


def chat(name: str) -> Conversation:
    return Conversation.model_validate(
        {"id": name, "turns": [{"speaker": "customer", "text": f"hello {name}"}]}
    )


def seen(folder: Path, start: str | None, **parts: list[Conversation]) -> dict[str, str]:
    """What a version in this folder, made from these parts, says that it has seen."""
    folder.mkdir(parents=True)
    train, calibration, test = (parts.get(name, []) for name in ("train", "calibration", "test"))
    splits = Splits(train, [], calibration, test, notes=[])
    chats = [chat for part in parts.values() for chat in part]
    names = Names(("greet",), (), ())
    version_folder.write_origin(
        folder, chats, EncoderSource("x"), Recipe(), names, splits, start, "full"
    )
    found: dict[str, str] = json.loads((folder / "settings.json").read_text())["seen"]
    return found


def test_test_chats_are_not_seen(tmp_path: Path) -> None:
    found = seen(
        tmp_path / "v1", None, train=[chat("a")], calibration=[chat("b")], test=[chat("c")]
    )
    assert found == {content_hash(chat("a")): "train", content_hash(chat("b")): "calibration"}


def test_what_the_version_before_saw_is_seen(tmp_path: Path) -> None:
    seen(tmp_path / "v1", None, train=[chat("a")])
    found = seen(tmp_path / ".new-1", "v1", train=[chat("b")])
    assert set(found) == {content_hash(chat("a")), content_hash(chat("b"))}


@pytest.mark.parametrize("change", [{"id": "b"}, {"split": "test"}, {"tags": ("x",)}])
def test_a_chat_is_known_by_what_was_said(change: dict[str, str]) -> None:
    assert content_hash(chat("a").model_copy(update=change)) == content_hash(chat("a"))
