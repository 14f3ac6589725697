"""The page in Chromium, used as a person does: by keyboard, by search, on a phone, on paper."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks._chromium import Browser, chromium
from tests.bot.replay_page.conftest import Written

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium here")

TURNS = 3000
TEXTS = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">",
    "我的订单在哪里 \x1b[31m\u202egnp.exe 📦",
    "y" * 5000 + " the end",
)
READY = """new Promise((done, fail) => {
    const began = Date.now();
    const look = () => document.documentElement.dataset.ready ? done(true)
        : Date.now() - began > 30000 ? fail("the table is not ready") : setTimeout(look, 20);
    look();
})"""
KEYS = {
    "ArrowDown": 40, "ArrowUp": 38, "ArrowRight": 39, "ArrowLeft": 37, "PageDown": 34, "PageUp": 33,
    "Home": 36, "End": 35, "Enter": 13, "Escape": 27,
}  # fmt: skip


class Page:
    """A page that is open in a browser."""

    def __init__(self, browser: Browser, written: Written) -> None:
        self.browser, self.written = browser, written

    def open(self, **options: Any) -> "Page":
        self.browser.open(self.written.path, **options)
        self.browser.run(READY)
        return self

    def __call__(self, script: str) -> Any:
        return self.browser.run(script)

    def press(self, *keys: str, control: bool = False) -> None:
        for key in keys:
            self.browser.press(key, KEYS[key], 2 if control else 0)
        self("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def text(self, selector: str) -> str:
        return str(self(f"document.querySelector({selector!r}).textContent"))

    def focused(self) -> tuple[int, int]:
        """Row (1 is the head) and column of the cell that has the focus."""
        row, column = self(
            """[document.activeElement.parentElement.ariaRowIndex,
            document.activeElement.ariaColIndex]"""
        )
        return int(row), int(column)

    def column(self, name: str) -> list[str]:
        """The cells of a column that exist, from top to bottom."""
        found: list[str] = self(
            f"[...document.querySelectorAll('.body .{name}')].map(cell => cell.textContent)"
        )
        return found

    def enter_table(self) -> None:
        self("document.querySelector('[role=gridcell][tabindex=\"0\"]').focus()")

    def wait_for(self, condition: str) -> None:
        self(
            f"""new Promise((done, fail) => {{
            const began = Date.now();
            const look = () => ({condition}) ? done(true)
                : Date.now() - began > 10000 ? fail({condition!r}) : setTimeout(look, 20);
            look(); }})"""
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def written(write: Callable[..., Written]) -> Written:
    return write(TURNS, against=True, texts=TEXTS)


@pytest.fixture
def page(browser: Browser, written: Written) -> Page:
    return Page(browser, written).open()


def test_only_the_rows_in_sight_exist(page: Page) -> None:
    assert page("document.querySelector('[role=grid]').ariaRowCount") == str(TURNS + 1)
    assert page.text(".told") == "3,000 of 3,000 turns"
    assert 10 < page("document.querySelectorAll('.body [role=row]').length") < 60


def test_it_opens_without_a_complaint_and_runs_nothing_of_the_chats(page: Page) -> None:
    assert page("document.title") == "The Bakery v2: replay 2"
    first, second = page.column("message")[:2]
    assert first == TEXTS[0]
    assert second == "我的订单在哪里 \ufffd[31m\ufffdgnp.exe 📦"
    said = [one["method"] for one in page.browser.messages]
    assert "Log.entryAdded" not in said
    assert "Runtime.exceptionThrown" not in said


def test_the_keyboard_reaches_every_cell(page: Page) -> None:
    page.enter_table()
    assert page.focused() == (2, 1)
    page.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert page.focused() == (4, 2)
    page.press("ArrowUp", "End")
    assert page.focused() == (3, 9)
    page.press("Home", "PageDown", "PageDown")
    row, column = page.focused()
    assert row > 20
    assert column == 1
    page.press("PageUp")
    assert page.focused()[0] < row
    page.press("End", control=True)
    assert page.focused() == (TURNS + 1, 9)
    page.press("Home", control=True)
    assert page.focused() == (2, 1)
    page.press("ArrowUp", "ArrowLeft")
    assert page.focused() == (2, 1)


def test_the_focus_stays_where_it_is_when_the_rows_scroll_away(page: Page) -> None:
    page.enter_table()
    page("document.querySelector('[role=grid]').scrollTop = 60000")
    page.wait_for("document.querySelector('.body [role=row]:last-child').ariaRowIndex > 1000")
    assert page.focused() == (2, 1)


def test_enter_opens_the_evidence_and_escape_goes_back(page: Page) -> None:
    page.enter_table()
    page.press("ArrowDown", "ArrowDown", "Enter")
    page.wait_for("document.querySelector('dialog').open")
    shown = page.text("dialog")
    assert TEXTS[2] in shown  # whole
    assert "3 of 3,000" in shown
    assert "Intents, threshold 0.820" in shown
    assert "Passages (● cited), threshold 0.550" in shown
    assert re.search(r"article-\d+, passage \d{15,}", shown)
    assert "nothing clears its threshold" in shown
    assert page("[...document.querySelectorAll('dialog h3')].map(h => h.textContent)") == [
        "Before", "After",
    ]  # fmt: skip
    page.press("ArrowRight")
    page.wait_for("document.querySelector('dialog').textContent.includes('4 of 3,000')")
    page.press("Escape")
    page.wait_for("!document.querySelector('dialog').open")
    assert page.focused() == (5, 1)


def test_search_and_filters_narrow_it_down(page: Page) -> None:
    page(
        """(() => { const search = document.getElementById("turns-search");
        search.value = "订单在哪里 "; search.dispatchEvent(new Event("input")); })()"""
    )
    page.wait_for("document.querySelector('.told').textContent.startsWith('1 of')")
    assert page.column("message") == ["我的订单在哪里 \ufffd[31m\ufffdgnp.exe 📦"]
    page("[...document.querySelectorAll('.filters button')].at(-1).click()")
    assert page.text(".told") == "3,000 of 3,000 turns"
    page(
        """(() => { const kind = [...document.querySelectorAll(".filters label")]
            .find(label => label.firstChild.data === "decision").querySelector("select");
        kind.value = [...kind.options].find(one => one.text === "clarify").value;
        kind.dispatchEvent(new Event("change")); })()"""
    )
    assert set(page.column("decision")) == {"clarify"}
    share = page.written.figures.decisions["clarify"]
    assert page.text(".told") == f"{round(share * TURNS)} of 3,000 turns"


def test_a_head_sorts_up_and_down_and_back(page: Page) -> None:
    click = "document.querySelector('[role=columnheader].confidence button').click()"
    sort = "document.querySelector('[role=columnheader].confidence').ariaSort"
    before = page.column("message")
    page(click)
    assert page(sort) == "ascending"
    rising = [int(sure.split("\u202f")[0]) for sure in page.column("confidence")]
    assert rising == sorted(rising)
    page(click)
    assert page(sort) == "descending"
    assert set(page.column("confidence")) == {"over 99\u202f%"}
    page(click)
    assert page(sort) is None
    assert page.column("message") == before


def test_the_fixed_turns_are_a_click_away(page: Page) -> None:
    assert page.written.compared
    fixed = page.written.compared.counts["fixed"]
    page("[...document.querySelectorAll('.chips button')][0].click()")
    assert page.text(".told") == f"{fixed:,} of 3,000 turns"
    assert set(page.column("change")) == {"▲ fixed"}


def test_a_confused_pair_shows_its_turns(page: Page) -> None:
    gold, read, n = max(page.written.figures.confusion, key=lambda pair: pair[2])
    page("document.querySelector('td button[data-filter]').click()")
    assert page.text(".told") == f"{n:,} of 3,000 turns"
    assert set(page.column("intent")) == {read}
    assert gold != read


def test_light_and_dark(browser: Browser, written: Written) -> None:
    page = Page(browser, written)
    papers = {
        page.open(scheme=scheme)("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert papers == {"rgb(253, 253, 251)", "rgb(20, 23, 28)"}


def test_a_narrow_screen_has_fewer_columns_and_does_not_scroll_sideways(
    browser: Browser, written: Written
) -> None:
    page = Page(browser, written).open(size=(390, 844))
    assert page("document.documentElement.scrollWidth") == 390
    assert page("document.querySelector('[role=grid]').ariaColCount") == "4"
    page.enter_table()
    page.press("End")
    assert page.focused() == (2, 4)


def test_paper_has_the_first_turns_of_those_chosen(page: Page, tmp_path: Path) -> None:
    page("[...document.querySelectorAll('.chips button')][0].click()")
    page.browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    rows = page("document.querySelectorAll('#turns-still tbody tr').length")
    assert rows == 40
    assert page.written.compared
    more = page.written.compared.counts["fixed"] - rows
    assert f"; {more:,} more are in the table" in page.text("#turns-still caption")


def test_a_browser_that_cannot_unpack_shows_the_first_turns(
    browser: Browser, written: Written
) -> None:
    source = "delete window.DecompressionStream"
    added = browser.ask("Page.addScriptToEvaluateOnNewDocument", source=source)
    try:
        browser.open(written.path)
        page = Page(browser, written)
        page.wait_for("document.querySelector('#turns-tool [role=alert]')")
        assert "cannot unpack the table" in page.text("#turns-tool")
        assert page("document.querySelector('#turns-still').checkVisibility()") is True
        assert page("document.querySelectorAll('#turns-still tbody tr').length") == 40
    finally:
        browser.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])
