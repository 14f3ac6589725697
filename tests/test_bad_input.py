"""What bad input gets: one clear sentence, and nothing lost.

Every line of the list that the project promises has its tests here, through the real command
line, with the sentence that a person sees.
"""

import itertools
import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.commands.chat import NOTHING_ANSWERS
from bot.privacy import Privacy
from bot.replay.store import MIGRATIONS as REPLAYS
from bot.replies import SENTENCES
from bot.sessions.migrations import SCHEMA
from bot.workspace import Workspace, open_workspace

Frontdesk = Callable[..., tuple[int, str, str]]
SetThresholds = Callable[..., None]
COMMAND = (sys.executable, "-c", "from bot.cli import main; main()")
UNREADABLE = SENTENCES["en"]["unreadable"][0]
UNCERTAIN = SENTENCES["en"]["uncertain"][0]
LOGGED = Privacy({"order_id": re.compile(r"\bBK-\d{4}\b")})


def turns(workspace: Workspace) -> list[tuple[int, int, str, str]]:
    """(session, number, message, reply) of all turns in a sound database."""
    with closing(sqlite3.connect(workspace.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return database.execute(
            "SELECT session_id, number, message, reply FROM turns ORDER BY session_id, number"
        ).fetchall()


def write_chats(workspace: Workspace, *lines: str) -> Path:
    """Replace the workspace's chats by one file of these lines."""
    for path in workspace.chats.iterdir():
        path.unlink()
    path = workspace.chats / "chats.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def chats_of(workspace: Workspace) -> list[dict[str, Any]]:
    [path] = workspace.chats.iterdir()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- messages ------------------------------------------------------------------------------------

MESSAGES = {
    "empty": (b"", UNREADABLE),
    "spaces": (b" \t \xc2\xa0", UNREADABLE),
    "long": (b"x" * 100_000, UNCERTAIN),
    "long-words": ("wo ist mein Paket? " * 5_300).encode()[:100_000],
    "long-chinese": (("包裹在哪里" * 20_000).encode(), SENTENCES["zh"]["uncertain"][0]),
    "binary": (bytes(range(128, 256)) + b"\x00\xff\xfe", UNREADABLE),
    "emoji": ("🥐👩‍👩‍👧🏳️‍🌈❤️".encode(), UNREADABLE),
    "right-to-left": ("אני רוצה להחזיר את הלחם".encode(), UNCERTAIN),
    "override": ("\u202emonday\u202c \u2066x\u2069".encode(), UNCERTAIN),
    "mixed": ("bread 面包 לחם パン хлеб".encode(), UNCERTAIN),
    "control": (b"\x00\x07\x1b[2J\x9b\x7f", UNCERTAIN),
    "only-control": (b"\x01\x02\x08\x7f", UNREADABLE),
    "half-characters": (b"caf\xe9 \xed\xa0\x80", UNCERTAIN),
    "line-ends": ("one\x0btwo\x0c\x85three\u2028four\rfive".encode(), UNCERTAIN),
    "markup": (b"[bold]{order_id}%s$(ls)'); DROP TABLE turns; --", UNCERTAIN),
}
"""Bytes as they come down the pipe, and the reply of a bot that has learnt nothing yet."""


def bytes_and_reply(name: str) -> tuple[bytes, str]:
    found = MESSAGES[name]
    return found if isinstance(found, tuple) else (found, UNCERTAIN)


@pytest.mark.parametrize("name", MESSAGES)
def test_any_message_has_a_reply(
    frontdesk: Frontdesk, base_workspace: Workspace, name: str
) -> None:
    message, reply = bytes_and_reply(name)
    code, out, _ = frontdesk("chat", "-w", base_workspace.root, stdin=message + b"\n")
    assert (code, out) == (0, f"{reply}\n")
    assert turns(base_workspace) == [(1, 1, message.decode("utf-8", "replace"), reply)]


@pytest.mark.parametrize("as_json", [False, True])
def test_they_all_have_replies_in_one_conversation(
    frontdesk: Frontdesk, trained_workspace: Workspace, as_json: bool
) -> None:
    messages = [bytes_and_reply(name)[0] for name in MESSAGES]
    words = ("chat", *(["--json"] if as_json else []), "-w", trained_workspace.root)
    code, out, err = frontdesk(*words, stdin=b"\n".join(messages))
    assert (code, out.count("\n"), err) == (0, len(messages), f"{NOTHING_ANSWERS}\n")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", out)
    logged = [message for _, _, message, _ in turns(trained_workspace)]
    assert logged == [message.decode("utf-8", "replace") for message in messages]


# --- chats ---------------------------------------------------------------------------------------


def with_a_broken_line(workspace: Workspace) -> Path:
    lines = [json.dumps(chat) for chat in chats_of(workspace)]
    return write_chats(workspace, *lines[:30], lines[30][:-20], *lines[30:])


@pytest.mark.parametrize("words", [["finetune"], ["replay", "{chats}"]])
def test_a_broken_line_is_named(
    frontdesk: Frontdesk, trained_workspace: Workspace, words: Sequence[str]
) -> None:
    path = with_a_broken_line(trained_workspace)
    spelled = [word.format(chats=path) for word in words]
    code, out, err = frontdesk(*spelled, "-w", trained_workspace.root)
    assert (code, out) == (2, "")
    assert err.startswith(f"frontdesk: {path}:31: not valid JSON (")
    assert err.endswith("); mend it, or leave it out with `--skip-bad`\n")
    assert err.count("\n") == 1


def test_a_broken_line_is_skipped_when_that_is_wished_and_counted(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    path, root = with_a_broken_line(trained_workspace), trained_workspace.root
    code, out, err = frontdesk("replay", path, "--skip-bad", "--json", "-w", root)
    found = json.loads(out)
    assert (code, found["chats"], found["excluded"]) == (0, 18, 54)
    assert f"left out: {path}:31: not valid JSON (" in err
    assert "1 left out by --skip-bad\n" in err
    # What is left is what v1 was trained on.
    code, out, err = frontdesk("finetune", "--skip-bad", "--json", "-w", root)
    assert (code, json.loads(out)["trained"]) == (0, False)
    assert "1 left out by --skip-bad\n" in err


def test_a_broken_article_is_left_out_to_the_end_of_finetune(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    bad = trained_workspace.kb / "faq.jsonl"
    bad.write_text('{"question": "Open?"}\n')
    code, _, err = frontdesk("finetune", "-w", trained_workspace.root)
    assert code == 2
    assert err.startswith(f"frontdesk: {bad}:1: ")
    assert frontdesk("finetune", "--skip-bad", "-w", trained_workspace.root)[0] == 0


def test_one_intent_with_one_reply_teaches_nothing(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    write_chats(trained_workspace, *(thanks(number) for number in range(12)))
    code, out, err = frontdesk("finetune", "--fresh", "-w", trained_workspace.root)
    assert (code, out, err) == (
        2,
        "",
        "frontdesk: the chats teach nothing: they name fewer than two intents, no entities and no "
        "sentiments, and hold 1 different agent replies to a customer; add chats with two intents "
        "or two different replies\n",
    )


def thanks(number: int) -> str:
    customer = {"speaker": "customer", "text": f"thanks {number}", "intent": "thanks"}
    return json.dumps(
        {"id": str(number), "turns": [customer, {"speaker": "agent", "text": "Any time!"}]}
    )


def test_an_intent_with_one_example_is_no_trouble(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    fast(trained_workspace)
    turn = {"speaker": "customer", "text": "do you sell coffee beans", "intent": "coffee"}
    rare = {"id": "rare", "split": "train", "turns": [turn]}
    write_chats(trained_workspace, *map(json.dumps, [*chats_of(trained_workspace), rare]))
    # One epoch makes a worse version, which goes live by force alone.
    code, out, _ = frontdesk("finetune", "--force", "--json", "-w", trained_workspace.root)
    found = json.loads(out)
    assert (code, found["version"], found["live"], found["trained"]) == (0, "v2", True, True)
    # No template speaks for it: the bot says that it does not know, whatever it is sure of.
    code, out, _ = frontdesk(
        "chat", "-w", trained_workspace.root, stdin=b"do you sell coffee beans\n"
    )
    assert (code, out) == (0, f"{UNCERTAIN}\n")


def fast(workspace: Workspace) -> None:
    """Have a training last one epoch."""
    path = workspace.root / "frontdesk.toml"
    path.write_text(path.read_text().replace("epochs = 12", "epochs = 1"))


# --- articles and templates ----------------------------------------------------------------------


def test_an_empty_kb_leaves_the_templates(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    root, articles = trained_workspace.root, trained_workspace.kb
    for path in articles.iterdir():
        path.unlink()
    code, out, err = frontdesk("kb", "build", "-w", root)
    assert code == 0
    assert out.startswith("0 passages indexed (0 embedded, 0 reused, 4 removed)")
    assert err == f"{articles} has no article: the bot can cite nothing until you add one\n"
    set_thresholds(trained_workspace, intent=0.5)
    code, out, err = frontdesk("chat", "-w", root, stdin=b"where is my parcel BK-0001\n")
    assert (code, out) == (0, "Parcel BK-0001 is on its way.\n")
    assert err == f"{articles} has no article: nothing can be cited\n"
    assert json.loads(frontdesk("kb", "search", "x", "--json", "-w", root)[1]) == {"hits": []}


def test_a_kb_that_is_gone_is_an_empty_one(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    articles = trained_workspace.kb
    articles.rename(articles.with_name("elsewhere"))
    code, _, err = frontdesk("kb", "build", "-w", trained_workspace.root)
    assert code == 0
    assert err == f"{articles} has no article: the bot can cite nothing until you add one\n"


@pytest.mark.parametrize(
    "words", [["chat"], ["kb", "build"], ["finetune"], ["models", "use", "v1"]]
)
def test_a_template_with_a_slot_that_nothing_fills_is_named(
    frontdesk: Frontdesk, trained_workspace: Workspace, words: Sequence[str]
) -> None:
    path = trained_workspace.templates_path
    path.write_text(
        "templates:\n"
        "  - id: delay\n"
        "    intents: [order/track]\n"
        "    wordings:\n"
        '      - "Your {colour} bag is late."\n'
    )
    assert frontdesk(*words, "-w", trained_workspace.root)[:2] == (2, "")
    assert frontdesk(*words, "-w", trained_workspace.root)[2].splitlines()[-1] == (
        f'frontdesk: {path}:5: "delay" needs {{colour}}, which nothing fills; '
        "add [entities.colour] to frontdesk.toml or reword it"
    )


def test_a_slot_that_a_customer_never_fills_ends_with_a_person(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.5)
    stdin = b"where is my parcel\n" * 3
    code, out, _ = frontdesk("chat", "--json", "-w", trained_workspace.root, stdin=stdin)
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert answers[0]["reply"] == "What is your order number?"
    assert [answer["decision"]["kind"] for answer in answers] == ["ask", "ask", "handoff"]
    assert "{" not in "".join(answer["reply"] for answer in answers)


# --- models and databases ------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["trunk.onnx", "heads.onnx", "tokenizer.json", "labels.json"])
def test_a_model_with_a_missing_file_is_named(
    frontdesk: Frontdesk, trained_workspace: Workspace, file: str
) -> None:
    (trained_workspace.models / "v1" / file).unlink()
    mend = "run `frontdesk finetune` or `frontdesk models use base`"
    for words in (["chat"], ["kb", "build"], ["kb", "search", "x"], ["models", "use", "v1"]):
        code, out, err = frontdesk(*words, "-w", trained_workspace.root)
        assert (code, out) == (3, "")
        assert err == f"frontdesk: model v1 lacks {file}; {mend}\n"


def test_the_commands_that_are_named_do_mend_it(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    root = trained_workspace.root
    fast(trained_workspace)
    (trained_workspace.models / "v1" / "heads.onnx").unlink()
    assert frontdesk("models", "use", "base", "-w", root)[0] == 0
    assert frontdesk("chat", "-w", root, stdin=b"?\n")[0] == 0
    (trained_workspace.models / "current").write_text("v1\n")
    code, out, _ = frontdesk("finetune", "--json", "-w", root)
    assert (code, json.loads(out)["version"]) == (0, "v2")
    assert frontdesk("chat", "-w", root, stdin=b"?\n")[0] == 0


@pytest.mark.parametrize(
    ("name", "schema", "words"),
    [("frontdesk.db", SCHEMA, ["chat"]), ("replays.db", len(REPLAYS), ["replay", "{chats}"])],
)
def test_a_newer_database_is_refused_and_left_alone(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    name: str,
    schema: int,
    words: Sequence[str],
) -> None:
    path = trained_workspace.root / name
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {schema + 1}")
    before = path.read_bytes()
    spelled = [word.format(chats=trained_workspace.chats) for word in words]
    warned = f"{NOTHING_ANSWERS}\n" if "chat" in words else ""
    assert frontdesk(*spelled, "-w", trained_workspace.root, stdin=b"hello\n") == (
        2,
        "",
        f"{warned}frontdesk: {path} has schema version {schema + 1}, and this Frontdesk knows "
        f"versions up to {schema}; install the newer Frontdesk that wrote it\n",
    )
    assert path.read_bytes() == before


# --- a full disk ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Disk:
    """A small disk with a workspace on it, that can be filled to the last byte."""

    root: Path
    workspace: Workspace

    def fill(self) -> None:
        filler = self.root / "filler"
        try:
            with filler.open("ab", buffering=0) as file:
                while file.write(b"\0" * 65536):
                    pass
        except OSError:  # as it should be
            return

    def free(self) -> None:
        (self.root / "filler").unlink()

    def contents(self) -> dict[str, str]:
        """What every file of the workspace holds, but for those that are only added to."""
        return {
            str(path.relative_to(self.root)): sha256(path.read_bytes()).hexdigest()
            for path in self.workspace.root.rglob("*")
            if path.is_file() and not path.name.startswith(("frontdesk.db", "history.jsonl"))
        }


@pytest.fixture
def disk(trained_workspace: Workspace, tmp_path: Path) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(root)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
        trouble = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        trouble = str(error)
    if trouble:
        pytest.skip(f"no disk can be mounted to fill it: {trouble}")
    try:
        workspace = open_workspace(copytree(trained_workspace.root, root / "bakery"))
        yield Disk(root, workspace)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def full_at(
    disk: Disk, stage: str, monkeypatch: pytest.MonkeyPatch, command: str, time: int = 1
) -> None:
    """Fill the disk when a command says for the n-th time that a stage is done."""
    times = itertools.count(1)

    @contextmanager
    def progress() -> Iterator[Callable[[str, int, int], None]]:
        def show(name: str, done: int, total: int) -> None:
            if name == stage and done == total and next(times) == time:
                disk.fill()

        yield show

    monkeypatch.setattr(f"bot.commands.{command}.progress", progress)


FULL_LOG = (
    "cannot grow because the disk is full; free some space and try again "
    "(every turn that was answered is kept)"
)


def test_a_chat_that_starts_on_a_full_disk(frontdesk: Frontdesk, disk: Disk) -> None:
    before = disk.contents()
    disk.fill()
    words = ("chat", "-w", disk.workspace.root)
    assert frontdesk(*words, stdin=b"?\n") == (
        2,
        "",
        f"{NOTHING_ANSWERS}\nfrontdesk: {disk.workspace.database} {FULL_LOG}\n",
    )
    disk.free()
    begun = f"{NOTHING_ANSWERS}\n{disk.workspace.database} was empty: a new log is begun in it\n"
    assert frontdesk(*words, stdin=b"?\n") == (0, f"{UNREADABLE}\n", begun)
    assert disk.contents() == before


def test_a_chat_whose_disk_becomes_full_and_free_again(disk: Disk) -> None:
    pipe = subprocess.PIPE
    words = (*COMMAND, "chat", "-w", str(disk.workspace.root))
    replies = []
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as chat:
        assert chat.stdin
        assert chat.stdout
        for prepare in (None, disk.fill, disk.free):
            if prepare:
                prepare()
            # Longer than the room that is left in the pages SQLite already has.
            chat.stdin.write(b"thanks for monday" + b" and thanks" * 3000 + b"\n")
            chat.stdin.flush()
            replies.append(chat.stdout.readline().decode().strip())
        _, err = chat.communicate()
    assert chat.returncode == 1
    assert replies[1] == SENTENCES["en"]["failed"][0]
    failed = f"error: line 2: {disk.workspace.database} {FULL_LOG}"
    assert err.decode().splitlines() == [NOTHING_ANSWERS, failed]
    kept = [(number, reply) for _, number, _, reply in turns(disk.workspace)]
    assert kept == [(1, replies[0]), (2, replies[2])]


@pytest.mark.parametrize("stage", ["", "embed"])
def test_kb_build_on_a_full_disk(
    frontdesk: Frontdesk, disk: Disk, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    root, index = disk.workspace.root, disk.workspace.index
    (disk.workspace.kb / "new.md").write_text("# Doors\n\nThe shop has a new door.\n")
    before = disk.contents()
    if stage:
        full_at(disk, stage, monkeypatch, "kb")
    else:
        disk.fill()
    code, out, err = frontdesk("kb", "build", "-w", root)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        f"frontdesk: {index}: the index could not be written (database or disk is full); make room "
        "or change the folder's permissions, then run `frontdesk kb build` again. "
        "The index before is unchanged."
    )
    assert disk.contents() == before
    disk.free()
    monkeypatch.undo()
    assert frontdesk("kb", "search", "gift voucher", "-w", root)[0] == 0


def test_replay_on_a_full_disk(frontdesk: Frontdesk, disk: Disk) -> None:
    words = ("replay", disk.workspace.chats, "--include-trained", "-w", disk.workspace.root)
    before = disk.contents()
    disk.fill()
    code, out, err = frontdesk(*words)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"frontdesk: {disk.workspace.replays} {FULL_LOG}"
    disk.free()
    assert frontdesk(*words)[0] == 0
    after = disk.contents()
    assert {name: after.get(name) for name in before} == before


FINETUNE_ON_A_FULL_DISK = {
    "reading the chats": "frontdesk: the state of the training cannot be kept in {models}/.training"
    " (Error while serializing: I/O error: No space left on device (os error 28)); make room there "
    "and run the command again; the models that were there before are unchanged",
    # Once after the last step, and once more when its checkpoint has been written.
    "fine-tuning": "frontdesk: no model version could be written in {models} "
    "([Errno 28] No space left on device); the live one is as it was; make room there and run the "
    "command again",
    "embed": "frontdesk: {index}: the index could not be written (database or disk is full); "
    "make room or change the folder's permissions, then run `frontdesk kb build` again. "
    "The index before is unchanged.",
}


@pytest.mark.parametrize("stage", FINETUNE_ON_A_FULL_DISK)
def test_finetune_on_a_full_disk(
    frontdesk: Frontdesk, disk: Disk, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    workspace = disk.workspace
    fast(workspace)
    write_chats(workspace, *map(json.dumps, chats_of(workspace)[:40]))
    before = disk.contents()
    with monkeypatch.context() as patch:
        full_at(disk, stage, patch, "finetune", 2 if stage == "fine-tuning" else 1)
        code, out, err = frontdesk("finetune", "-w", workspace.root)
    assert (code, out) == (2, "")
    where = {"models": workspace.models, "index": workspace.index}
    assert err.splitlines()[-1] == FINETUNE_ON_A_FULL_DISK[stage].format(**where)
    after = disk.contents()
    assert {name: after.get(name) for name in before} == before
    disk.free()
    assert frontdesk("chat", "-w", workspace.root, stdin=b"?\n")[:2] == (0, f"{UNREADABLE}\n")


def test_a_disk_that_may_only_be_read(frontdesk: Frontdesk, disk: Disk) -> None:
    """What is there can be searched; what must be written says so and changes nothing."""
    workspace = disk.workspace
    (workspace.kb / "new.md").write_text("# Doors\n\nThe shop has a new door.\n")
    subprocess.run(["mount", "-o", "remount,ro", str(disk.root)], check=True)
    before = disk.contents()
    root = workspace.root
    assert frontdesk("kb", "search", "gift voucher", "-w", root)[0] == 0
    code, _, err = frontdesk("chat", "-w", root, stdin=b"?\n")
    assert (code, err.splitlines()[-1]) == (
        2,
        f"frontdesk: {workspace.database} cannot be opened; "
        "its folder must exist and allow writing",
    )
    code, _, err = frontdesk("kb", "build", "-w", root)
    assert code == 2
    assert err.endswith(
        "the disk may only be read; allow writing to it, then run the command again; "
        "what was there before is unchanged\n"
    )
    assert disk.contents() == before


# --- many chats, and their deaths ----------------------------------------------------------------


@contextmanager
def chatting(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    words = (*COMMAND, "chat", "--json", "-w", str(workspace.root))
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        yield process


def said(out: bytes) -> list[tuple[int, int, str]]:
    """(session, turn, reply as it is logged) of every whole line; a kill may tear the last one."""
    lines = map(json.loads, out[: out.rfind(b"\n") + 1].splitlines())
    return [(line["session"], line["turn"], LOGGED.text(line["reply"])) for line in lines]


def test_two_chats_at_once_lose_nothing(trained_workspace: Workspace) -> None:
    """Both begin with a database that is not there yet, and write as fast as they can."""
    messages = "".join(f"where is my parcel BK-{number:04}\n" for number in range(60)).encode()
    with chatting(trained_workspace) as one, chatting(trained_workspace) as other:
        for process in (one, other):
            assert process.stdin
            process.stdin.write(messages)
            process.stdin.flush()
        results = [process.communicate() for process in (one, other)]
    assert [err.decode() for _, err in results] == [f"{NOTHING_ANSWERS}\n"] * 2
    assert (one.returncode, other.returncode) == (0, 0)
    shown = [turn for out, _ in results for turn in said(out)]
    assert len(shown) == 120
    kept = [(session, number, reply) for session, number, _, reply in turns(trained_workspace)]
    assert sorted(shown) == kept
    assert {session for session, _, _ in kept} == {1, 2}


def test_killed_in_the_middle_every_turn_that_was_shown_is_kept(
    trained_workspace: Workspace,
) -> None:
    chance = random.Random(3)
    shown: list[tuple[int, int, str]] = []
    for _ in range(3):
        with chatting(trained_workspace) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(b"where is my parcel BK-0001\n" * 2000)
            process.stdin.flush()
            out = b"".join(process.stdout.readline() for _ in range(chance.randint(1, 60)))
            process.send_signal(signal.SIGKILL)
            shown += said(out + process.stdout.read())
        assert process.returncode == -signal.SIGKILL
        kept = {(session, number, reply) for session, number, _, reply in turns(trained_workspace)}
        assert set(shown) <= kept
    assert {session for session, _, _ in shown} == {1, 2, 3}
