"""Actions: a function of the workspace or an HTTP endpoint, run before the answer is given."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.actions import AT_ONCE, Actions, carry_out, open_actions, require_environment
from bot.actions.endpoint import LONGEST_REPLY
from bot.decision import Answer, Evidence, Outcome
from bot.errors import BotError
from bot.evidence import evidence_json
from bot.replies import render
from bot.workspace.settings import ActionSettings, load_settings
from tests.bot.dialogue.conversation import Conversation

SETTINGS = r"""
name = "Tern & Trail"
[entities.order_id]
pattern = '\bTT-\d{4}\b'
ask = "What is your order number?"
[actions.look_up]
function = "look_up"
returns = ["status", "days"]
timeout_seconds = 5
"""
TEMPLATES = """
templates:
  - id: track
    intents: [track]
    slots: [order_id]
    action: look_up
    wordings: ["Order {order_id} is {status}, for {days} more days."]
    failure: ["I can't see order {order_id} just now."]
"""
LOOK_UP = """
ORDERS = {"TT-1234": "on its way"}
def look_up(slots):
    return {"status": ORDERS[slots["order_id"]], "days": 2, "secret": "none of your business"}
"""


def asking(folder: Path, code: str = LOOK_UP, settings: str = SETTINGS) -> Conversation:
    return Conversation.of(folder, settings, TEMPLATES, code)


def outcome(talk: Conversation) -> Outcome:
    assert isinstance(talk.decision, Answer)
    assert talk.decision.outcome is not None
    return talk.decision.outcome


# --- functions -----------------------------------------------------------------------------------


def test_what_a_function_returns_is_said(tmp_path: Path) -> None:
    talk = asking(tmp_path)
    reply = talk.customer("where is TT-1234?", "track")
    assert reply == "Order TT-1234 is on its way, for 2 more days."
    assert outcome(talk).returned == {"status": "on its way", "days": "2"}


def test_an_action_waits_for_its_slots(tmp_path: Path) -> None:
    talk = asking(tmp_path)
    assert talk.customer("where is my parcel?", "track") == "What is your order number?"
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way, for 2 more days."


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("def look_up(slots):\n    return {}['password=hunter2']", "KeyError at actions.py:2"),
        ("def look_up(slots):\n    return None", "returned NoneType and no names with values"),
        (
            "def look_up(slots):\n    return {'status': 'late'}",
            'returned no text or number for "days"',
        ),
        (
            "def look_up(slots):\n    return {'status': '', 'days': 1}",
            'returned nothing for "status"',
        ),
        (
            "def look_up(slots):\n    return {'status': 'x' * 9999}",
            'returned too much for "status"',
        ),
        ("def look_up(slots):\n    raise SystemExit(1)", "SystemExit"),
    ],
)
def test_when_it_fails_no_answer_is_made_up(tmp_path: Path, code: str, failure: str) -> None:
    talk = asking(tmp_path, code)
    reply = talk.customer("where is TT-1234?", "track")
    assert reply == """I can't see order TT-1234 just now. Type "agent" to reach a person."""
    assert outcome(talk).failure == failure
    assert evidence_json(talk.decision)["action"] | {"ms": 0} == {
        "name": "look_up",
        "ok": False,
        "attempts": 1,
        "ms": 0,
        "returned": {},
        "failure": failure,
    }


def test_false_is_no_success_even_where_nothing_is_to_be_returned(tmp_path: Path) -> None:
    settings = SETTINGS.replace('returns = ["status", "days"]\n', "")
    templates = TEMPLATES.replace("Order {order_id} is {status}, for {days} more days.", "Done.")
    talk = Conversation.of(tmp_path, settings, templates, "def look_up(slots): return False")
    assert talk.customer("stop TT-1234", "track").startswith("I can't see order TT-1234 just now.")
    assert outcome(talk).failure == "returned False"


def test_without_words_of_the_owner_the_bot_has_its_own(tmp_path: Path) -> None:
    templates = TEMPLATES.rpartition("    failure")[0]
    for language, said in [("en", "that didn't work just now"), ("zh", "刚才没有办成")]:
        settings = f'language = "{language}"\n' + SETTINGS
        talk = Conversation.of(tmp_path, settings, templates, "def look_up(slots): 1 / 0")
        assert said in talk.customer("where is TT-1234?", "track")


