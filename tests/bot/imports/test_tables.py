"""Chats from tables: JSON Lines, CSV, Hugging Face datasets; and what is true of all imports."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bot.imports.run import import_chats
from bot.imports.scratch import scratch_in

Frontdesk = Callable[..., tuple[int, str, str]]
Lines = list[dict[str, Any]]
Imported = Callable[..., tuple[Lines, dict[str, Any]]]


def write_lines(path: Path, *records: object) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def turn(speaker: str, text: str, **more: object) -> dict[str, object]:
    return {"speaker": speaker, "text": text, **more}


# --- JSON Lines ----------------------------------------------------------------------------------


def test_our_own_lines_come_through_with_their_labels_moved(
    imported: Imported, tmp_path: Path
) -> None:
    text = "mail mia@example.com about TT-123456 please"
    spans = [
        {"start": 5, "end": 20, "type": "email"},
        {"start": 27, "end": 36, "type": "order_id"},
        {"start": 37, "end": 43, "type": "wish"},
    ]
    chat = {
        "id": 7,
        "split": "dev",
        "tags": ["web"],
        "mood": "?",
        "turns": [turn("customer", text, intent="ask", entities=spans, at="2026-01-02T16:12:51Z")],
    }
    lines, told = imported(write_lines(tmp_path / "a.jsonl", chat))

    assert lines == [
        {
            "id": "7",
            "split": "validation",
            "tags": ["web"],
            "turns": [
                {
                    "speaker": "customer",
                    "text": "mail [email] about [order_id] please",
                    "intents": ["ask"],
                    "entities": [
                        {"start": 5, "end": 12, "type": "email"},
                        {"start": 19, "end": 29, "type": "order_id"},
                        {"start": 30, "end": 36, "type": "wish"},
                    ],
                    "at": "2026-01-02T16:12:51Z",
                }
            ],
        }
    ]
    assert told["ignored"] == ["mood"]


def test_marked_names_are_masked_and_sizes_are_not(imported: Imported, tmp_path: Path) -> None:
    marked = [{"start": 5, "end": 8, "type": "Name"}]
    chat = {"id": "c", "turns": [turn("customer", "I am Mia, M12345, EU 42", entities=marked)]}
    lines, told = imported(write_lines(tmp_path / "a.jsonl", chat))

    assert lines[0]["turns"][0]["text"] == "I am [name], [member], EU 42"
    assert lines[0]["turns"][0]["entities"] == [{"start": 5, "end": 11, "type": "Name"}]
    assert told["masked"] == {"member": 1, "name": 1}


def test_chats_as_chat_models_are_trained_on(imported: Imported, tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
    ]
    shared = [{"from": "human", "value": "Hi there"}, {"from": "gpt", "value": "Hello!"}]
    path = write_lines(tmp_path / "a.jsonl", {"messages": messages}, {"conversations": shared})
    lines, told = imported(path)

    hello = {"speaker": "agent", "text": "Hello!"}
    assert lines == [
        {"id": "a-000001", "turns": [{"speaker": "customer", "text": "Hi"}, hello]},
        {"id": "a-000002", "turns": [{"speaker": "customer", "text": "Hi there"}, hello]},
    ]
    assert told["dropped"]["messages"] == {"system message": 1}


def test_turns_of_a_chat_may_lie_apart(imported: Imported, tmp_path: Path) -> None:
    rows = [
        {"ticket_id": 2, "who": "client", "body": "second", "created_at": 1709546400},
        {"ticket_id": 1, "who": "client", "body": "first"},
        {"ticket_id": 2, "who": "support", "body": "reply", "lang": "en"},
    ]
    lines, told = imported(write_lines(tmp_path / "a.jsonl", *rows))

    assert lines == [
        {
            "id": "2",
            "turns": [
                {"speaker": "customer", "text": "second", "at": "2024-03-04T10:00:00Z"},
                {"speaker": "agent", "text": "reply"},
            ],
        },
        {"id": "1", "turns": [{"speaker": "customer", "text": "first"}]},
    ]
    assert told["ignored"] == ["lang"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_one_big_array_is_read_too(imported: Imported, tmp_path: Path, wrapped: bool) -> None:
    rows = [{"text": "hi", "label": "greet"}, {"text": "bye", "label": "goodbye"}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": 1, "data": rows} if wrapped else rows))
    lines, told = imported(path)

    assert told["format"] == "jsonl"
    assert [line["turns"][0] for line in lines] == [
        {"speaker": "customer", "text": "hi", "intents": ["greet"]},
        {"speaker": "customer", "text": "bye", "intents": ["goodbye"]},
    ]


def test_a_told_column_is_not_taken_for_another(imported: Imported, tmp_path: Path) -> None:
    row = {"text": "awful", "label": "negative", "category": "flight"}
    path = write_lines(tmp_path / "a.jsonl", row)
    lines, told = imported(path, "--columns", "sentiment=label,intent=")

    assert lines[0]["turns"] == [{"speaker": "customer", "text": "awful", "sentiment": "negative"}]
    assert told["ignored"] == ["category"]


# --- CSV -----------------------------------------------------------------------------------------

CSV = """\
thread;from;words;topic
9;Mia;"Hi; where is it,
my TT-123456?";order/track
9;Tom;On its way;
10;Ben;Thanks;smalltalk/thanks|bye
"""


def test_a_table_for_excel_with_columns_of_one_name(imported: Imported, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\ntext;comment;comment;\nhi, you;x;y;\n", encoding="utf-8")
    lines, told = imported(path)

    assert lines[0]["turns"][0]["text"] == "hi, you"
    assert told["ignored"] == ["column 4", "comment", "comment (2)"]


def test_usual_names_may_be_written_in_other_ways(imported: Imported, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Conversation ID,Role,Message,created-at\n1,User,hi,2026-01-02 09:00\n")
    lines, _ = imported(path)

    assert lines == [
        {
            "id": "1",
            "turns": [{"speaker": "customer", "text": "hi", "at": "2026-01-02T09:00:00"}],
        }
    ]


def test_csv_with_told_columns(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
    told_columns = "conversation=thread,text=words,intent=topic"
    lines, told = imported(tmp_path / "a.csv", "--columns", told_columns, "--agent", "Tom")

    assert told["format"] == "csv"
    assert lines == [
        {
            "id": "9",
            "turns": [
                {
                    "speaker": "customer",
                    "text": "Hi; where is it,\nmy [order_id]?",
                    "intents": ["order/track"],
                },
                {"speaker": "agent", "text": "On its way"},
            ],
        },
        {
            "id": "10",
            "turns": [
                {
                    "speaker": "customer",
                    "text": "Thanks",
                    "intents": ["smalltalk/thanks", "bye"],
                }
            ],
        },
    ]


@pytest.mark.parametrize(
    ("header", "columns", "fault"),
    [
        ("a,b", "", ":1: the columns are a, b; say which is the text: --columns text=…"),
        (
            "text,b",
            "speaker=c",
            ':1: the columns are text, b; "c", told for speaker, is none of them; correct it',
        ),
    ],
)
def test_columns_that_are_not_there(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, header: str, columns: str, fault: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\nx,y\n", encoding="utf-8")

    assert frontdesk("chats", "import", path, "--columns", columns, "-w", desk) == (
        2,
        "",
        f"frontdesk: {path}{fault}\n",
    )


# --- encodings -----------------------------------------------------------------------------------

GERMAN = "conversation;speaker;text\n1;customer;Wo ist mein Päckchen? Grüße\n"
CHINESE = "conversation,speaker,text\n1,customer,我的订单到哪里了？\n"


@pytest.mark.parametrize(
    ("text", "encoding"), [(GERMAN, "windows-1252"), (CHINESE, "gb18030"), (CHINESE, "utf-16")]
)
def test_a_table_in_another_encoding(
    imported: Imported, tmp_path: Path, text: str, encoding: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    lines, _ = imported(path, "--encoding", encoding)

    assert lines[0]["turns"][0]["text"] in text


def test_a_byte_order_mark_says_utf_16(imported: Imported, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CHINESE.encode("utf-16"))

    assert imported(path)[0][0]["turns"][0]["text"] == "我的订单到哪里了？"


@pytest.mark.parametrize(
    ("text", "encoding"), [(GERMAN, "windows-1252"), (CHINESE, "gb18030"), (GERMAN, "cp1250")]
)
def test_an_encoding_is_not_guessed_at(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, text: str, encoding: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    likely = "gb18030" if text == CHINESE else "windows-1252"

    assert frontdesk("chats", "import", path, "-w", desk) == (
        2,
        "",
        f"frontdesk: {path}: is not UTF-8; it may be {likely}: say so with --encoding {likely}, "
        "or save it as UTF-8\n",
    )


@pytest.mark.parametrize(
    ("encoding", "fault"),
    [
        (
            "latin-99",
            '--encoding: there is no "latin-99"; common ones are windows-1252, gb18030 and big5',
        ),
        ("ascii", "{path}: not valid ascii; save it as UTF-8"),
    ],
)
def test_a_wrong_encoding_is_one_sentence(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, encoding: str, fault: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GERMAN, encoding="utf-8")

    assert frontdesk("chats", "import", path, "--encoding", encoding, "-w", desk) == (
        2,
        "",
        f"frontdesk: {fault.format(path=path)}\n",
    )


# --- dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "options", "read"),
    [
        ("2025-12-31 14:05", (), "2025-12-31T14:05:00"),
        ("2025-12-31T14:05:00+08:00", (), "2025-12-31T14:05:00+08:00"),
        ("31.12.2025 14:05", (), "2025-12-31T14:05:00"),
        ("03.04.2025", (), "2025-04-03T00:00:00"),
        ("2025/4/3 14:05", (), "2025-04-03T14:05:00"),
        ("12/31/25 2:05 PM", (), "2025-12-31T14:05:00"),
        ("3/4/2025 14:05", ("--day-first",), "2025-04-03T14:05:00"),
        ("3/4/2025 14:05", ("--month-first",), "2025-03-04T14:05:00"),
    ],
)
def test_dates_as_people_write_them(
    imported: Imported, tmp_path: Path, at: str, options: tuple[str, ...], read: str
) -> None:
    lines, _ = imported(write_lines(tmp_path / "a.jsonl", {"text": "hi", "date": at}), *options)

    assert lines[0]["turns"][0]["at"] == read


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        ("3/4/2025", "may be day and month or month and day; say which with --day-first or "),
        ("31.2.2025", "is no day and time"),
    ],
)
def test_a_date_that_cannot_be_told_stops_the_import(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, at: str, fault: str
) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"text": "hi", "date": at})
    code, _, err = frontdesk("chats", "import", path, "-w", desk)

    assert code == 2
    assert err.startswith(f'frontdesk: {path}:1: "{at}" {fault}')


# --- words with tags -----------------------------------------------------------------------------


def test_tags_on_words_become_entities(imported: Imported, tmp_path: Path) -> None:
    words = ["fly", "to", "New", "York", "Oslo", "monday"]
    tags = ["O", "O", "B-city", "I-city", "B-city", "B-day"]
    path = write_lines(
        tmp_path / "a.jsonl",
        {"text": "fly to New  York Oslo monday", "tokens": words, "tags": tags},
        {"words": list("去北京"), "ner_tags": ["O", "B-city", "I-city"]},
    )
    lines, told = imported(path)

    assert [line["turns"][0]["text"] for line in lines] == [
        "fly to New  York Oslo monday",
        "去北京",
    ]
    assert [
        [(one["start"], one["end"], one["type"]) for one in line["turns"][0]["entities"]]
        for line in lines
    ] == [[(7, 16, "city"), (17, 21, "city"), (22, 28, "day")], [(1, 3, "city")]]
    assert told["ignored"] == []


def test_words_and_tags_that_do_not_fit_are_bad(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"text": "hi", "tokens": ["hello"], "tags": ["O"]})
    _, _, err = frontdesk("chats", "import", path, "-w", desk)

    assert err.startswith(f"frontdesk: {path}:1: its words and tags do not fit its text")


def test_tags_without_words_are_told_to_be_unread(imported: Imported, tmp_path: Path) -> None:
    _, told = imported(write_lines(tmp_path / "a.jsonl", {"text": "hi", "tags": ["a", "b"]}))

    assert told["ignored"] == ["tags"]


# --- what is told --------------------------------------------------------------------------------


def test_columns_of_other_names_are_told(frontdesk: Frontdesk, desk: Path, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"text": "hi", "label": "greet", "mood": "good"})
    _, out, _ = frontdesk("chats", "import", path, "-w", desk)

    assert out.splitlines()[:2] == ["read: label as intent", "not read: mood"]


def test_without_a_workspace_the_transcript_is_written_here(
    frontdesk: Frontdesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, out, err = frontdesk("chats", "import", write_lines(tmp_path / "a.jsonl", {"text": "hi"}))

    assert (code, Path("a.jsonl").exists()) == (0, True)
    assert out == "1 conversations with 1 messages from jsonl are in a.jsonl\n"
    assert err.endswith(
        "there is no workspace here; `frontdesk new DIR --chats a.jsonl` makes one of it\n"
    )


# --- what is dropped, and why --------------------------------------------------------------------


def test_nothing_is_dropped_in_silence(imported: Imported, tmp_path: Path) -> None:
    hello = [turn("customer", "hello"), turn("agent", " ")]
    path = tmp_path / "a.jsonl"
    write_lines(
        path,
        {"id": "1", "turns": hello},
        {"id": "1", "turns": hello},
        {"id": "1", "turns": [turn("customer", "something else")]},
        {"id": "2", "turns": [turn("agent", "anybody there?")]},
        {"id": "3", "turns": [turn("robot", "beep")]},
        {"id": "4", "turns": [turn("customer", "x", at="yesterday")]},
    )
    path.write_bytes(path.read_bytes() + b'{"id": \n\xff\n')
    lines, told = imported(path, "--skip-bad")

    assert lines == [{"id": "1", "turns": [{"speaker": "customer", "text": "hello"}]}]
    assert told["dropped"] == {
        "conversations": {
            "duplicate conversation": 1,
            "no customer turn": 1,
            "unreadable": 5,
        },
        "messages": {"empty message": 2},
    }
    assert told["bad"] == [
        f"{path}:3: chat 1 differs from an earlier one of that id",
        f'{path}:5: speaker "robot" is neither customer nor agent; '
        "name the agents with --agent NAME",
        f"{path}:6: turns[0].at must be an ISO 8601 date and time",
        f"{path}:7: not valid JSON (Expecting value at column 8)",
        f"{path}:8: not valid UTF-8",
    ]


def test_a_file_of_nothing_but_system_messages(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"messages": [{"role": "system", "content": "x"}]})

    assert frontdesk("chats", "import", path, "-w", desk) == (
        2,
        "",
        f"frontdesk: {path}: no chat to import (dropped: 1 no customer turn, 1 system message); "
        "check the format\n",
    )


@pytest.mark.parametrize(
    ("name", "text", "options", "fault"),
    [
        ("a.pdf", "%PDF", (), "{path}: its format is not recognised; name it with --format: {all}"),
        ("a.txt", "", ("--format", "fax"), '--format: there is no "fax"; choose {all}'),
        ("a.csv", "text\n", ("--columns", "txt=b"), '--columns: "txt" is none of turns, {ours}'),
        ("a.csv", "text\n", ("--columns", "text"), '--columns: "text" has no "="; {write}'),
        ("a.json", "[", (), "{path}: not valid JSON after record 0 ({premature}); mend the file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    frontdesk: Frontdesk,
    desk: Path,
    tmp_path: Path,
    name: str,
    text: str,
    options: tuple[str, ...],
    fault: str,
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    expected = fault.format(
        path=path,
        all="chatwoot, csv, huggingface, intercom, jsonl, plain, rasa, telegram, whatsapp "
        "or zendesk",
        ours="conversation, id, speaker, text, intent, template, sentiment, entities, "
        "tokens, tags, split, at; "
        "correct it",
        write="write it as text=body,speaker=role",
        premature="parse error: premature EOF",
    )

    code, out, err = frontdesk("chats", "import", path, *options, "-w", desk)
    assert (code, out, err) == (2, "", f"frontdesk: {expected}\n")


def test_personal_data_is_kept_when_told_and_files_are_not_overwritten(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"text": "mia@example.com"})
    words = ("chats", "import", path, "--keep-personal-data", "-w", desk)

    assert frontdesk(*words) == (
        0,
        f"1 conversations with 1 messages from jsonl are in {desk}/chats/a.jsonl\n",
        "",
    )
    assert "mia@example.com" in (desk / "chats" / "a.jsonl").read_text()
    assert frontdesk(*words) == (
        2,
        "",
        f"frontdesk: {desk}/chats/a.jsonl exists; choose another name with --out, or remove it "
        "first\n",
    )


def test_an_interrupted_import_leaves_nothing_and_says_so(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.imports.run.mask", interrupt)
    row = {"conversation": "7", "speaker": "customer", "text": "hello"}
    path = write_lines(tmp_path / "a.jsonl", row)

    code, out, err = frontdesk("chats", "import", path, "-w", desk)
    assert (code, out, err.strip()) == (
        130,
        "",
        "interrupted; nothing was written: the same command begins again",
    )
    assert list((desk / "chats").iterdir()) == []


_KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from bot.imports.scratch import scratch_in

with scratch_in(Path(sys.argv[1])) as scratch:
    (scratch / "rows").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_import_left_is_removed_by_the_next(imported: Imported, desk: Path) -> None:
    chats = desk / "chats"
    chats.mkdir()
    subprocess.run([sys.executable, "-c", _KILLED_AT_WORK, str(chats)], check=False)
    (left,) = chats.iterdir()
    assert [file.name for file in left.iterdir()] == ["rows"]

    lines, _ = imported(write_lines(desk / "a.jsonl", {"text": "hello"}))  # which looks around
    assert len(lines) == 1
    assert not left.exists()


def test_imports_at_work_leave_each_other_alone(desk: Path) -> None:
    with scratch_in(desk) as one, scratch_in(desk) as other:
        assert one != other
        assert one.is_dir()
        assert other.is_dir()
    assert list(desk.glob(".import-*")) == []


def test_progress_is_told_of_reading_and_of_bringing_together(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("conversation,speaker,text\n" + f"7,customer,{'word ' * 2_000}\n" * 130)

    _, _, err = frontdesk("chats", "import", path, "-w", desk)
    assert err.startswith("read (MiB): 1 of 1\nbrought together (MiB): 1 of 1\n")


@pytest.mark.parametrize(
    "row",
    [
        {"text": "\ud83d"},
        {"conversation": "7", "speaker": "customer", "text": "\ud83d"},
        {"turns": [turn("customer", "hello")], "tags": ["\ud83d"]},
    ],
)
def test_half_a_character_is_bad(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, row: dict[str, Any]
) -> None:
    path = write_lines(tmp_path / "a.jsonl", row)

    assert frontdesk("chats", "import", path, "-w", desk) == (
        2,
        "",
        f"frontdesk: {path}:1: half a character (a lone surrogate) is in a text; mend it, or leave "
        "it out with `--skip-bad`\n",
    )


@pytest.mark.parametrize("kind", ["jsonl", "csv", "json"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    def peak(chats: int) -> int:
        path = tmp_path / f"{chats}.{kind}"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(_big(kind, chats))
        tracemalloc.start()
        result = import_chats(path, tmp_path / "out" / f"{chats}.jsonl")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert result.conversations == chats
        return most

    peak(10)  # what is loaded once
    few, many = peak(200), peak(2000)
    # The table's temporary file is gathered in parts of a fixed size; these are smaller than one.
    assert many < few + (2 * 2**20 if kind != "csv" else 12 * 2**20)


def _big(kind: str, chats: int) -> Iterator[str]:
    filler = "word " * 100
    for number in range(chats):
        said = [turn("customer", f"{filler}{number}"), turn("agent", filler)]
        if kind == "csv":
            yield "conversation,speaker,text\n" if number == 0 else ""
            yield from (f"{number},{one['speaker']},{one['text']}\n" for one in said)
        else:
            chat = json.dumps({"id": number, "turns": said})
            last = "]" if number == chats - 1 else ","
            yield f"{chat}\n" if kind == "jsonl" else f"{'[' if number == 0 else ''}{chat}{last}"


# --- Hugging Face --------------------------------------------------------------------------------


def test_a_dataset_saved_to_disk(imported: Imported, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    features = {"text": {"dtype": "string"}, "label": {"names": ["lost", "pin"]}}
    described = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    for split, texts in (("train", ["my card is gone", "new pin"]), ("test", ["pin please"])):
        folder = tmp_path / "banking" / split
        folder.mkdir(parents=True)
        labels = [int("pin" in text) for text in texts]
        table = pyarrow.table({"text": texts, "label": labels}).replace_schema_metadata(described)
        file = folder / "data-00000-of-00001.arrow"
        with pyarrow.ipc.new_stream(str(file), table.schema) as writer:
            writer.write_table(table)
        (folder / "state.json").write_text("{}")
    (tmp_path / "banking" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    lines, told = imported(tmp_path / "banking")

    assert told["format"] == "huggingface"
    assert lines == [
        {
            "id": f"banking-00000{number}",
            "split": split,
            "turns": [{"speaker": "customer", "text": text, "intents": [intent]}],
        }
        for number, split, text, intent in [
            (1, "test", "pin please", "pin"),
            (2, "train", "my card is gone", "lost"),
            (3, "train", "new pin", "pin"),
        ]
    ]


def test_a_dataset_of_parquet_files(imported: Imported, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    (tmp_path / "ds" / "data").mkdir(parents=True)
    table = pyarrow.table({"id": [0], "messages": [turns]})
    pyarrow.parquet.write_table(table, tmp_path / "ds" / "data" / "train-00000-of-00001.parquet")
    lines, _ = imported(tmp_path / "ds")

    assert lines == [
        {
            "id": "train-0",
            "split": "train",
            "turns": [
                {"speaker": "customer", "text": "hi"},
                {"speaker": "agent", "text": "hello"},
            ],
        }
    ]


def test_a_dataset_of_csv_files_with_class_names(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    features = {"default": {"features": {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}}}
    (tmp_path / "ds" / "dataset_infos.json").write_text(json.dumps(features))
    (tmp_path / "ds" / "test.csv").write_text("text,label\nhello,1\n")
    lines, _ = imported(tmp_path / "ds")

    assert lines[0]["split"] == "test"
    assert lines[0]["turns"] == [{"speaker": "customer", "text": "hello", "intents": ["b"]}]


def test_numbers_of_tags_become_their_names(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    tags = {"feature": {"names": ["O", "B-city"], "_type": "ClassLabel"}, "_type": "Sequence"}
    (tmp_path / "ds" / "dataset_info.json").write_text(json.dumps({"features": {"tags": tags}}))
    write_lines(tmp_path / "ds" / "train.jsonl", {"tokens": ["to", "Oslo"], "tags": [0, 1]})
    lines, _ = imported(tmp_path / "ds")

    assert lines[0]["turns"][0]["text"] == "to Oslo"
    assert lines[0]["turns"][0]["entities"] == [{"start": 3, "end": 7, "type": "city"}]


def test_numbers_of_tags_without_names_are_told_to_be_unread(
    imported: Imported, tmp_path: Path
) -> None:
    _, told = imported(
        write_lines(tmp_path / "a.jsonl", {"tokens": ["to", "Oslo"], "tags": [0, 1]})
    )

    assert told["ignored"] == ["tags", "tokens"]


def test_without_pyarrow_it_says_what_to_install(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert frontdesk("chats", "import", path, "-w", desk) == (
        2,
        "",
        f"frontdesk: {path}: to read it pyarrow is needed; run `pip install "
        "frontdesk[importing]`\n",
    )
