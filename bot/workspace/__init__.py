"""A workspace is one bot: a folder with its settings, templates, articles, chats and models."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError
from bot.workspace.settings import Settings, load_settings

if TYPE_CHECKING:
    from bot.workspace.templates import Templates
    from kb.readers import Articles

SETTINGS_FILE = "frontdesk.toml"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of one bot lies; the settings are read once, when it is opened."""

    root: Path
    settings: Settings

    @property
    def templates_path(self) -> Path:
        return self.root / "templates.yaml"

    @property
    def questions(self) -> Path:
        """Labelled questions to the articles, if the owner wrote some: what `kb evaluate` reads."""
        return self.root / "questions.jsonl"

    @property
    def follow_ups(self) -> Path:
        """Questions that follow another one, labelled, if the owner wrote some: what the threshold
        of follow-ups is certified on."""
        return self.root / "followups.jsonl"

    @property
    def kb(self) -> Path:
        """The articles."""
        return self.root / "kb"

    @property
    def chats(self) -> Path:
        """The transcripts."""
        return self.root / "chats"

    @property
    def models(self) -> Path:
        """The model versions; `current` names the live one."""
        return self.root / "models"

    @property
    def index(self) -> Path:
        """What `frontdesk kb build` makes of the articles."""
        return self.root / "index"

    @property
    def database(self) -> Path:
        """Sessions, turns, decisions and feedback."""
        return self.root / "frontdesk.db"

    @property
    def replays(self) -> Path:
        """What past chats would have come to."""
        return self.root / "replays.db"

    def read_articles(self, *, skip_bad: bool = False) -> "Articles":
        """The articles; a workspace made of chats alone has none."""
        from kb.readers import Articles, read_articles

        if not self.kb.exists():
            return Articles([], [], [])
        return read_articles(self.kb, skip_bad=skip_bad)

    def load_templates(self) -> "Templates":
        """Read `templates.yaml`, checked against the entities and actions of the settings."""
        from bot.workspace.templates import load_templates

        settings = self.settings
        actions = {name: action.returns for name, action in settings.actions.items()}
        return load_templates(self.templates_path, settings.entities.keys(), actions)

    @property
    def actions_path(self) -> Path:
        """The owner's functions: what `validate` and `function` in the settings name."""
        return self.root / "actions.py"


def find_workspace(start: Path) -> Path:
    """The nearest folder with a `frontdesk.toml`, from `start` upwards.

    Raises:
        BotError: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise BotError(
        f"{start} is in no workspace (no {SETTINGS_FILE} here or above); "
        "name one with --workspace DIR or make one with `frontdesk new DIR`"
    )


def open_workspace(folder: Path | None = None) -> Workspace:
    """Open the workspace in `folder`, or the one around the current folder.

    Raises:
        BotError: there is no workspace, or its settings are wrong.
    """
    if folder is None:
        root = find_workspace(Path.cwd())
    elif (folder / SETTINGS_FILE).is_file():
        root = folder
    else:
        raise BotError(
            f"{folder} is no workspace (it has no {SETTINGS_FILE}); "
            f"make one with `frontdesk new {folder}`"
        )
    return Workspace(root, load_settings(root / SETTINGS_FILE))
