"""`frontdesk new`: a workspace from what a team has, or a small one to start from.

The workspace is made beside its place and moved there when it is complete, so that a folder with
a `frontdesk.toml` in it is always a whole workspace.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from string import Template as TextTemplate
from typing import TYPE_CHECKING

from bot.console import left_out
from bot.errors import BotError
from bot.workspace import SETTINGS_FILE
from finetune.encoder import DEFAULT_ENCODER

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.creation.proposals import Encode, FloatArray
    from bot.imports.run import Imported
    from bot.workspace.settings import Language
    from finetune.conversation import Conversation

CHAT_SUFFIXES = (".jsonl", ".csv")
_STARTER = files("bot.creation") / "starter"
_STARTER_NAME = "Harbour Books"


@dataclass(frozen=True, slots=True)
class Created:
    """What a new workspace holds; `notes` are for the person who made it."""

    root: Path
    chats: int
    articles: int
    templates: int
    drafts: int
    notes: tuple[str, ...] = ()


def create(
    root: Path,
    *,
    chats: Sequence[Path] = (),
    articles: Sequence[Path] = (),
    name: str | None = None,
    language: "Language | None" = None,
    encoder: str | None = None,
    skip_bad: bool = False,
    progress: "Progress | None" = None,
) -> Created:
    """Make a workspace in `root`, which must not exist or be empty.

    `chats` and `articles` are files, folders, or workspaces that have a `chats/` or `kb/`; they
    are copied. Chats that are no transcripts are imported, personal data masked. With neither, a
    small example that runs is made. The language, where none is given, is the one the customers
    write. With `progress`, replies that name no template are grouped by meaning too, which loads
    the pretrained encoder.

    Raises:
        BotError: the place is taken or a path is missing.
        FinetuneError, KBError: a chat or an article cannot be read (unless `skip_bad`).
    """
    _refuse_taken(root)
    with _beside(root) as folder:
        sources, imported = _bring_chats(list(_chat_files(chats)), folder / "chats", skip_bad)
        if example := not chats and not articles:
            sources, articles = _copy_example(folder)
            name = name or _STARTER_NAME
        else:
            _copy_articles(articles, folder / "kb")
        found = _read(sources, articles, skip_bad)
        script = _script(found.conversations)
        language = language or ("zh" if script == "zh" else "en")
        _write_settings(folder, name or _name(root), language, encoder or DEFAULT_ENCODER)
        if not example:
            _propose(folder, found.conversations, progress)
        advice = (*_advice(script, encoder), *_not_called_oos(found.conversations))
        return _created(root, folder, found, (*imported, *advice))


# --- the place -----------------------------------------------------------------------------------


def _refuse_taken(root: Path) -> None:
    if (root / SETTINGS_FILE).exists():
        raise BotError(f"{root} is a workspace already; choose another folder")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise BotError(f"{root} is not empty; choose a new or an empty folder")


@contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """A folder that takes the place of `root` if all goes well and vanishes if not."""
    place = root.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        folder.chmod(0o755)
        yield folder
        _move(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, place: Path) -> None:
    if not place.exists():
        os.replace(folder, place)
        return
    # An empty folder stays the folder it is, for it may be the one the person is in. The settings
    # come last: they make it a workspace.
    for part in sorted(folder.iterdir(), key=lambda part: part.name == SETTINGS_FILE):
        os.replace(part, place / part.name)


# --- copying -------------------------------------------------------------------------------------


def _copy_example(folder: Path) -> tuple[list[Path], list[Path]]:
    """Lay out the example; returns where its chats and its articles are."""
    with as_file(_STARTER) as example:
        _copy_tree(example / "kb", folder / "kb")
        _copy_tree(example / "chats", folder / "chats")
        shutil.copyfile(example / "templates.yaml", folder / "templates.yaml")
    return [folder / "chats"], [folder / "kb"]


def _chat_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        _must_exist(path, "--chats")
        if path.is_dir():
            yield from _in_folder(_inside(path, "chats"))
        else:
            yield path


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in CHAT_SUFFIXES)
    if not found and not any(folder.iterdir()):
        raise BotError(f"{folder} is empty; name the files with --chats")
    return found or [folder]


def _bring_chats(
    sources: Iterable[Path], target: Path, skip_bad: bool
) -> tuple[list[Path], list[str]]:
    """Copy transcripts and import what is none; returns what is to be read, and what to tell."""
    from bot.imports import is_transcript

    target.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []
    notes: list[str] = []
    for source in sources:
        if is_transcript(source):
            _copy_all([source], target)
            found.append(source)
        else:
            imported = _import(source, _free(target, f"{source.resolve().stem}.jsonl"), skip_bad)
            found.append(imported.path)
            notes += imported.told(source)
    return found, notes


def _import(source: Path, place: Path, skip_bad: bool) -> "Imported":
    from bot.imports.run import Masking, import_chats
    from bot.privacy.masking import NAME_TYPES

    try:
        return import_chats(source, place, masking=Masking({}, NAME_TYPES), skip_bad=skip_bad)
    except BotError as error:
        if not re.search("--(?!skip-bad)", str(error)):
            raise
        raise BotError(
            f"{error} (options of `frontdesk chats import {source}`: "
            "run that first, then name the file that it writes)"
        ) from error


def _copy_articles(paths: Iterable[Path], kb: Path) -> None:
    for path in paths:
        _must_exist(path, "--articles")
        if path.is_dir():
            _copy_tree(_inside(path, "kb"), kb)
        else:
            _copy_all([path], kb)


def _inside(path: Path, part: str) -> Path:
    """The part of a workspace that is asked for; any other path is that part itself."""
    return path / part if (path / part).is_dir() else path


def _must_exist(path: Path, option: str) -> None:
    if not path.exists():
        raise BotError(f"{path} does not exist; {option} takes files and folders")


def _copy_tree(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            _copy_all([path], target / name.parent)


def _copy_all(sources: Iterable[Path], target: Path) -> None:
    """Copy files into a folder; of two with one name the second gets a number."""
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copyfile(source, _free(target, source.name))


def _free(folder: Path, name: str) -> Path:
    place, number = folder / name, 2
    while place.exists():
        place = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        number += 1
    return place


# --- reading and writing -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    conversations: "Sequence[Conversation]"
    articles: int
    notes: tuple[str, ...]


def _read(chats: Sequence[Path], articles: Sequence[Path], skip_bad: bool) -> _Found:
    """Read both where they come from, so that a complaint names the person's own file."""
    from finetune.transcripts import Chats, read_chats
    from kb.readers import read_articles

    said = read_chats(chats, skip_bad=skip_bad) if chats else Chats([], [], [])
    known = [read_articles(_inside(path, "kb"), skip_bad=skip_bad) for path in articles]
    bad = [*said.bad, *(line for found in known for line in found.bad)]
    unread = [name for found in known for name in found.ignored]
    return _Found(
        said.conversations,
        sum(len(found.articles) for found in known),
        (
            *left_out(bad),
            *said.warnings,
            *(f"not read: {name} is no article" for name in unread),
        ),
    )


