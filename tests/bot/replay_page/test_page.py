"""The page of a replay: its numbers are those of the figures, and nothing in it can do harm."""

import base64
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks._made_replay import made_replay
from bot import replay_page
from bot.errors import BotError
from bot.replay import ReplayStore, figures, turns
from bot.replay_page import check_path, words, write_page
from bot.replay_page.counting import counted
from bot.replay_page.packing import BLOCK, LONGEST, packed
from bot.workspace import Workspace
from tests.bot.replay_page.conftest import Written

HOSTILE = (
    "<script>document.title='owned'</script>\"'&\x1b[31m\u202egnp.exe"
    "</script><img src=x onerror=alert(1)>"
)
Write = Callable[..., Written]
Frontdesk = Callable[..., tuple[int, str, str]]


class Reader(HTMLParser):
    """The visible text, and every element with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.shown)


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


# --- one set of numbers ---------------------------------------------------------------------------


def test_every_figure_and_interval_is_on_the_page(write: Write) -> None:
    page = write(300)
    shown = Reader(page.text).text
    assert len(page.figures.intervals) > 20
    for name in page.figures.intervals:
        value = page.figures.value(name)
        assert value is not None
        assert f"{words.number(name, value)} " in shown, name
        assert words.bounds(page.figures, name) in shown, name


def test_the_headline_is_automation_at_the_promised_risk(write: Write) -> None:
    page = write(300)
    found = page.figures
    low, high = (f"{100 * bound:.1f}\u202f%" for bound in found.intervals["outcome.automation"])
    assert (
        f"Held to at most 5\u202f% wrong answers, v1 would settle "
        f"{100 * found.outcome['automation']:.1f}\u202f% of these chats by itself "
        f"(95\u202f% interval {low} to {high})."
    ) in Reader(page.text).text


def test_the_terminal_the_json_and_the_page_say_the_same(
    trained_workspace: Workspace, frontdesk: Frontdesk, tmp_path: Path
) -> None:
    with ReplayStore.open(trained_workspace.replays) as store:
        number = made_replay(store, 300)
        write_page(store, number, tmp_path / "replay.html", bot="The Bakery")
        found = figures(store, number).as_json()
    words_ = ["replay", "--show", str(number), "--workspace", str(trained_workspace.root)]
    assert json.loads(frontdesk(*words_, "--json")[1]) == found
    shown = Reader((tmp_path / "replay.html").read_text(encoding="utf-8")).text
    said = re.findall(r"\b\d+\.\d%|\b\d\.\d{3}\b", frontdesk(*words_)[1])
    assert len(said) > 60
    for number_ in said:
        assert number_.replace("%", "\u202f%") in shown, number_


def test_the_bins_are_those_of_the_calibration_error(write: Write) -> None:
    page = write(500)
    bins = counted(turns(page.store, page.replay)).bins
    n = sum(each.n for each in bins)
    gap = sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / n
    assert n == page.figures.intent["n"]
    assert gap == pytest.approx(page.figures.intent["ece"], abs=1e-12)


def test_the_flow_has_every_chat_once_a_message(write: Write) -> None:
    page = write(103)
    found = counted(turns(page.store, page.replay))
    by_message = Counter[int]()
    for (place, _), n in found.moves.items():
        by_message[place] += n
    assert by_message == {0: 21, 1: 21, 2: 21, 3: 20, 4: 20}
    assert sum(n for (place, _, _), n in found.ways.items() if place == 1) == by_message[2]


def test_many_labels_make_a_matrix_of_those_most_mixed_up(write: Write) -> None:
    shown = Reader(write(3000, labels=150).text).text
    assert re.search(r"The \d+ of 1\d\d labels that are most mixed up\.", shown)
    assert re.search(r"15 of \d+ confused pairs: \d+ of [\d,]+ misread turns", shown)


def test_a_comparison_says_what_is_fixed_and_which_figures_differ(write: Write) -> None:
    page = write(300, against=True)
    assert page.compared is not None
    shown = Reader(page.text).text
    counts = page.compared.counts
    assert counts["fixed"] > 0
    assert f"▲ fixed: {counts['fixed']}" in shown
    assert f"= unchanged: {counts['unchanged']}" in shown
    for change in page.compared.figures:
        assert change.figure in shown
        assert words.signed(change.figure, change.difference) in shown


# --- the turns it carries -------------------------------------------------------------------------


def test_the_page_carries_every_turn_and_its_evidence(write: Write) -> None:
    page = write(BLOCK + 7, texts=["x" * (LONGEST + 5), "我的订单在哪里 📦"])
    rows = list(turns(page.store, page.replay))
    found = packed(((turn, None) for turn in rows), 1, {})
    columns, blocks = unpacked(found.columns), [unpacked(block) for block in found.blocks]
    assert [len(block) for block in blocks] == [BLOCK, 7]
    assert columns["message"][0] == "x" * LONGEST
    assert blocks[0][0]["message"] == rows[0].message
    assert columns["message"][1:] == [turn.message for turn in rows[1:]]
    for name in ("kind", "intent", "conversation"):
        coded = columns["coded"][name]
        assert [coded["names"][code] for code in coded["codes"]] == [
            getattr(turn, name) for turn in rows
        ]
    last, evidence = rows[-1], blocks[1][-1]
    assert evidence["reply"] == last.reply
    assert evidence["thresholds"] == last.evidence["thresholds"]
    assert [each["name"] for each in evidence["intents"]] == [
        each["name"] for each in last.evidence["intents"]
    ]
    assert evidence["passages"][0]["passage"] == str(last.evidence["passages"][0]["passage"])


def test_of_very_many_turns_evenly_spread_chats_are_in_the_table(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_page, "MOST", 50)
    shown = Reader(write(200).text).text
    assert "The turns of one chat in 4: 50." in shown
    assert "200 turns of 40 chats" in shown


# --- nothing in it can do harm --------------------------------------------------------------------


def test_what_chats_hold_is_text(write: Write) -> None:
    page = Reader(write(20, texts=[HOSTILE] * 20).text)
    scripts = [given for name, given in page.elements if name == "script"]
    assert [given.get("type") for given in scripts] == [
        "text/plain", "text/plain", None, "module",
    ]  # fmt: skip
    assert not [name for name, _ in page.elements if name in ("img", "iframe", "link", "object")]
    given = [key for _, attributes in page.elements for key in attributes]
    assert not [key for key in given if key.startswith("on") or key == "src"]
    assert "<script>document.title='owned'</script>" in page.text
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text


def test_the_policy_lets_only_the_pages_own_scripts_run(write: Write) -> None:
    source = write(20).text
    [policy] = [
        given["content"] or ""
        for _, given in Reader(source).elements
        if given.get("http-equiv") == "Content-Security-Policy"
    ]
    own = re.findall(r'<script(?: type="module")?>(.*?)</script>', source, re.DOTALL)
    allowed = re.findall(r"sha256-([\w+/=]+)", policy)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in own]
    assert allowed == digests
    assert policy.startswith("default-src 'none'; ")


# --- files ----------------------------------------------------------------------------------------


def test_a_path_that_cannot_be_written_to_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(BotError, match="is a folder; name a file for the report"):
        check_path(tmp_path)
    with pytest.raises(BotError, match=r"nowhere does not exist; make that folder"):
        check_path(tmp_path / "nowhere" / "replay.html")
    check_path(tmp_path / "replay.html")


def test_the_page_takes_the_old_ones_place_in_one_step(write: Write) -> None:
    page = write(20)
    old = page.text
    write_page(page.store, page.replay, page.path, bot="Another")
    assert page.text != old
    assert sorted(path.name for path in page.path.parent.glob("*.html")) == ["replay.html"]
    assert not list(page.path.parent.glob(".replay.html*"))


def test_a_replay_in_which_nothing_can_be_judged_has_a_page(write: Write) -> None:
    shown = Reader(write(12, labelled=False).text).text
    assert "The promise could not be tried: no answer could be judged." in shown
    assert "What it mixes up" not in shown
    assert "How sure, and how often right" not in shown


def test_the_command_writes_the_page_of_a_replay_and_of_a_comparison(
    trained_workspace: Workspace, frontdesk: Frontdesk, derive: Callable[..., str], tmp_path: Path
) -> None:
    root, page = trained_workspace.root, tmp_path / "replay.html"
    where = ("--workspace", root, "--include-trained", "--report", page)
    code, out, err = frontdesk("replay", root / "chats", *where, "--json")
    assert (code, "Traceback" in err) == (0, False)
    shown = Reader(page.read_text(encoding="utf-8")).text
    found = json.loads(out)
    assert f"{found['turns']:,} turns of {found['chats']:,} chats" in shown
    assert f"All turns: {found['turns']:,}." in shown
    derive(trained_workspace, "v2", {"order/track": "order/cancel", "order/cancel": "order/track"})
    code, out, _ = frontdesk("replay", root / "chats", "--against", "v2", *where, "--json")
    counts = json.loads(out)["comparison"]["counts"]
    shown = Reader(page.read_text(encoding="utf-8")).text
    assert code == 0
    assert counts["fixed"] > 0
    assert f"▲ fixed: {counts['fixed']}" in shown
    page.unlink()
    assert frontdesk("replay", "--show", "1", "--workspace", root, "--report", page)[0] == 0
    assert page.exists()


def test_the_command_refuses_a_folder_that_is_not_there(
    trained_workspace: Workspace, frontdesk: Frontdesk, tmp_path: Path
) -> None:
    root = trained_workspace.root
    page = tmp_path / "nowhere" / "replay.html"
    code, out, err = frontdesk("replay", root / "chats", "-w", root, "--report", page)
    assert (code, out) == (2, "")
    assert f"{page.parent} does not exist; make that folder for the report first" in err
