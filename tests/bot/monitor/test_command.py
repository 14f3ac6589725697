"""`frontdesk monitor` as a person has it: in a pipe, at a terminal, with a webhook."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pexpect
import pytest

from bot.workspace import Workspace, open_workspace
from tests.bot.monitor.conftest import SECRET, Said, Write, weeks
from tests.bot.monitor.test_webhook import Endpoint

MAIN = "from bot.cli import main; main()"
SETTINGS = """name = "面包店"

[entities.order_id]
pattern = 'BK-[0-9]{4}'
ask = "Which order?"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "frontdesk.toml").write_text(SETTINGS, encoding="utf-8")
    return open_workspace(tmp_path)


@pytest.fixture
def surging(workspace: Workspace, write: Write) -> Workspace:
    """Twelve days of chats, all of which end with a handoff since six hours ago."""
    write(workspace.database, weeks(12, surge=6), time.time())
    return workspace


def monitor(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, "monitor", "-w", str(workspace.root), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- in a pipe -----------------------------------------------------------------------------------


def test_a_table_once(workspace: Workspace, write: Write) -> None:
    write(workspace.database, [Said(1, 1, intent="退款"), Said(0, 1, "unknown")], time.time())
    done = monitor(workspace)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"面包店: turns 2, new chats 1 since \w{3} \d\d \d\d:00 UTC", lines[0])
    assert lines[1:7] == [
        "automation 0.0%, containment 0.0%, answered 50.0%, negative -, handoffs 0, unknown 1,"
        " dislikes 0, p50 9.9 ms, p95 9.9 ms",
        "too little data for alerts: they need 9 days and 200 chats before; there are 0.0 days and"
        " 1 chats",
        "",
        "intent  turns  answered  negative  handoffs  unknown  dislikes     p50     p95",
        "track       1      0.0%         -         0        1         0  9.9 ms  9.9 ms",
        "退款        1    100.0%         -         0        0         0  9.9 ms  9.9 ms",
    ]


def test_no_chat_yet(workspace: Workspace) -> None:
    done = monitor(workspace, "--json", "--once")
    [found] = objects(done.stdout)
    assert (done.returncode, found["turns"], found["intents"]) == (0, 0, [])
    assert f"{workspace.database} is not there: nobody has chatted yet" in found["notes"]
    assert not workspace.database.exists()


def test_an_object_for_a_look_and_one_for_each_alert(surging: Workspace) -> None:
    done = monitor(surging, "--json", "--once", "--since", "2h")
    interval, *alerts = objects(done.stdout)
    assert (interval["kind"], interval["series"]) == ("interval", {"judged": 4, "all": 8})
    assert [(one["kind"], one["state"], one["measure"], one["intent"]) for one in alerts] == [
        ("alert", "began", "handoffs", None),
        ("alert", "began", "handoffs", "track"),
    ]
    assert set(alerts[0]) == {
        *("kind", "state", "id", "measure", "intent", "since", "told", "over", "chats", "usual")
    }
    assert SECRET not in done.stdout


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_stream_goes_on_until_it_is_stopped(
    workspace: Workspace, write: Write, stop: signal.Signals
) -> None:
    command = [sys.executable, "-u", "-c", MAIN, "monitor", "-w", str(workspace.root)]
    with subprocess.Popen(
        [*command, "--json", "--every", "1"], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert json.loads(running.stdout.readline())["turns"] == 0
        write(workspace.database, [Said(0)], time.time())
        assert any(json.loads(running.stdout.readline())["turns"] == 1 for _ in range(20))
        running.send_signal(stop)
        assert running.wait(20) == 0


def test_a_reader_that_goes_away_ends_it(surging: Workspace) -> None:
    command = f"{sys.executable} -c '{MAIN}' monitor -w {surging.root} --json --every 1 | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(objects(done.stdout)) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--since", "yesterday"], "'yesterday' is no age; write it as 90d, 12w or 36h"),
        (["--since", "9w"], "--since 9w cannot be shown; from 1h to 4w can"),
        (["--webhook", "http://example.com"], "'http://example.com' is no webhook"),
        (["--every", "0"], "--every"),
    ],
)
def test_what_is_asked_for_wrongly(workspace: Workspace, words: list[str], sentence: str) -> None:
    done = monitor(workspace, "--once", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


# --- the webhook ---------------------------------------------------------------------------------


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        ThreadingHTTPServer.shutdown(server)


def test_alerts_are_posted_without_a_word_of_a_message(
    surging: Workspace, endpoint: Endpoint
) -> None:
    done = monitor(surging, "--json", "--once", "--webhook", endpoint.url)
    _, *alerts = objects(done.stdout)
    assert [posted for _, posted in endpoint.got] == [{"bot": "面包店", **one} for one in alerts]
    assert len(alerts) == 2
    assert SECRET not in json.dumps(endpoint.got)


# --- at a terminal -------------------------------------------------------------------------------


def terminal(workspace: Workspace, *words: str, term: str = "xterm") -> pexpect.spawn[str]:
    variables = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8"}
    command = ["-c", MAIN, "monitor", "-w", str(workspace.root), "--every", "1", *words]
    return pexpect.spawn(
        sys.executable, command, env=variables, encoding="utf-8", timeout=30, dimensions=(30, 100)
    )


def test_the_view_is_live(surging: Workspace, write: Write) -> None:
    with terminal(surging) as screen:
        screen.expect_exact("\x1b[?1049h")  # a screen of its own
        screen.expect(r"面包店: turns 1\d\d,")
        screen.expect(r"SURGE handoffs: \d+ chats since")
        write(surging.database, [Said(0, 90_000, intent="退款")], time.time())
        screen.expect_exact("退款")
        screen.setwinsize(24, 40)
        screen.expect(r"answered\x1b\[0m +\r")  # no further column: it fits
        screen.send("q")
        screen.expect_exact("\x1b[?1049l")  # and what was there before is there again
        screen.expect(pexpect.EOF)
    assert screen.exitstatus == 0


def test_ctrl_c_ends_the_live_view(workspace: Workspace) -> None:
    with terminal(workspace) as screen:
        screen.expect_exact("turns 0, new chats 0")
        screen.sendcontrol("c")
        screen.expect(pexpect.EOF)
    assert screen.exitstatus == 0


def test_a_log_that_breaks_meanwhile_is_told_in_the_view(surging: Workspace) -> None:
    with terminal(surging) as screen:
        screen.expect(r"SURGE handoffs")
        for file in surging.root.glob("frontdesk.db*"):
            file.unlink()
        surging.database.write_text("a diary" * 1000)
        screen.expect_exact("is not a database")
        screen.send("q")
        screen.expect(pexpect.EOF)
    assert screen.exitstatus == 0


def test_a_dumb_terminal_has_a_table_once(workspace: Workspace) -> None:
    with terminal(workspace, term="dumb") as screen:
        screen.expect(pexpect.EOF)
    assert "\x1b" not in screen.before
    assert "intent" in screen.before
    assert screen.exitstatus == 0