def _script(conversations: "Sequence[Conversation]") -> str:
    from bot.imports.chat_statistics import script_of

    return script_of(" ".join(turn.text for chat in conversations[:200] for turn in chat.turns))


def _advice(script: str, encoder: str | None) -> list[str]:
    if script in ("en", "none") or encoder:
        return []
    return [
        "the default encoder reads English only: name one that reads your customers' language in "
        "frontdesk.toml before you go on ([encoder] there says which)"
    ]


_OUTSIDE = frozenset({"oos", "ood", "outofscope", "outofdomain"})


def _not_called_oos(conversations: "Iterable[Conversation]") -> list[str]:
    """A hint for each label that is likely to mean out of scope under another name."""
    from finetune.conversation import OUT_OF_SCOPE

    turns = (turn for chat in conversations for turn in chat.turns)
    labels = {label for turn in turns for label in turn.intents if label != OUT_OF_SCOPE}
    return [
        f'"{label}" is taken for a request like others; if it marks what is not your business, '
        f'call it "{OUT_OF_SCOPE}" in chats/'
        for label in sorted(labels)
        if re.sub(r"[\W_]", "", label).lower() in _OUTSIDE
    ]


def _name(root: Path) -> str:
    return root.resolve().name.replace("-", " ").replace("_", " ").strip().title() or "Frontdesk"


def _write_settings(folder: Path, name: str, language: "Language", encoder: str) -> None:
    text = (_STARTER / SETTINGS_FILE).read_text(encoding="utf-8")
    values = {"name": name, "language": language, "encoder": encoder}
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    filled = TextTemplate(text).substitute(quoted)
    (folder / SETTINGS_FILE).write_text(filled, encoding="utf-8")


def _propose(
    folder: Path, conversations: "Sequence[Conversation]", progress: "Progress | None"
) -> None:
    from bot.creation.proposals import propose_templates, write_templates

    encode = _pretrained(folder, progress) if progress else None
    write_templates(folder / "templates.yaml", propose_templates(conversations, encode))


def _pretrained(folder: Path, progress: "Progress") -> "Encode":
    """The new workspace's encoder, loaded when it is first asked; kept for `kb build`."""
    from bot.live import base_model
    from bot.workspace import open_workspace

    def encode(texts: Sequence[str]) -> "FloatArray":
        def show(done: int) -> None:
            progress("compare replies", done, len(texts))

        return base_model(open_workspace(folder), progress).encode(texts, progress=show)

    return encode


def _created(root: Path, folder: Path, found: _Found, notes: Sequence[str]) -> Created:
    from bot.workspace import open_workspace

    templates = open_workspace(folder).load_templates()
    return Created(
        root=root,
        chats=len(found.conversations),
        articles=found.articles,
        templates=len(templates),
        drafts=len(templates) - len(templates.spoken),
        notes=(*notes, *found.notes),
    )
