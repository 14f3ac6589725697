"""Model versions as folders: complete or invisible, checked when opened, one of them live.

    models/
      current          the live version's name, one line
      history.jsonl    what happened to the versions (finetune.history)
      base/            the pretrained encoder alone, nothing learnt yet
      v1/ v2/ …        what each training run made
        manifest.json  every file's size and sha256, and what the version says about itself

A version is written into a folder whose name starts with "." and renamed when it is complete, so
a reader never sees half of one. `current` is replaced in one step too: a process that reads while
another switches sees the old version or the new one, both whole.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune import history
from finetune.errors import FinetuneError, NoModel

BASE = "base"
CURRENT = "current"
MANIFEST = "manifest.json"
SCHEMA = 1
ENCODER_FILES = ("trunk.onnx", "tokenizer.json", "encoder.json")
EVIDENCE = {"calibration": "evidence", "validation": "evidence-validation"}
"""How a part's messages were read: what its files are called before `.json`, `.safetensors`."""

DAY = 24 * 60 * 60.0

_NUMBERED = re.compile(r"v([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One complete version. `meta` is what its maker said of it (metrics, dates, …)."""

    name: str
    folder: Path
    fingerprint: str  # hex; changes when any file does
    encoder_fingerprint: str  # hex; changes when its sentence vectors may
    bytes: int
    meta: Mapping[str, Any]


def versions(models: Path) -> list[VersionInfo]:
    """Every version with a readable manifest, `base` first, then v1, v2, … Files unchecked."""
    parsed = (_parse_manifest(models / name) for name in _names(models))
    return [version for version in parsed if isinstance(version, VersionInfo)]


def next_version(models: Path) -> str:
    """The name for the next trained version."""
    numbered = (_NUMBERED.fullmatch(name) for name in _names(models))
    return f"v{max((int(match[1]) for match in numbered if match), default=0) + 1}"


def current(models: Path) -> str | None:
    """The live version's name, or None when none was chosen yet."""
    try:
        return (models / CURRENT).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NoModel(f"{models / CURRENT} cannot be read ({error}); {_mend(models)}") from error


def use(models: Path, version: str, how: history.Switch = "used") -> VersionInfo:
    """Make a version the live one, after checking every byte of it, and remember `how` it came to
    that. Raises NoModel."""
    info = open_version(models, version)
    before = current_if_readable(models)
    if version != before:
        history.record(models, how, version, before=before)
    _write(models / CURRENT, f"{version}\n")
    return info


def live_before(models: Path) -> str:
    """The version that was live before the present one and is still there; going back to it and
    asking again gives the one before that. Raises NoModel when there is none."""
    live, there = current(models), _names(models)
    for name in reversed(history.lives(models, live)[:-1]):
        if name in there and name != live:
            return name
    raise NoModel(
        f"{models} has no version that was live before {live or 'now'}; choose one that "
        "`frontdesk models` lists with `frontdesk models use`"
    )


def candidates(models: Path) -> set[str]:
    """The trained versions that have not been live."""
    waiting = history.waiting(models) - {BASE, current_if_readable(models)}
    return waiting & set(_names(models))


def sweep(models: Path, older_than: float = DAY) -> None:
    """Remove the unfinished versions that killed runs left, once they are `older_than` seconds."""
    for folder in models.glob(".new-*"):
        with suppress(OSError):  # another process may be doing the same
            if time.time() - folder.stat().st_mtime > older_than:
                shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a trained version knows (`labels`) and the ids of the chats it saw, by part."""

    labels: Sequence[str]
    splits: Mapping[str, Sequence[str]]

    @property
    def chats(self) -> set[str]:
        return {name for part in self.splits.values() for name in part}


def learnt(info: VersionInfo) -> Learnt | None:
    """What a version was made from; None for `base`, and where that cannot be read."""
    try:
        labels = json.loads((info.folder / "labels.json").read_bytes())
        settings = json.loads((info.folder / "settings.json").read_bytes())
        return Learnt(labels, settings["splits"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def are_all_readable(models: Path) -> bool:
    """Whether every version's manifest can be read, so that `versions` misses none."""
    return len(versions(models)) == len(_names(models))


def open_version(models: Path, version: str | None = None) -> VersionInfo:
    """The version (the live one when None), after checking presence, size and sha256 of its files.

    Raises NoModel: a sentence that names the version, the file and the command that mends it.
    """
    name = version or current(models)
    if name is None:
        raise NoModel(f"{models} has no model in use; {_mend(models)}")
    if name not in _names(models):
        raise NoModel(f"there is no model {name} in {models}; {_mend(models, besides=name)}")
    info = _read_manifest(models / name)
    for file, facts in info.meta["files"].items():
        _check_file(info, file, facts)
    return info


def write_manifest(folder: Path, meta: Mapping[str, Any]) -> dict[str, Any]:
    """List every file of a version's folder with its bytes and sha256; the last file written.

    Adds `fingerprint` (of all the files) and `encoder_fingerprint` (of those that decide the
    sentence vectors) to `meta`. Raises FinetuneError when an encoder file is missing.
    """
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = {path.name: _facts(path) for path in paths if path.name != MANIFEST}
    for name in ENCODER_FILES:
        if name not in files:
            raise FinetuneError(f"{folder} lacks {name}; a model version cannot do without it")
    manifest: dict[str, Any] = {
        **meta,
        "schema": SCHEMA,
        "fingerprint": _fingerprint(files, files),
        "encoder_fingerprint": _fingerprint(files, ENCODER_FILES),
        "files": files,
    }
    manifest["check"] = _check(manifest)
    _write(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    return manifest


def publish(temporary: Path, models: Path, version: str) -> VersionInfo:
    """Rename a finished folder (inside `models`, name starting with ".") to its version name.

    Everything is on disk before the name appears. Raises FinetuneError when the name is taken.
    """
    if version != BASE and not _NUMBERED.fullmatch(version):
        raise FinetuneError(f"{version!r} is no version name; use {BASE} or v1, v2, …")
    if not (temporary / MANIFEST).is_file():
        raise FinetuneError(f"{temporary} has no {MANIFEST}; write it before publishing")
    for path in (*temporary.iterdir(), temporary):
        _sync(path)
    try:
        temporary.rename(models / version)
    except OSError as error:
        reason = "it exists already" if (models / version).exists() else str(error)
        raise FinetuneError(f"cannot publish model {version} in {models}: {reason}") from error
    _sync(models)
    with suppress(OSError):  # it is there, and says of itself when it was made
        history.record(models, "published", version)
    return _read_manifest(models / version)


def current_if_readable(models: Path) -> str | None:
    """As `current`, with None where that cannot be read: the same as nothing."""
    try:
        return current(models)
    except NoModel:
        return None


def _names(models: Path) -> list[str]:
    """Names of version folders, `base` first, then by number; unfinished ones are invisible."""
    if not models.is_dir():
        return []
    found = {path.name for path in models.iterdir() if path.is_dir()}
    numbered = [name for name in found if _NUMBERED.fullmatch(name)]
    return [BASE] * (BASE in found) + sorted(numbered, key=lambda name: int(name[1:]))


def _parse_manifest(folder: Path) -> VersionInfo | str:
    """The version, or what is wrong with its manifest in words that follow "model v3 …"."""
    try:
        meta = json.loads((folder / MANIFEST).read_bytes())
        if meta["schema"] != SCHEMA:
            return f"was made by another release (schema {meta['schema']}, here {SCHEMA})"
        if meta["check"] != _check(meta):
            return f"has a {MANIFEST} that was changed after it was written"
        return VersionInfo(
            name=folder.name,
            folder=folder,
            fingerprint=meta["fingerprint"],
            encoder_fingerprint=meta["encoder_fingerprint"],
            bytes=sum(facts["bytes"] for facts in meta["files"].values()),
            meta=meta,
        )
    except FileNotFoundError:
        return f"lacks {MANIFEST}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"has a damaged {MANIFEST}"


def _read_manifest(folder: Path) -> VersionInfo:
    parsed = _parse_manifest(folder)
    if isinstance(parsed, str):
        raise _unusable(folder, parsed)
    return parsed


def _check_file(info: VersionInfo, name: str, expected: Mapping[str, Any]) -> None:
    path = info.folder / name
    try:
        size = path.stat().st_size
        if size != expected["bytes"]:
            fault = f"has a damaged {name} ({size:,} bytes, not {expected['bytes']:,})"
            raise _unusable(info.folder, fault)
        if _sha256(path) != expected["sha256"]:
            raise _unusable(info.folder, f"has a damaged {name} (its bytes changed)")
    except FileNotFoundError as error:
        raise _unusable(info.folder, f"lacks {name}") from error
    except OSError as error:
        raise _unusable(info.folder, f"has an unreadable {name} ({error.strerror})") from error


def _unusable(folder: Path, fault: str) -> NoModel:
    return NoModel(f"model {folder.name} {fault}; {_mend(folder.parent, besides=folder.name)}")


def _mend(models: Path, besides: str | None = None) -> str:
    """The command that helps: training, or another version where a complete one exists."""
    others = [info.name for info in versions(models) if info.name != besides]
    learn = "run `frontdesk finetune`"
    return f"{learn} or `frontdesk models use {others[-1]}`" if others else learn


def _facts(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(files: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> str:
    lines = (f"{name} {files[name]['sha256']}\n" for name in sorted(names))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _check(manifest: Mapping[str, Any]) -> str:
    """sha256 of a manifest without its own "check"; a flipped byte in a metric shows too."""
    rest = {key: value for key, value in manifest.items() if key != "check"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Replace a small file in one step."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.write_text(text, encoding="utf-8")
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
