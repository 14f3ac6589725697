"""The live model and the index made with it: what every command that answers opens first."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError, NoModel
from bot.workspace import Workspace

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.console import Progress
    from bot.model import Model
    from bot.risk.searching import Searcher
    from finetune.encoder import EncoderSource
    from finetune.history import Switch
    from finetune.registry import VersionInfo
    from kb.passages import Passage
    from kb.readers import Articles
    from kb.store import BuildReport

_MADE_FOR = re.compile(
    r"(?:(?:templates|thresholds|articles|suggestions|sentences|search)-)?([0-9a-f]{12})"
    r"(?:-[0-9]+\.db|\.json|\.npz)"
)
"""The names of files in `index/`, with the first digits of the fingerprint they were made for."""


def live_model(workspace: Workspace, progress: "Progress | None" = None) -> "Model":
    """The live version, loaded.

    With `progress`, the pretrained encoder becomes the live version where there is none yet, and
    is exported again where it is live and the settings name another one.

    Raises:
        NoModel: there is none, or it is damaged.
    """
    from finetune.registry import BASE, current, open_version

    live = current(workspace.models)
    if progress is not None and live in (None, BASE) and not _base_is_made(workspace):
        return base_model(workspace, progress)
    if live is None:
        raise NoModel(
            f"{workspace.root} has no model yet; run `frontdesk kb build`, which takes the "
            "pretrained encoder, or `frontdesk finetune`"
        )
    from bot.model import Model

    return Model.load(open_version(workspace.models).folder)


def base_model(workspace: Workspace, progress: "Progress") -> "Model":
    """The pretrained encoder, exported where that is not done; live if nothing else is."""
    from bot.model import Model
    from finetune.registry import BASE, current, use

    folder = export_base(workspace, progress)
    if current(workspace.models) is None:
        use(workspace.models, BASE)
    return Model.load(folder)


def export_base(workspace: Workspace, progress: "Progress") -> Path:
    """The folder of the pretrained encoder, exported where that is not done."""
    from finetune.run import make_base

    stage = "export the pretrained encoder"
    progress(stage, 0, 1)
    workspace.models.mkdir(exist_ok=True)
    base = make_base(workspace.models, encoder_source(workspace), workspace.root)
    progress(stage, 1, 1)
    return base.folder


def encoder_source(workspace: Workspace) -> "EncoderSource":
    """The encoder that the settings name."""
    from finetune.encoder import EncoderSource

    return EncoderSource(**workspace.settings.encoder.model_dump())


def searcher(workspace: Workspace, model: "Model", progress: "Progress") -> "Searcher":
    """What finds passages for a model (`bot.risk.searching`).

    Raises:
        kb.errors.NoIndex: there is no index of its, or it is damaged.
    """
    from bot.risk.searching import searcher_of

    return searcher_of(workspace, model, _before_training(workspace, model), progress)


def _before_training(workspace: Workspace, model: "Model") -> "VersionInfo | None":
    """The encoder that a fine-tuned model started from, where it is at hand."""
    from finetune.registry import BASE, versions

    if not model.trained:
        return None
    known = {version.name: version for version in versions(workspace.models)}
    base, own = known.get(BASE), known.get(model.version)
    return base if base and own and base.meta.get("source") == own.meta.get("source") else None


def require_writable(workspace: Workspace) -> None:
    """Raises BotError where a version could not be kept: better known before it is trained."""
    for folder in (workspace.models, workspace.index):
        try:
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".", dir=folder):
                pass
        except OSError as error:
            raise BotError(
                f"{folder} may not be written ({error.strerror}), and a new version is kept there;"
                " allow writing to it, then run the command again"
            ) from error


def go_live(
    workspace: Workspace,
    version: str,
    progress: "Progress",
    *,
    how: "Switch" = "used",
    skip_bad: bool = False,
) -> list[str]:
    """Make a version the live one: index the articles with it and certify its thresholds first,
    switch last, so that a chat which opens meanwhile finds the old one, whole. `how` it came to
    that is kept in the history of the models.

    Returns a sentence for each way of answering that could not be certified, for search in a second
    pass, and for each learned entity of the settings that the version has not learnt.

    Raises:
        NoModel: there is no such version, or it is damaged.
    """
    from bot.model import Model
    from bot.risk.searching import second_pass
    from bot.risk.thresholds import shortcomings
    from bot.workspace.settings import unlearnt
    from finetune.registry import open_version, use

    model = Model.load(open_version(workspace.models, version).folder)
    build_index(workspace, model, progress, skip_bad=skip_bad)
    desk_of(workspace, model, progress)
    use(workspace.models, version, how)
    tidy(workspace)
    missing = unlearnt(workspace.settings, model.entity_types)
    return [
        *shortcomings(workspace.index, model),
        *second_pass(workspace.index, model),
        *missing,
    ]


def tidy(workspace: Workspace) -> None:
    """Remove what killed runs left among the models, and the indexes, template vectors and
    thresholds of versions that are no longer there. A chat that has one of them open keeps it.

    Nothing is removed while a version's manifest cannot be read: whose is whose is not known then.
    """
    from finetune.registry import are_all_readable, sweep, versions

    sweep(workspace.models)
    if not are_all_readable(workspace.models):
        return
    known = versions(workspace.models)
    marks = {mark[:12] for v in known for mark in (v.fingerprint, v.encoder_fingerprint)}
    for path in workspace.index.glob("*"):
        made_for = _MADE_FOR.fullmatch(path.name)
        if made_for and made_for[1] not in marks:
            path.unlink(missing_ok=True)


def open_desk(workspace: Workspace, progress: "Progress") -> "Desk":
    """Everything that answering needs, from the live version and its index.

    Raises:
        NoModel, kb.errors.NoIndex: one is missing or damaged.
        BotError: the templates are wrong, or the owner's actions.py is, or there is no language
            model where the settings name one.
    """
    model = live_model(workspace)
    desk = desk_of(workspace, model, progress)
    if not (named := workspace.settings.phrasing.model):
        return desk
    from bot.content.phrasing import Phraser

    return replace(desk, phraser=Phraser.open(workspace.root / named))


def desk_of(workspace: Workspace, model: "Model", progress: "Progress") -> "Desk":
    """As `open_desk`, for a model that need not be live. Thresholds are certified where the ones
    on disk are not of this model, these articles, these templates and this promised risk."""
    from bot.actions import open_actions
    from bot.bot import Desk
    from bot.content.vectors import load_vectors
    from bot.risk.thresholds import certified
    from bot.suggestions import learnt
    from bot.template_bank import load_bank

    actions = open_actions(workspace.settings, workspace.actions_path)
    finds = searcher(workspace, model, progress)
    templates = workspace.load_templates()
    bank = load_bank(templates, workspace.index, model.encoder_fingerprint, model.encode)
    return Desk(
        settings=workspace.settings,
        model=model,
        searcher=finds,
        templates=templates,
        bank=bank,
        thresholds=certified(workspace, model, finds, templates, bank, progress),
        actions=actions,
        transitions=learnt(workspace, model, templates, progress),
        sentences=load_vectors(finds.index, workspace.index, model, progress),
    )


def build_index(
    workspace: Workspace, model: "Model", progress: "Progress", *, skip_bad: bool = False
) -> "tuple[BuildReport, Articles]":
    """Bring the index up to date with the articles, and before it that of the encoder which the
    model started from; also returns what was read."""
    from bot.freshness import keep, state_of
    from kb.passages import split

    state = state_of(workspace.kb)  # before they are read: what changes meanwhile is a change
    found = workspace.read_articles(skip_bad=skip_bad)
    # Sources that do not say where the workspace lies: it may be moved without a new index.
    root = f"{workspace.root}/"
    passages = [
        replace(passage, source=passage.source.removeprefix(root))
        for article in found.articles
        for passage in split(article)
    ]
    before = _before_training(workspace, model)
    encoders = [model] if before is None else [type(model).load(before.folder), model]
    for encoder in encoders:
        report = _build(workspace, encoder, passages, progress)
        keep(state, workspace.index, encoder.encoder_fingerprint)
    return report, found


def _build(
    workspace: Workspace, encoder: "Model", passages: "Sequence[Passage]", progress: "Progress"
) -> "BuildReport":
    from kb.store import build

    return build(
        workspace.index,
        passages,
        lambda texts: encoder.encode(texts, "passage"),
        fingerprint=encoder.encoder_fingerprint,
        dimension=encoder.dimension,
        progress=progress,
    )


def _base_is_made(workspace: Workspace) -> bool:
    """Asked of the manifest, because exporting needs torch and asking must not."""
    from finetune.registry import BASE, current, versions

    if current(workspace.models) != BASE:
        return False
    source = asdict(encoder_source(workspace))
    return any(
        version.name == BASE and version.meta.get("source") == source
        for version in versions(workspace.models)
    )
