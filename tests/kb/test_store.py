"""Building: what is embedded again, what is written, and what another process sees meanwhile."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb import manifest, store
from kb.article import Article
from kb.errors import KBError, NoIndex
from kb.passages import Passage, split
from kb.store import Index, build
from kb.vectors import FloatArray

from .conftest import DIMENSION, FINGERPRINT, Encoder, Make, Rebuild


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_what_was_built_can_be_read(make: Make, passages: list[Passage], encoder: Encoder) -> None:
    index = make(passages)
    assert len(index) == len(passages)
    assert index.fingerprint == FINGERPRINT
    assert index.passages([p.id for p in passages]) == passages
    assert index.passage(passages[2].id) == passages[2]
    assert sorted(p.id for p in index.passages()) == index.ids.tolist()
    expected = encoder([p.embedding_text for p in passages])
    np.testing.assert_allclose(index.vectors([p.id for p in passages]), expected, atol=1e-6)


def test_headings_and_any_text_survive(make: Make) -> None:
    article = Article("a", 'Ti"tle', "## 退款\n\n### \\`x\n\n😀 \x01 ' \" %", "kb/a.md:1")
    (passage,) = split(article)
    assert make([passage]).passage(passage.id) == passage


def test_an_unknown_passage_is_an_error(make: Make, passages: list[Passage]) -> None:
    index = make(passages)
    with pytest.raises(KeyError):
        index.passage(1)


def test_an_unchanged_knowledge_base_writes_nothing(
    folder: Path, rebuild: Rebuild, passages: list[Passage], encoder: Encoder
) -> None:
    first = rebuild(passages)
    before = files(folder)
    encoder.texts.clear()
    second = rebuild(passages[::-1])
    assert files(folder) == before
    assert encoder.texts == []
    assert (first.written, second.written) == (True, False)
    assert (second.embedded, second.reused, second.digest) == (0, 5, first.digest)


def test_only_new_texts_are_embedded(
    rebuild: Rebuild, passages: list[Passage], encoder: Encoder
) -> None:
    assert rebuild(passages).embedded == 5
    encoder.texts.clear()
    (new,) = split(Article("new", "New", "A new article.", "kb/new.md:1"))
    report = rebuild([*passages[1:], new])
    assert encoder.texts == [new.embedding_text]
    assert (report.passages, report.embedded, report.reused, report.removed) == (5, 1, 4, 1)


def test_a_moved_article_is_not_embedded_again(
    folder: Path, rebuild: Rebuild, passages: list[Passage], encoder: Encoder
) -> None:
    rebuild(passages)
    encoder.texts.clear()
    moved = [replace(p, id=p.id ^ 1, article=f"old/{p.article}", source="x:9") for p in passages]
    report = rebuild(moved)
    assert encoder.texts == []
    assert (report.written, report.reused, report.removed) == (True, 5, 5)
    assert Index.open(folder, FINGERPRINT).passage(moved[0].id).source == "x:9"


def test_a_title_is_part_of_what_is_embedded(
    rebuild: Rebuild, passages: list[Passage], encoder: Encoder
) -> None:
    rebuild(passages)
    encoder.texts.clear()
    rebuild([replace(passages[0], title="Another title"), *passages[1:]])
    assert len(encoder.texts) == 1


def test_one_text_in_two_articles_is_embedded_once(rebuild: Rebuild, encoder: Encoder) -> None:
    twins = [p for id_ in "ab" for p in split(Article(id_, "T", "same", f"kb/{id_}:1"))]
    assert rebuild(twins).embedded == len(encoder.texts) == 1


def test_building_twice_gives_the_same_version(
    tmp_path: Path, passages: list[Passage], encoder: Encoder
) -> None:
    digests = {
        build(
            tmp_path / name, passages, encoder, fingerprint=FINGERPRINT, dimension=DIMENSION
        ).digest
        for name in "ab"
    }
    assert len(digests) == 1


def test_another_encoder_has_its_own_index(
    folder: Path, rebuild: Rebuild, passages: list[Passage], encoder: Encoder
) -> None:
    rebuild(passages)
    other = "f" * 64
    with pytest.raises(NoIndex, match="has no index for this encoder; run `frontdesk kb build`"):
        Index.open(folder, other)
    report = build(folder, passages, encoder, fingerprint=other, dimension=DIMENSION)
    assert report.embedded == 5
    assert len(Index.open(folder, FINGERPRINT)) == len(Index.open(folder, other)) == 5


def test_an_empty_knowledge_base_is_an_index_that_finds_nothing(
    folder: Path, rebuild: Rebuild, encoder: Encoder
) -> None:
    report = rebuild([])
    assert (report.passages, report.written, encoder.texts) == (0, True, [])
    assert len(Index.open(folder, FINGERPRINT)) == 0


def test_a_damaged_index_is_built_again_from_nothing(
    folder: Path, rebuild: Rebuild, passages: list[Passage]
) -> None:
    rebuild(passages)
    database = next(folder.glob("*.db"))
    database.write_bytes(database.read_bytes()[:-1])
    report = rebuild(passages)
    assert (report.embedded, report.written) == (5, True)
    assert len(Index.open(folder, FINGERPRINT)) == 5


def test_only_the_current_files_stay(
    folder: Path, rebuild: Rebuild, passages: list[Passage]
) -> None:
    rebuild(passages)
    (folder / f"{FINGERPRINT[:12]}-7.db.tmp").write_bytes(b"left by a killed build")
    (folder / "unrelated.txt").write_text("stays")
    rebuild(passages[1:])
    stem = FINGERPRINT[:12]
    assert sorted(files(folder)) == [f"{stem}-8.db", f"{stem}.json", "unrelated.txt"]


def test_progress_is_told(folder: Path, passages: list[Passage], encoder: Encoder) -> None:
    told: list[tuple[str, int, int]] = []
    build(
        folder,
        passages,
        encoder,
        fingerprint=FINGERPRINT,
        dimension=DIMENSION,
        progress=lambda *step: told.append(step),
    )
    assert told[0] == ("embed", 0, 5)
    assert told[-1] == ("write", 5, 5)


def test_an_open_index_outlives_a_rebuild(
    make: Make, rebuild: Rebuild, passages: list[Passage]
) -> None:
    index = make(passages)
    rebuild(passages[:1])
    assert index.passages([p.id for p in passages]) == passages
    assert index.lexical_scores("tent").max() > 0


def test_a_reader_that_came_between_manifest_and_database_tries_again(
    folder: Path, rebuild: Rebuild, passages: list[Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(passages)
    stale = manifest.read_manifest(folder, FINGERPRINT)
    rebuild(passages[:2])
    answers = iter([stale, manifest.read_manifest(folder, FINGERPRINT)])
    monkeypatch.setattr("kb.index.read_manifest", lambda *_: next(answers))
    assert len(Index.open(folder, FINGERPRINT)) == 2


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_readers_never_meet_half_an_index(
    folder: Path, rebuild: Rebuild, passages: list[Passage]
) -> None:
    rebuild(passages)
    child = os.fork()
    if child == 0:
        try:
            for number in range(30):
                rebuild(passages[number % 2 :])
            os._exit(0)
        finally:
            os._exit(1)
    seen = set()
    while not os.waitpid(child, os.WNOHANG)[0]:
        seen.add(len(Index.open(folder, FINGERPRINT).passages()))
    assert seen <= {4, 5}
    assert len(Index.open(folder, FINGERPRINT)) == 4


def test_a_second_build_waits_for_the_first(
    folder: Path, passages: list[Passage], encoder: Encoder
) -> None:
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def let_go(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        stages.append(stage)
        if stage == "wait":
            os.close(handle)

    stages: list[str] = []
    build(
        folder,
        passages,
        encoder,
        fingerprint=FINGERPRINT,
        dimension=DIMENSION,
        progress=let_go,
    )
    assert stages[:2] == ["wait", "embed"]


@pytest.mark.parametrize("shape", [(5, 7), (4, DIMENSION), (5,)])
def test_vectors_of_a_wrong_shape_are_refused(
    folder: Path, passages: list[Passage], shape: tuple[int, ...]
) -> None:
    def encode(texts: list[str]) -> FloatArray:  # noqa: ARG001
        return np.zeros(shape, dtype=np.float32)

    with pytest.raises(KBError, match=r"The encoder gave vectors of shape .* for 5 texts"):
        build(folder, passages, encode, fingerprint=FINGERPRINT, dimension=DIMENSION)
    assert list(folder.iterdir()) == []


def test_one_passage_twice_is_refused(rebuild: Rebuild, passages: list[Passage]) -> None:
    with pytest.raises(KBError, match=r"kb/tents.md:1: this passage of 'tents' was given twice"):
        rebuild([*passages, passages[2]])


@pytest.mark.parametrize("fingerprint", ["", "abc", "../../../../etc", "Z" * 64])
def test_a_fingerprint_is_hexadecimal(folder: Path, fingerprint: str) -> None:
    with pytest.raises(KBError, match="is not a fingerprint"):
        Index.open(folder, fingerprint)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")]
)
def test_a_full_disk_is_one_sentence_and_the_old_index_stays(
    folder: Path,
    rebuild: Rebuild,
    passages: list[Passage],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    rebuild(passages)
    before = files(folder)

    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(store, "_write", full)
    with pytest.raises(KBError, match=r"the index could not be written \(.*(space|full).*\); make"):
        rebuild(passages[1:])
    assert files(folder) == before


def test_a_folder_that_cannot_be_made(tmp_path: Path, encoder: Encoder) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(KBError, match="the index cannot be kept there"):
        build(tmp_path / "file", [], encoder, fingerprint=FINGERPRINT, dimension=DIMENSION)


# Everything a build does to the disk, in one list.
DEEDS: list[tuple[Any, str]] = [
    (os, "replace"),
    (os, "fsync"),
    (os, "unlink"),
    (Path, "write_bytes"),
    (store, "_write"),
    (store, "publish"),
]
DEEDS_OF_A_BUILD = 11


def before_each_deed(monkeypatch: pytest.MonkeyPatch, note: Callable[[str], object]) -> None:
    """Have `note` called before everything that a build does to the disk."""

    def noted(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            note(name)
            return function(*arguments, **options)

        return call

    for owner, name in DEEDS:
        monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))


def test_the_deeds_of_a_build(
    rebuild: Rebuild, passages: list[Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(passages)
    deeds: list[str] = []
    with monkeypatch.context() as patch:
        before_each_deed(patch, deeds.append)
        rebuild(passages[1:])
    assert len(deeds) == DEEDS_OF_A_BUILD, deeds
    assert deeds.index("replace") > deeds.index("fsync")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("number", range(1, DEEDS_OF_A_BUILD + 1))
def test_killed_before_any_deed_an_index_is_whole(
    folder: Path,
    rebuild: Rebuild,
    passages: list[Passage],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """A child process dies, without any clean-up, just before its n-th deed."""
    old = rebuild(passages).digest
    child = os.fork()
    if child == 0:
        try:
            numbers = count(1)
            before_each_deed(monkeypatch, lambda _: next(numbers) < number or os._exit(9))
            rebuild(passages[1:])
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    index = Index.open(folder, FINGERPRINT)
    assert (index.digest == old) == (len(index) == 5)
    again = rebuild(passages[1:])
    assert (again.passages, again.embedded) == (4, 0)
    assert len(Index.open(folder, FINGERPRINT)) == 4
