"""No damage to an index goes unseen: it is refused at open, with the command that mends it."""

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from kb.errors import NoIndex
from kb.manifest import SCHEMA
from kb.passages import Passage
from kb.store import Index

from .conftest import FINGERPRINT, Rebuild

STEM = FINGERPRINT[:12]


@pytest.fixture
def database(folder: Path, rebuild: Rebuild, passages: list[Passage]) -> Path:
    """The database of a good index; its manifest lies beside it."""
    rebuild(passages)
    return folder / f"{STEM}-1.db"


@pytest.fixture
def manifest(database: Path) -> Path:
    return database.with_name(f"{STEM}.json")


def refusal(folder: Path) -> str:
    """Why an index is refused, in one sentence that names the mend."""
    with pytest.raises(NoIndex) as caught:
        Index.open(folder, FINGERPRINT)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "run `frontdesk kb build`" in sentence
    return sentence.replace(f"{folder}/", "")


def flip(path: Path, place: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def test_one_flipped_bit_in_the_database(folder: Path, database: Path) -> None:
    good = database.read_bytes()
    rng = random.Random(11)
    places = [0, 18, 99, len(good) - 1, *rng.sample(range(len(good)), 60)]
    for place in places:
        flip(database, place, rng.randrange(8))
        assert "is damaged (its checksum does not match)" in refusal(folder)
        database.write_bytes(good)
    assert len(Index.open(folder, FINGERPRINT)) == 5


def test_one_flipped_bit_anywhere_in_the_manifest(folder: Path, manifest: Path) -> None:
    good = manifest.read_bytes()
    for place in range(len(good)):
        flip(manifest, place, place % 8)
        assert refusal(folder).startswith(manifest.name)
        manifest.write_bytes(good)
    assert len(Index.open(folder, FINGERPRINT)) == 5


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_truncation(folder: Path, database: Path, manifest: Path, kept: int) -> None:
    good = database.read_bytes()
    database.write_bytes(good[:kept])
    assert "is damaged (" in refusal(folder)
    database.write_bytes(good + b"\0")
    assert "is damaged (" in refusal(folder)
    database.write_bytes(good)
    manifest.write_bytes(manifest.read_bytes()[:kept])
    assert "manifest is damaged" in refusal(folder)


def test_missing_files(folder: Path, database: Path, manifest: Path) -> None:
    database.unlink()
    assert (
        refusal(folder)
        == f"{STEM}-1.db: the index's database is missing; run `frontdesk kb build`."
    )
    manifest.unlink()
    assert "has no index for this encoder" in refusal(folder)
    folder.rmdir()
    assert "has no index for this encoder" in refusal(folder)


def test_an_index_of_another_encoder_under_this_one_s_name(folder: Path, manifest: Path) -> None:
    other = FINGERPRINT[:12] + "f" * 52
    with pytest.raises(NoIndex, match="made for another encoder; run `frontdesk kb build`"):
        Index.open(folder, other)
    assert manifest.exists()


def test_the_database_of_another_build(
    folder: Path, database: Path, rebuild: Rebuild, passages: list[Passage]
) -> None:
    old = database.read_bytes()
    rebuild(passages[1:])
    (folder / f"{STEM}-2.db").write_bytes(old)
    assert "is damaged" in refusal(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"schema": true}', "[" * 100_000])
def test_a_manifest_that_is_something_else(folder: Path, manifest: Path, content: str) -> None:
    manifest.write_text(content)
    assert "manifest is damaged" in refusal(folder)


def test_a_newer_format(folder: Path, manifest: Path) -> None:
    manifest.write_text(json.dumps({"schema": SCHEMA + 1, "shape": "unknown"}))
    assert f"is in format {SCHEMA + 1}, newer than this Frontdesk reads" in refusal(folder)


@pytest.mark.parametrize("suffix", [".db", ".json"])
def test_files_that_may_not_be_read(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    assert database.exists()
    original = io.open

    def open_(file: Any, *arguments: Any, **options: Any) -> Any:
        if str(file).endswith(suffix):
            raise PermissionError(13, "Permission denied")
        return original(file, *arguments, **options)

    monkeypatch.setattr(io, "open", open_)  # what pathlib calls
    assert "cannot be read (Permission denied)" in refusal(folder)


def test_a_read_only_folder_will_do(folder: Path, database: Path) -> None:
    folder.chmod(0o500)
    try:
        assert len(Index.open(folder, FINGERPRINT)) == 5
        assert sorted(path.name for path in folder.iterdir()) == [database.name, f"{STEM}.json"]
    finally:
        folder.chmod(0o700)
