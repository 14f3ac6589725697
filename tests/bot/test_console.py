"""Progress on a terminal and elsewhere; tables; JSON."""

import io
import json
import sys

import pytest
from rich.cells import cell_len

from bot import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show_some() -> None:
    with console.progress() as show:
        for done in range(4):
            show("read [chats]", done, 3)
        show("read [chats]", 3, 3)
        show("wait", 1, 0)


def test_progress_is_a_line_a_stage_where_nobody_watches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_some()
    out, err = capsys.readouterr()
    assert (out, err) == ("", "read [chats]: 3 of 3\n")


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    show_some()
    assert "read [chats]" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "dumb")
    show_some()
    assert terminal.getvalue() == "read [chats]: 3 of 3\n"


def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(("score", "title"), [(0.5, "[bold]Gift[/bold]"), (1, "礼品卡")])
    out = capsys.readouterr().out
    assert "[bold]Gift[/bold]" in out
    assert "礼品卡" in out


ROWS = [
    (1, "2026-11-27 21:34", "我的包裹三天前就应该到了，现在在哪里？😀", "waiting"),
    (2, "2026-11-27 21:35", "a_word_that_is_longer_than_any_column_could_be", "taken by Ann"),
]
HEADS = ("number", "since (UTC)", "the last message", "status")


def table_at(width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    console.print_table(HEADS, ROWS)
    return terminal.getvalue()


def test_a_table_elsewhere_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(HEADS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(map(str, row)) for row in ROWS] == [
        " ".join(line.split()) for line in lines[1:]
    ]
    assert len({cell_len(line) for line in lines}) == 1


@pytest.mark.parametrize("width", [200, 80, 60, 52])
def test_a_table_is_as_wide_as_the_terminal_and_nothing_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = table_at(width, monkeypatch)
    assert max(map(cell_len, out.splitlines())) <= width
    assert "…" not in out
    kept = sorted(out.replace(" ", "").replace("\n", ""))
    assert kept == sorted("".join(map(str, (*HEADS, *ROWS[0], *ROWS[1]))).replace(" ", ""))
    assert "2026-11-27" in out
    assert ("2026-11-27 21:34" in out) == (width >= 60)


def test_in_a_narrow_terminal_the_cells_of_a_row_are_below_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert table_at(40, monkeypatch).startswith(
        "number: 1\n"
        "since (UTC): 2026-11-27 21:34\n"
        "the last message: \n我的包裹三天前就应该到了，现在在哪里？😀\n"
        "status: waiting\n"
        "\n"
        "number: 2\n"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/a/b"), "/a/b: permission denied; allow"),
        (OSError(28, "No space left on device", "/a/b"), "/a/b: the disk is full; free some"),
        (OSError(122, "Disk quota exceeded"), "your share of the disk is used up; free some"),
        (OSError(30, "Read-only file system", "/a"), "/a: the disk may only be read; allow"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full;"),
    ],
)
def test_a_disk_in_the_way_is_one_sentence_with_a_remedy(error: Exception, said: str) -> None:
    sentence = console.sentence(error)
    assert sentence.startswith(said)
    assert sentence.endswith("then run the command again; what was there before is unchanged")
    assert console.exit_code(error) == 2


def test_a_disk_in_the_way_of_a_library_is_found_behind_its_error() -> None:
    error = RuntimeError("cannot export")
    error.__cause__ = OSError(28, "No space left on device")
    assert console.sentence(error).startswith("the disk is full; ")


def test_other_errors_of_the_system_are_said_as_they_are() -> None:
    assert console.sentence(IsADirectoryError(21, "Is a directory", "/a")) == "/a: Is a directory"
    assert console.exit_code(IsADirectoryError(21, "Is a directory", "/a")) == 1


def test_json_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"reply": "您好\n"})
    out = capsys.readouterr().out
    assert out == '{"reply": "您好\\n"}\n'
    assert json.loads(out) == {"reply": "您好\n"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.print_json({"score": float("nan")})
