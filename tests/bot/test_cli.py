"""The command line from outside: help is cheap, errors are one line, JSON is one object."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

import bot.live
from bot.cli import app, main
from bot.commands.new import spread
from bot.creation import create
from bot.workspace import Workspace
from finetune.registry import publish, use, write_manifest

HEAVY = [
    *("torch", "transformers", "sentence_transformers", "faiss", "onnxruntime", "sklearn"),
    *("scipy", "sqlite_utils", "numpy", "yaml", "rich", "prompt_toolkit"),
]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process: (exit code, standard output, standard error)."""

    def run_(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["frontdesk", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return run_


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create(tmp_path_factory.mktemp("cli") / "shop").root


class FakeModel:
    """Sentence vectors out of hashed words: equal words, near vectors."""

    encoder_fingerprint = "f" * 64
    dimension = 64
    trained = False

    def encode(self, texts: Sequence[str], kind: str = "query") -> NDArray[np.float32]:
        assert kind in ("query", "passage")
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            vectors[row, 0] = 0.01
            for word in text.lower().split():
                vectors[row, crc32(word.encode()) % self.dimension] += 1
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.live, "live_model", lambda *_: FakeModel())
    monkeypatch.setattr(bot.live, "desk_of", lambda *_: None)


def publish_fake(models: Path, version: str, **meta: Any) -> None:
    folder = models / f".{version}"
    folder.mkdir(parents=True)
    for name in ("trunk.onnx", "tokenizer.json", "encoder.json"):
        (folder / name).write_text(version)
    write_manifest(folder, meta)
    publish(folder, models, version)


# --- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["kb", "--help"], ["new", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import atexit, sys; sys.argv = ['frontdesk', *sys.argv[1:]]\n"
        f"atexit.register(lambda: print('loaded', set(sys.modules) & set({HEAVY!r})))\n"
        "from bot.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("loaded set()")


def test_the_packages_are_cheap_to_import() -> None:
    code = f"import bot, finetune, kb, sys; assert not set(sys.modules) & set({HEAVY!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_command_shows_the_help(run: Run) -> None:
    _, out, err = run()
    assert "Usage: frontdesk" in out + err


def test_every_command_takes_a_workspace(run: Run) -> None:
    commands = [
        command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    for command in set(commands) - {"new"}:
        assert "--workspace" in run(command, "--help")[1]
    for group in (["kb", "build"], ["kb", "search"], ["kb", "evaluate"], ["models", "use"]):
        assert "--workspace" in run(*group, "--help")[1]


# --- errors --------------------------------------------------------------------------------------


def test_usage_errors_end_with_2(run: Run) -> None:
    code, out, err = run("kb", "serach")
    assert (code, out) == (2, "")
    assert "serach" in err


def test_an_input_error_is_one_line_and_ends_with_2(run: Run, tmp_path: Path) -> None:
    code, out, err = run("models", "-w", tmp_path)
    assert (code, out) == (2, "")
    assert err == (
        f"frontdesk: {tmp_path} is no workspace (it has no frontdesk.toml); "
        f"make one with `frontdesk new {tmp_path}`\n"
    )


def test_no_model_ends_with_3(run: Run, example: Path) -> None:
    code, out, err = run("kb", "search", "hours", "-w", example)
    assert (code, out) == (3, "")
    assert "has no model yet; run `frontdesk kb build`" in err
    code, _, err = run("models", "use", "v9", "-w", example)
    assert code == 3
    assert "v9" in err


@pytest.mark.usefixtures("fake_model")
def test_no_index_ends_with_3(run: Run, tmp_path: Path) -> None:
    create(tmp_path / "bot")
    code, _, err = run("kb", "search", "hours", "-w", tmp_path / "bot")
    assert code == 3
    assert "frontdesk kb build" in err


def test_an_unforeseen_error_is_one_line_and_ends_with_1(
    run: Run, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("of\nall things")

    monkeypatch.setattr("bot.workspace.open_workspace", fail)
    assert run("models", "-w", example) == (
        1,
        "",
        "frontdesk: RuntimeError: of all things (FRONTDESK_DEBUG=1 shows where)\n",
    )
    monkeypatch.setenv("FRONTDESK_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["frontdesk", "models", "-w", str(example)])
    with pytest.raises(RuntimeError):
        main()


def test_a_full_disk_is_one_line_and_ends_with_2(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr("shutil.copyfile", fail)
    code, _, err = run("new", tmp_path / "bot")
    assert (code, err) == (
        2,
        f"frontdesk: {tmp_path}: the disk is full; free some space, then run the command again; "
        "what was there before is unchanged\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_with_130(run: Run, example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.workspace.open_workspace", interrupt)
    assert run("models", "-w", example)[0] == 130


# --- new -----------------------------------------------------------------------------------------


def test_new_tells_what_it_made_and_what_comes_next(run: Run, tmp_path: Path) -> None:
    code, out, err = run("new", tmp_path / "bot")
    assert (code, err) == (0, "")
    assert "60 chats, 5 articles, 7 templates" in out
    assert f"frontdesk chat --workspace {tmp_path / 'bot'}" in out
    code, _, err = run("new", tmp_path / "bot")
    assert (code, err.count("\n")) == (2, 1)


def test_new_takes_all_the_files_a_shell_names(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        turn = {"speaker": "customer", "text": "hi", "intent": "greeting"}
        chat = {"id": name, "turns": [turn]}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(chat))
    files = sorted(tmp_path.glob("*.jsonl"))
    code, out, _ = run("new", tmp_path / "bot", "--json", "--chats", *files, "--name", "Shop")
    assert code == 0
    assert json.loads(out) == {
        "workspace": str(tmp_path / "bot"),
        "chats": 3,
        "articles": 0,
        "templates": 1,
        "drafts": 1,
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("shop --chats a b --name N", "shop --chats a --chats b --name N"),
        ("shop --chats a --chats b", "shop --chats a --chats b"),
        ("shop --articles a b --chats c d", "shop --articles a --articles b --chats c --chats d"),
        ("--chats a shop", "--chats a shop"),
        ("shop", "shop"),
        ("", ""),
    ],
)
def test_an_option_takes_all_the_words_after_it(typed: str, meant: str) -> None:
    assert spread(typed.split()) == meant.split()


# --- kb ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fake_model")
def test_build_search_and_evaluate(run: Run, tmp_path: Path) -> None:
    root = create(tmp_path / "bot").root
    code, out, _ = run("kb", "build", "--json", "-w", root)
    first = json.loads(out)
    assert code == 0
    assert first["passages"] == first["embedded"] > 5
    assert json.loads(run("kb", "build", "--json", "-w", root)[1])["embedded"] == 0
    assert "0 embedded" in run("kb", "build", "-w", root)[1]

    code, out, _ = run("kb", "search", "lost gift card", "-k", "2", "--json", "-w", root)
    hits = json.loads(out)["hits"]
    assert (code, len(hits)) == (0, 2)
    assert list(hits[0]) == ["article", "passage", "title", "text", "score"]
    assert hits[0]["article"] == "gift-cards"
    assert 1 >= hits[0]["score"] >= hits[1]["score"] >= 0
    assert "Gift cards" in run("kb", "search", "lost gift card", "-w", root)[1]

    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"id": "1", "text": "lost gift card", "gold": ["gift-cards"]}\n')
    code, out, _ = run("kb", "evaluate", queries, "--json", "-w", root)
    metrics = json.loads(out)
    assert list(metrics) == ["n", "r@1", "r@5", "r@10", "mrr@10", "ndcg@10"]
    assert (metrics["n"], metrics["r@1"]) == (1, 1.0)
    assert "mrr@10" in run("kb", "evaluate", queries, "-w", root)[1]


@pytest.mark.usefixtures("fake_model")
def test_an_empty_kb_builds_and_finds_nothing(run: Run, tmp_path: Path) -> None:
    root = create(tmp_path / "bot").root
    for path in (root / "kb").iterdir():
        path.unlink()
    code, out, err = run("kb", "build", "-w", root)
    assert code == 0
    assert "0 passages" in out
    assert "can cite nothing until you add one" in err
    assert json.loads(run("kb", "search", "hours", "--json", "-w", root)[1]) == {"hits": []}
    assert run("kb", "search", "hours", "-w", root) == (0, "", "nothing found\n")


@pytest.mark.usefixtures("fake_model")
def test_a_bad_article_stops_the_build_or_is_left_out(run: Run, tmp_path: Path) -> None:
    root = create(tmp_path / "bot").root
    (root / "kb" / "more.jsonl").write_text('{"title": "A", "text": "B"}\n{\n')
    (root / "kb" / "photo.png").write_text("")
    code, _, err = run("kb", "build", "-w", root)
    assert code == 2
    assert "more.jsonl:2" in err
    code, out, err = run("kb", "build", "--skip-bad", "--json", "-w", root)
    assert (code, json.loads(out)["bad"]) == (0, 1)
    assert "left out: " in err
    assert "not read: photo.png is no article" in err


@pytest.mark.usefixtures("fake_model")
def test_the_workspace_may_stand_before_the_command(run: Run, tmp_path: Path) -> None:
    root = create(tmp_path / "bot").root
    assert run("-w", root, "kb", "build")[0] == 0
    assert run("--workspace", tmp_path, "kb", "build", "-w", root)[0] == 0


# --- models --------------------------------------------------------------------------------------


def test_models_are_listed_and_chosen(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_live(workspace: Workspace, version: str, *_: object, **__: object) -> list[str]:
        use(workspace.models, version)
        return []

    monkeypatch.setattr(bot.live, "go_live", go_live)
    root = create(tmp_path / "bot").root
    assert run("models", "-w", root) == (0, "", "no model yet; run `frontdesk finetune`\n")
    metrics = {"test": {"intent": {"accuracy": 0.9375}}}
    publish_fake(root / "models", "base")
    publish_fake(root / "models", "v1", metrics=metrics)
    use(root / "models", "base")

    code, out, _ = run("models", "--json", "-w", root)
    listed = json.loads(out)
    assert (code, listed["live"]) == (0, "base")
    assert [version["version"] for version in listed["versions"]] == ["base", "v1"]
    assert listed["versions"][1]["metrics"] == metrics

    assert run("models", "use", "v1", "-w", root) == (0, "v1 is live\n", "")
    table = run("models", "-w", root)[1]
    assert "0.938" in table
    assert "*" in table.splitlines()[2]
    assert run("models", "use", "base", "--json", "-w", root)[1] == '{"live": "base"}\n'


# --- environment ---------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_escape_codes_where_none_are_wanted(example: Path, setting: dict[str, str]) -> None:
    command = "import sys; from bot.cli import main; main()"
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable,
        ["-c", command, "models", "-w", str(example)],
        env={**os.environ, **setting},
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    assert "no model yet" in child.before
    assert "\x1b" not in child.before