def test_a_function_that_takes_too_long_is_left_behind(tmp_path: Path) -> None:
    code = "import threading\nhold = threading.Event()\ndef look_up(slots):\n    hold.wait(30)\n"
    settings = SETTINGS.replace("= 5", "= 0.05\nretries = 3")
    talk = asking(tmp_path, code, settings)
    talk.customer("where is TT-1234?", "track")
    assert outcome(talk).failure == "did not end within 0.05 s"
    assert outcome(talk).attempts == 1  # it is still at work: it is not started beside itself
    hold: threading.Event = talk.actions.functions["look_up"].__globals__["hold"]
    hold.set()


def test_no_more_than_so_many_hang_at_once(tmp_path: Path) -> None:
    code = "import threading\nhold = threading.Event()\ndef look_up(slots):\n    hold.wait(30)\n"
    talk = asking(tmp_path, code, SETTINGS.replace("= 5", "= 0.01"))
    for _ in range(AT_ONCE):
        talk.customer("where is TT-1234?", "track")
    talk.customer("where is TT-1234?", "track")
    assert outcome(talk).failure == f"{AT_ONCE} earlier runs have not ended"
    hold: threading.Event = talk.actions.functions["look_up"].__globals__["hold"]
    hold.set()


def test_a_failing_function_is_tried_again_where_the_owner_allows_it(tmp_path: Path) -> None:
    code = """
runs = []
def look_up(slots, key):
    runs.append(key)
    if len(runs) < 3:
        raise ConnectionError
    return {"status": "late", "days": len(set(runs))}
"""
    talk = asking(tmp_path, code, SETTINGS.replace("= 5", "= 5\nretries = 2"))
    reply = talk.customer("where is TT-1234?", "track")
    assert reply == "Order TT-1234 is late, for 1 more days."  # one key for all three runs
    assert outcome(talk).attempts == 3


def test_the_key_is_that_of_the_turn_and_the_request() -> None:
    keys: list[str] = []

    def book(slots: dict[str, str], key: str) -> None:
        keys.append(key)
        assert slots

    actions = Actions({"book": ActionSettings(function="book")}, {}, {"book": book})
    for turn, day in [("7-3", "monday"), ("7-3", "monday"), ("7-4", "monday"), ("7-3", "friday")]:
        answer = Answer("booked", {"day": day}, Evidence("confirmed"), action="book")
        carry_out(answer, actions, turn)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_what_was_run_is_not_run_again() -> None:
    answer = Answer("booked", {}, Evidence("confirmed"), action="book", outcome=Outcome("book"))
    assert carry_out(answer, Actions(), "1-1") is answer


def test_one_yes_runs_it_once(tmp_path: Path) -> None:
    settings = SETTINGS.replace('returns = ["status", "days"]', "")
    templates = """
templates:
  - id: cancel
    intents: [cancel]
    confirm: true
    action: look_up
    wordings: ["{order_id} is cancelled."]
"""
    code = "runs = []\ndef look_up(slots):\n    runs.append(slots)\n"
    talk = Conversation.of(tmp_path, settings, templates, code)
    talk.customer("cancel TT-1234", "cancel")
    runs: list[Any] = talk.actions.functions["look_up"].__globals__["runs"]
    assert not runs
    assert talk.customer("yes") == "TT-1234 is cancelled."
    talk.customer("yes")
    talk.customer("thanks")
    assert runs == [{"order_id": "TT-1234"}]


def test_an_action_is_given_its_own_slots_by_what_they_mean(tmp_path: Path) -> None:
    settings = (
        SETTINGS.replace('returns = ["status", "days"]', "")
        + """
[entities.day]
pattern = "monday|next friday"
value = "date"
ask = "On which day?"
"""
    )
    templates = """
templates:
  - id: move
    intents: [move]
    slots: [day]
    action: look_up
    wordings: ["On {day} it is."]
"""
    code = "runs = []\ndef look_up(slots):\n    runs.append(slots)\n"
    talk = Conversation.of(tmp_path, settings, templates, code)
    talk.customer("my order is TT-1234", "greeting")
    assert talk.customer("can it come next friday?", "move") == "On next friday it is."
    talk.customer("hello", "greeting")
    assert talk.customer("so, once more please", "move") == "On next friday it is."
    assert talk.customer("sorry, on monday") == "On monday it is."
    runs: list[Any] = talk.actions.functions["look_up"].__globals__["runs"]
    assert runs == [{"day": "2026-03-13"}, {"day": "2026-03-13"}, {"day": "2026-03-09"}]


