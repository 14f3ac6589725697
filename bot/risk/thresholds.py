"""From the risk the owner accepts to the score each route needs, on messages nobody trained on.

Each route's threshold is certified by `finetune.calibration.threshold_at_risk` on its trials
(`bot.risk.trials`), for the share of messages out of scope that the settings state; for intents and
templates, validation chats say which threshold to try first. Where the risk cannot be certified the
route is more careful, not less: it answers only above every mistake that was seen, and not at all
where too few chats lie above.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.decision import Thresholds
from bot.model import Model
from bot.risk.searching import Searcher
from bot.risk.trials import (
    PASSAGES_MISSING,
    Part,
    Trials,
    follow_up_trials,
    intent_trials,
    passage_trials,
    template_trials,
    traffic_share,
)
from bot.storage.cache_file import store
from bot.template_bank import TemplateBank
from bot.workspace import Workspace
from bot.workspace.templates import Template, Templates
from finetune.risk import CONFIDENCE_LEVEL

if TYPE_CHECKING:
    from bot.console import Progress

FEWEST_CHATS = 10
OFFERED_OUTSIDE = 0.05
SCHEMA = 9


def certified(
    workspace: Workspace,
    model: Model,
    searcher: Searcher,
    templates: Templates,
    bank: TemplateBank,
    progress: "Progress",
) -> Thresholds:
    """The thresholds of the present model, articles, templates, questions and promised risk.

    They lie beside the index and are computed again when one of these has changed.
    """
    settings = workspace.settings
    path = workspace.index / f"thresholds-{model.fingerprint[:12]}.json"
    key = _key(workspace, model, searcher, templates)
    found = _read(path)
    if found.get("key") != key or found.get("check") != _digest([key, found.get("routes")]):
        share, risk = traffic_share(settings, model), settings.max_wrong_answers
        encoder, index = searcher.encoder, searcher.index
        asked = passage_trials(settings, workspace.questions, model, encoder, index, progress)
        # Headings on which one of two encoders was chosen promise less: a union bound.
        twice = searcher.measured and not workspace.questions.is_file()
        level = 1 - (1 - CONFIDENCE_LEVEL) / (2 if twice else 1)
        certificates = {
            "intent": _certify_chats(
                lambda part: intent_trials(model, templates, part), risk, share
            ),
            "template": _certify_chats(
                lambda part: template_trials(model, templates, bank, part), risk, share
            ),
            "passage": _certify(asked, risk, max(share, PASSAGES_MISSING), level),
        }
        certificates["passage"]["offer"] = _seldom_outside(asked)
        if workspace.follow_ups.is_file():
            followed = follow_up_trials(settings, workspace.follow_ups, encoder, index)
            # What follows an answer is not what no template answered: no larger share is assumed.
            certificates["follow_up"] = _certify(followed, risk, share)
        for route, why in _silent(workspace, model, templates).items():
            certificates[route]["silent"] = why
        found = {"key": key, "routes": certificates, "check": _digest([key, certificates])}
        _write(path, found)
    values = {route: facts["threshold"] for route, facts in found["routes"].items()}
    offer = found["routes"]["passage"]["offer"]
    return Thresholds(**values, offer=offer, max_wrong=settings.max_wrong_answers)


def shortcomings(folder: Path, model: Model) -> list[str]:
    """A sentence for each route whose risk could not be certified."""
    routes = _read(folder / f"thresholds-{model.fingerprint[:12]}.json").get("routes", {})
    lacking = {route: facts for route, facts in routes.items() if not facts["certified"]}
    told = (facts.get("silent") or _shortcoming(route, facts) for route, facts in lacking.items())
    return list(dict.fromkeys(told))


def _shortcoming(route: str, facts: Mapping[str, Any]) -> str:
    route = route.replace("_", "-")
    what = f"{route}: {facts['max_risk']:.0%} wrong answers cannot be promised ({facts['reason']})"
    if facts["threshold"] is None:
        return f"{what}; no {route} answers by itself"
    return (
        f"{what}; answers are given above {facts['threshold']:.2f} only, where none of "
        f"{facts['answered']} trials was wrong"
    )


def _seldom_outside(trials: Trials) -> float | None:
    """The score that OFFERED_OUTSIDE of the trials out of scope reach."""
    import numpy as np

    outside = trials.scores[trials.outside]
    return float(np.quantile(outside, 1 - OFFERED_OUTSIDE)) if len(outside) else None


def _silent(workspace: Workspace, model: Model, templates: Templates) -> dict[str, str]:
    """The routes that no data could open, and why."""
    if not templates.spoken:
        path, drafts = workspace.root / "templates.yaml", len(templates)
        waiting = f"all {drafts} templates are drafts; edit them in {path}" if drafts else ""
        why = f"no template may be spoken yet: {waiting or f'{path} has none'}"
        return {"intent": why, "template": why}
    return {} if model.labels else {"intent": "the chats name no intents: none is answered"}


def _certify_chats(
    trials_of: Callable[[Part], Trials], max_wrong: float, share: float
) -> dict[str, Any]:
    """The certificate of a route that chats judge: those of calibration, from where those of
    validation let the search begin."""
    pilot = trials_of("validation")
    return _certify(trials_of("calibration"), max_wrong, share, pilot=pilot)


def _certify(
    trials: Trials,
    max_wrong: float,
    share: float,
    level: float = CONFIDENCE_LEVEL,
    pilot: Trials | None = None,
) -> dict[str, Any]:
    """The certificate of a route as it is kept; `share` is that of all messages, `level` the
    confidence, `pilot` trials of other chats, to choose by which thresholds are tried."""
    from finetune.calibration import threshold_at_risk, wrong_rate_bound

    certificate = threshold_at_risk(
        trials.scores,
        trials.right,
        max_wrong,
        level,
        conversations=trials.conversations,
        outside=trials.outside,
        share=trials.share(share),
        pilot=pilot.ranked(share) if pilot else None,
    )
    facts = {**asdict(certificate), "share": share, "made": trials.made}
    if certificate.threshold is not None:
        return {**facts, "certified": True}
    threshold, answered, chats = _above_every_mistake(trials)
    bound = wrong_rate_bound(0, chats, certificate.confidence_level)
    careful = {"threshold": threshold, "answered": answered, "wrong": 0, "wrong_rate": 0.0}
    return {**facts, **careful, "bound": bound, "certified": False}


def _above_every_mistake(trials: Trials) -> tuple[float | None, int, int]:
    """The lowest score that no wrong trial reaches, how many trials do, and of how many chats."""
    highest = trials.scores[~trials.right].max(initial=-1.0)
    above = trials.scores > highest
    chats = len({*trials.conversations[above].tolist()})
    enough = chats >= FEWEST_CHATS
    return float(trials.scores[above].min()) if enough else None, int(above.sum()), chats


# --- on disk -------------------------------------------------------------------------------------


def _key(workspace: Workspace, model: Model, searcher: Searcher, templates: Templates) -> str:
    settings = workspace.settings
    parts = [
        SCHEMA,
        *(_text(path) for path in (workspace.questions, workspace.follow_ups)),
        settings.max_wrong_answers,
        settings.out_of_scope_share,
        settings.language,
        model.fingerprint,
        searcher.index.digest,
        searcher.measured,
        [_answering(template) for template in templates],
    ]
    return _digest(parts)


def _answering(template: Template) -> dict[str, Any]:
    """What of a template decides whether an answer is right; not what is done before it is said."""
    flow = {"confirm", "action", "failure"}
    return {name: value for name, value in asdict(template).items() if name not in flow}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, value: Mapping[str, Any]) -> None:
    store(path, lambda file: file.write(f"{json.dumps(value, indent=1)}\n".encode()))
