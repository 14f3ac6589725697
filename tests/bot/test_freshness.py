"""A changed article is noticed; a copied one is not taken for a change."""

import os
from pathlib import Path

import pytest

from bot import freshness
from bot.freshness import changed, keep, state_of

FINGERPRINT = "f" * 64


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "kb"
    (folder / "more").mkdir(parents=True)
    (folder / "a.md").write_text("# A")
    (folder / "more" / "b.md").write_text("# B")
    return folder


@pytest.fixture
def index(tmp_path: Path, articles: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    keep(state_of(articles), folder, FINGERPRINT)
    return folder


def test_what_was_not_touched_is_unchanged(articles: Path, index: Path) -> None:
    assert not changed(articles, index, FINGERPRINT)


def test_an_edit_an_addition_a_removal_and_a_new_name_are_changes(
    articles: Path, index: Path
) -> None:
    one = articles / "a.md"
    one.write_text("# A, edited")
    assert changed(articles, index, FINGERPRINT)
    one.write_text("# A")
    assert not changed(articles, index, FINGERPRINT)
    (articles / "c.md").write_text("# C")
    assert changed(articles, index, FINGERPRINT)
    (articles / "c.md").unlink()
    one.rename(articles / "d.md")
    assert changed(articles, index, FINGERPRINT)
    (articles / "d.md").unlink()
    assert changed(articles, index, FINGERPRINT)


def test_a_new_time_alone_is_no_change(articles: Path, index: Path) -> None:
    os.utime(articles / "a.md", (0, 0))
    assert not changed(articles, index, FINGERPRINT)


def test_files_are_not_read_while_their_times_are_the_same(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: Path) -> str:
        raise AssertionError("a file was read")

    monkeypatch.setattr(freshness, "_content", read)
    assert not changed(articles, index, FINGERPRINT)


def test_what_no_reader_looks_at_is_no_change(articles: Path, index: Path) -> None:
    (articles / ".draft.md").write_text("# Not yet")
    (articles / "~$lock.md").write_text("")
    assert not changed(articles, index, FINGERPRINT)


@pytest.mark.parametrize("kept", [None, "", "{", "[]", '{"listing": 1}'])
def test_where_nothing_is_known_nothing_is_claimed(
    articles: Path, index: Path, kept: str | None
) -> None:
    [path] = index.iterdir()
    path.unlink()
    if kept is not None:
        path.write_text(kept)
    (articles / "a.md").write_text("# A, edited")
    assert not changed(articles, index, FINGERPRINT)


def test_an_index_of_unreadable_articles_claims_nothing(articles: Path, index: Path) -> None:
    (articles / "gone.md").symlink_to(articles / "nowhere.md")
    assert state_of(articles) is not None  # no file, so nothing to read
    keep(None, index, FINGERPRINT)
    assert list(index.iterdir()) == []