def test_a_replay_runs_nothing_and_counts_it_as_the_template(tmp_path: Path) -> None:
    talk = asking(tmp_path)
    talk.customer("where is TT-1234?", "track")
    assert isinstance(talk.decision, Answer)
    decided = Answer("track", talk.decision.slots, talk.decision.evidence, action="look_up")
    assert (
        render(decided, talk.templates, "en") == "Order TT-1234 is {status}, for {days} more days."
    )


@pytest.mark.parametrize("typed", ["TT-1234'); __import__('os')._exit(1)#", "TT-1234 {secret} {0}"])
def test_what_a_customer_types_is_only_ever_text(tmp_path: Path, typed: str) -> None:
    code = "def look_up(slots):\n    return {'status': repr(slots), 'days': 1}"
    settings = SETTINGS.replace(r"\bTT-\d{4}\b", "TT-.*")
    talk = asking(tmp_path, code, settings)
    reply = talk.customer(typed, "track")
    assert reply == f"Order {typed} is { ({'order_id': typed})!r}, for 1 more days."


def test_what_a_function_prints_is_not_among_the_answers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    talk = asking(tmp_path, "def look_up(slots):\n    print('hello')\n")
    talk.customer("where is TT-1234?", "track")
    assert capfd.readouterr() == ("", "hello\n")


def test_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    code = "import _thread\ndef look_up(slots):\n    _thread.interrupt_main()\n    hold.wait(30)\n"
    talk = asking(tmp_path, "import threading\nhold = threading.Event()\n" + code)
    before = talk.state
    with pytest.raises(KeyboardInterrupt):
        talk.customer("where is TT-1234?", "track")
    assert talk.state is before
    hold: threading.Event = talk.actions.functions["look_up"].__globals__["hold"]
    hold.set()


# --- mistakes in actions.py ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("x = 1\ndef look_up(slots:\n", "actions.py:2: '(' was never closed; correct that line"),
        ("x = 1", 'actions.py:1: has no function look_up, which "actions.look_up.function" names'),
        ("import json\n\nlook_up = json", "actions.py:1: has no function look_up"),
        ("\ndef look_up():\n    pass", "actions.py:2: look_up should take slots, or slots and key"),
        ("async def look_up(slots):\n    pass", "actions.py:1: look_up is async"),
        ("\n\nimport nothing_of_the_kind", "actions.py:3: ModuleNotFoundError when it is loaded"),
        ("raise SystemExit", "actions.py:1: SystemExit when it is loaded"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, code: str, complaint: str) -> None:
    with pytest.raises(BotError) as told:
        asking(tmp_path, code)
    assert complaint in str(told.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    asking(tmp_path)
    (tmp_path / "actions.py").unlink()
    settings = load_settings(tmp_path / "frontdesk.toml")
    with pytest.raises(BotError, match=r'is missing, and "actions.look_up.function" needs it'):
        open_actions(settings, tmp_path / "actions.py")


def test_a_file_that_nothing_names_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "frontdesk.toml").write_text('name = "x"')
    (tmp_path / "actions.py").write_text("raise SystemExit")
    opened = open_actions(load_settings(tmp_path / "frontdesk.toml"), tmp_path / "actions.py")
    assert opened.functions == {}


def test_a_check_that_breaks_blames_nobody_but_itself(tmp_path: Path) -> None:
    settings = SETTINGS.partition("[actions")[0] + 'validate = "known"\n'
    templates = 'templates: [{id: track, intents: [track], wordings: ["{order_id}"]}]'
    for body, complaint in [
        ("    return {}[value]", "known failed: KeyError at actions.py:2"),
        ("    return 5", "known should return the value as text or raise a ValueError"),
    ]:
        talk = Conversation.of(tmp_path, settings, templates, f"def known(value):\n{body}")
        with pytest.raises(BotError, match=complaint):
            talk.customer("where is TT-1234?", "track")


# --- HTTP ----------------------------------------------------------------------------------------


