"""Transcripts: every line counts or is named with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from finetune.conversation import Conversation
from finetune.errors import FinetuneError
from finetune.transcripts import ChatStream, digest, read_chats

WORKSPACES = Path(__file__).parents[3] / "shared" / "data" / "workspaces"


def line(chat_id: Any = "a", text: str = "Hi", **keys: Any) -> bytes:
    turns = [{"speaker": "customer", "text": text}]
    return json.dumps({"id": chat_id, "turns": turns, **keys}).encode() + b"\n"


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_folder_is_read_in_order_of_names(tmp_path: Path) -> None:
    write(tmp_path, "b.jsonl", line("2") + b"\n" + line("3"))
    write(tmp_path, "a.csv", "conversation,speaker,text\n1,customer,Hi\n")
    write(tmp_path, "notes.txt", "not a transcript")
    chats = read_chats([tmp_path])
    assert [chat.id for chat in chats.conversations] == ["1", "2", "3"]
    assert (chats.bad, chats.warnings) == ([], [])


def test_csv_rows_become_conversations(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.csv",
        "\ufeffConversation,Speaker,Text,Intent,Template,Split,At\r\n"
        '7,customer,"I lost it,\r\nhelp",lost|help,,dev,2024-05-01T10:00:00Z\r\n'
        "8,customer,Hi,,,,\r\n"
        "7,agent,Sorry!,,sorry,,\r\n",
    )
    seven, eight = read_chats([path]).conversations
    assert (seven.id, seven.split, len(seven.turns)) == ("7", "validation", 2)
    assert seven.turns[0].text == "I lost it,\r\nhelp"
    assert seven.turns[0].intents == ("lost", "help")
    assert seven.turns[0].at is not None
    assert seven.turns[0].at.year == 2024
    assert seven.turns[1].template == "sorry"
    assert (eight.split, eight.turns[0].intents) == (None, ())


BAD_LINES = [
    (b"{nonsense\n", "not valid JSON"),
    (b"[1]\n", "not a JSON object"),
    (b'{"id": "a", "turns": [{"speaker": "customer", "text": "\xff"}]}\n', "not valid UTF-8"),
    (b'{"id": "a", "turns": [{"speaker": "customer", "text": "\\ud800"}]}\n', "not valid JSON"),
    (b"[" * 100_000 + b"\n", "not valid JSON"),
    (line("good", "other text"), "chat good differs from the one of that id in"),
    (line(split="eval"), "split must be 'train', 'validation' or 'test'"),
]


@pytest.mark.parametrize(("bad", "fault"), BAD_LINES)
def test_a_bad_line_stops_or_is_counted(tmp_path: Path, bad: bytes, fault: str) -> None:
    path = write(tmp_path, "a.jsonl", line("good") + bad + line("last"))
    with pytest.raises(FinetuneError) as caught:
        read_chats([path])
    assert str(caught.value).startswith(f"{path}:2: {fault}")
    assert str(caught.value).endswith("; mend it, or leave it out with `--skip-bad`")
    chats = read_chats([path], skip_bad=True)
    assert [chat.id for chat in chats.conversations] == ["good", "last"]
    assert len(chats.bad) == 1
    assert chats.bad[0].startswith(f"{path}:2: {fault}")


BAD_ROWS = [
    ("a,customer", ":3: 2 cells where the header has 3"),
    (",customer,Hi", ":3: conversation is empty"),
    ("a,robot,Hi", ":3: turns[0].speaker must be"),
    ("a,customer,H\udcff", ":3: not valid UTF-8"),
    ('a,customer,"Hi"x', ":3: not valid CSV"),
]


@pytest.mark.parametrize(("row", "fault"), BAD_ROWS)
def test_a_bad_row_stops_or_is_counted(tmp_path: Path, row: str, fault: str) -> None:
    content = f"conversation,speaker,text\ngood,customer,\ufffd\n{row}\nlast,agent,Bye\n"
    path = write(tmp_path, "a.csv", content.encode(errors="surrogateescape"))
    with pytest.raises(FinetuneError) as caught:
        read_chats([path])
    assert f"{path}{fault}" in str(caught.value)
    chats = read_chats([path], skip_bad=True)
    assert [chat.id for chat in chats.conversations] == ["good", "last"]
    assert len(chats.bad) == 1


def test_a_bad_row_takes_its_whole_conversation(tmp_path: Path) -> None:
    rows = "a,customer,Hi,train\na,agent,Bye,test\nb,customer,Hi,\n"
    path = write(tmp_path, "a.csv", f"conversation,speaker,text,split\n{rows}")
    chats = read_chats([path], skip_bad=True)
    assert [chat.id for chat in chats.conversations] == ["b"]
    assert chats.bad == [f"{path}:3: chat a is in two splits"]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_may_have_other_separators(tmp_path: Path, separator: str) -> None:
    rows = ("conversation,speaker,text", "1,customer,Wo ist es", "1,agent,Unterwegs")
    path = write(tmp_path, "a.csv", "\n".join(rows).replace(",", separator))
    [chat] = read_chats([path]).conversations
    assert [turn.text for turn in chat.turns] == ["Wo ist es", "Unterwegs"]


def test_a_csv_needs_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,Hi\n")
    with pytest.raises(FinetuneError, match=r"a\.csv:1: no column conversation, speaker"):
        read_chats([path], skip_bad=True)


def test_the_same_chat_twice_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", line(1) + line("1"))
    chats = read_chats([path])
    assert len(chats.conversations) == 1
    assert chats.warnings == [f"{path}:2: chat 1 again, as in {path}:1; dropped"]


def test_what_is_ignored_is_told_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", line("1", lang="en") + line("2", " ", lang="en"))
    assert read_chats([path]).warnings == [
        '"lang" is no key of a chat; ignored 2 times',
        "1 turns have no text; they teach nothing",
    ]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.jsonl", "", "no chat to read; put transcripts there first"),
        ("a.jsonl", "{", "no chat to read (1 bad lines, first "),
        ("a.csv", "", "no chat to read"),
        ("a.txt", "Hi", "transcripts are *.jsonl or *.csv"),
        (None, "", "there is no such file or folder"),
    ],
)
def test_nothing_to_read(tmp_path: Path, name: str | None, content: str, fault: str) -> None:
    path = write(tmp_path, name, content) if name else tmp_path / "none.jsonl"
    with pytest.raises(FinetuneError) as caught:
        read_chats([path], skip_bad=True)
    assert fault in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(FinetuneError, match=r"no \*\.jsonl or \*\.csv file"):
        read_chats([tmp_path])


def test_the_digest_ignores_order_and_spelling() -> None:
    one, two = (Conversation.model_validate_json(line(chat_id)) for chat_id in ("1", "2"))
    dated = Conversation.model_validate_json(line(2, split=None))
    assert digest([one, two]) == digest([dated, one])
    assert digest([one, two]) != digest([one])


@pytest.mark.skipif(not WORKSPACES.is_dir(), reason="the shared data sets are not here")
@pytest.mark.parametrize(
    ("workspace", "count"), [("abcd-guidelines", 3), ("crosswoz-zh", 500), ("twitter-care", 525)]
)
def test_real_transcripts_read_without_a_bad_line(workspace: str, count: int) -> None:
    chats = read_chats([WORKSPACES / workspace / "chats"])
    assert len(chats.conversations) == count
    assert (chats.bad, chats.warnings) == ([], [])


def test_a_stream_can_be_read_again_and_tells_the_same(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    one = '{"id": 1, "mood": "x", "turns": [{"speaker": "customer", "text": "hi"}]}'
    other = '{"id": 2, "turns": [{"speaker": "agent", "text": " "}]}'
    path.write_text("\n".join([one, "{oops", other, one]))
    stream = ChatStream([path], skip_bad=True)
    for _ in range(2):
        assert [chat.id for chat in stream] == ["1", "2"]
        assert [line.partition(" (")[0] for line in stream.bad] == [f"{path}:2: not valid JSON"]
        assert stream.warnings == [
            f"{path}:4: chat 1 again, as in {path}:1; dropped",
            '"mood" is no key of a chat; ignored 1 times',
            "1 turns have no text; they teach nothing",
        ]


def test_a_stream_reads_no_further_than_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text('{"id": 1, "turns": [{"speaker": "customer", "text": "hi"}]}\n{oops')
    assert next(iter(ChatStream([path]))).id == "1"