@dataclass
class Shop:
    """A server that answers with what the test says, one reply a request."""

    url: str
    replies: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def shop() -> Iterator[Shop]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            opened.requests.append((self.path, dict(self.headers), json.loads(body)))
            status, content = opened.replies.pop(0) if opened.replies else (200, GOOD)
            if status == STALLS:
                opened.stalled.wait(30)
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    opened = Shop(f"http://127.0.0.1:{server.server_port}/orders")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield opened
    opened.stalled.set()
    server.shutdown()
    server.server_close()


STALLS = 0
GOOD = b'{"status": "late", "days": 3, "other": [1]}'

Calls = Callable[..., Conversation]


@pytest.fixture
def calling(tmp_path: Path, shop: Shop) -> Calls:
    """`calling(retries=2)`: a conversation whose action asks the shop."""

    def made(**more: object) -> Conversation:
        lines = [f"{name} = {value}" for name, value in more.items()]
        settings = SETTINGS.replace('function = "look_up"', f'url = "{shop.url}"')
        settings = settings.replace("timeout_seconds = 5\n", "")
        return asking(tmp_path, "", settings + "\n".join(lines))

    return made


def test_an_endpoint_is_posted_the_slots(calling: Calls, shop: Shop) -> None:
    talk = calling()
    reply = talk.customer("where is TT-1234?", "track")
    assert reply == "Order TT-1234 is late, for 3 more days."
    [(path, headers, body)] = shop.requests
    assert (path, body) == ("/orders", {"slots": {"order_id": "TT-1234"}})
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"].startswith("1-1-")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_endpoint_is_tried_again_under_the_same_key(
    calling: Calls, shop: Shop, status: int
) -> None:
    shop.replies = [(status, b""), (status, b"")]
    talk = calling(retries=2)
    assert talk.customer("where is TT-1234?", "track") == "Order TT-1234 is late, for 3 more days."
    assert outcome(talk).attempts == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in shop.requests}) == 1


@pytest.mark.parametrize(
    ("status", "content", "failure"),
    [
        (500, b"secret trace", "HTTP 500"),
        (404, b"", "HTTP 404"),
        (302, b"", "HTTP 302"),
        (200, b"<html>", "a reply that is no JSON"),
        (200, b"[" * 30_000, "a reply that is no JSON"),
        (200, b"[]", "returned list and no names with values"),
        (200, b'{"status": true, "days": 1}', 'returned no text or number for "status"'),
        (200, b" " * (LONGEST_REPLY + 1), "a reply of more than 64 KiB"),
        (204, b"", 'returned no text or number for "status"'),
    ],
)
def test_what_is_no_good_reply_is_a_failure(
    calling: Calls, shop: Shop, status: int, content: bytes, failure: str
) -> None:
    shop.replies = [(status, content)]
    talk = calling()
    reply = talk.customer("where is TT-1234?", "track")
    assert reply.startswith("I can't see order TT-1234 just now.")
    assert outcome(talk).failure == failure
    assert len(shop.requests) == 1


def test_an_endpoint_that_does_not_answer_in_time_is_a_failure(calling: Calls, shop: Shop) -> None:
    shop.replies = [(STALLS, b""), (200, GOOD)]
    talk = calling(retries=1, timeout_seconds=0.2)
    assert talk.customer("where is TT-1234?", "track") == "Order TT-1234 is late, for 3 more days."
    assert outcome(talk).attempts == 2


def test_an_endpoint_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    settings = SETTINGS.replace('function = "look_up"', 'url = "http://localhost:9"')
    talk = asking(tmp_path, "", settings)
    talk.customer("where is TT-1234?", "track")
    assert outcome(talk).failure == "ConnectionRefusedError"


def test_a_secret_comes_from_the_environment_and_is_told_nobody(
    calling: Calls, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = calling(headers='{ Authorization = "SHOP_TOKEN" }')
    with pytest.raises(BotError, match=r"environment variable SHOP_TOKEN, which is not set"):
        require_environment(talk.settings.actions)
    monkeypatch.setenv("SHOP_TOKEN", "Bearer hunter2")
    require_environment(talk.settings.actions)
    talk.customer("where is TT-1234?", "track")
    assert shop.requests[0][1]["Authorization"] == "Bearer hunter2"
    assert "hunter2" not in str(talk.decision)
    monkeypatch.setenv("SHOP_TOKEN", "hunter2\r\nX-Other: 1")
    talk.customer("where is TT-1234?", "track")
    assert outcome(talk).failure == "a header's value cannot be sent"
    assert len(shop.requests) == 1
