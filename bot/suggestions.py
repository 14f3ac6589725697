"""What a customer may want to ask next, from what others asked next in the chats.

A request is an intent, or the template an agent answered with where no intent is labelled. For the
requests c0 (the last), c1, ... that a session has had answered, the next one is ranked by

    sum over k of EARLIER^k * (n(ck, x) + PRIOR * share(x)) / (n(ck) + PRIOR)

where n(c, x) counts how often x came right after c (k = 0) or anywhere after it (k > 0), and
share(x) is how much of all that was asked is x: a Dirichlet prior, so that a request seen once
does not decide. benchmarks/suggestions.py measures it, and that the ranker of replies adds nothing.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.decision import Answer, Cite, Decision
from bot.dialogue.told import NOTHING_TOLD, Told, told_in
from bot.state import State, Suggestion
from bot.storage.cache_file import store
from bot.workspace.templates import Template, Templates

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.model import Model
    from bot.workspace import Workspace
    from finetune.conversation import Conversation

SUGGESTED = 3
TIMES = 2
"""How often one thing is suggested in a session: who did not take it twice does not want it."""
PRIOR = 5.0
EARLIER = 0.5
FEWEST = 3
"""Times that a request must have been made in the chats to be suggested."""
SCHEMA = 2

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Transitions:
    """How often each request was made, how often right after another or anywhere after it, and what
    was told with it."""

    asked: Mapping[str, int] = field(default_factory=dict)
    next: Counts = field(default_factory=dict)
    later: Counts = field(default_factory=dict)
    told: Told = NOTHING_TOLD

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """Of all requests, how much each is."""
        total = sum(self.asked.values()) or 1
        return {request: count / total for request, count in self.asked.items()}

    def scores(self, history: Sequence[str]) -> dict[str, float]:
        """How likely each request comes next after a history of distinct requests, oldest first;
        the scores of one history compare with each other only."""
        found = dict.fromkeys(self.asked, 0.0)
        for place, request in enumerate(reversed(history)):
            counts = (self.later if place else self.next).get(request, {})
            weight = EARLIER**place / (sum(counts.values()) + PRIOR)
            for other, share in self.shares.items():
                found[other] += weight * (counts.get(other, 0) + PRIOR * share)
        return found if history else dict(self.shares)


def transitions(sequences: Iterable[Sequence[str]]) -> Transitions:
    """The counts over chats, each the requests made in it, in order.

    >>> found = transitions([["track", "refund"], ["track", "refund"], ["track", "hours"]])
    >>> found.next["track"], max(found.scores(["track"]), key=found.scores(["track"]).get)
    ({'refund': 2, 'hours': 1}, 'refund')
    """
    asked: Counter[str] = Counter()
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    later: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sequence in sequences:
        distinct = list(dict.fromkeys(sequence))
        asked.update(distinct)
        for one, other in pairwise(sequence):
            if one != other:
                after[one][other] += 1
        for place, one in enumerate(distinct):
            later[one].update(distinct[place + 1 :])
    return Transitions(dict(asked), _plain(after), _plain(later))


def _plain(counts: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    return {name: dict(found) for name, found in counts.items() if found}


# --- from the chats ------------------------------------------------------------------------------


def requests_in(chat: "Conversation", templates: Templates) -> list[str]:
    """The templates that answer what a chat's customer asked, in order; only those that may be
    suggested."""
    found: list[str] = []
    labelled = False
    for turn in chat.turns:
        if turn.speaker == "customer":
            labelled = bool(turn.intents)
            named = [template.id for i in turn.intents for template in templates.by_intent(i)[:1]]
        else:
            named = [turn.template] if turn.template and not labelled else []
        found += [name for name in named if _may_be_suggested(templates.by_id.get(name))]
    return found


def _may_be_suggested(template: Template | None) -> bool:
    return template is not None and template.kind == "answer" and not template.draft


def learnt(
    workspace: "Workspace", model: "Model", templates: Templates, progress: "Progress"
) -> Transitions:
    """The transitions in the chats that the version was trained on, from the file beside the index
    or, where the version, the templates or the entities have changed, counted anew. None for the
    pretrained encoder alone, and where the chats are gone."""
    from finetune.errors import FinetuneError

    if not model.trained:
        return Transitions()
    path = workspace.index / f"suggestions-{model.fingerprint[:12]}.json"
    key = _key(workspace, model, templates)
    if (found := _read(path, key)) is not None:
        return found
    try:
        chats = _trained_on(workspace, model, progress)
    except FinetuneError:
        return Transitions()
    found = transitions(requests_in(chat, templates) for chat in chats)
    found = replace(found, told=told_in(chats, templates, workspace.settings.entities))
    _write(path, key, found)
    return found


def _trained_on(
    workspace: "Workspace", model: "Model", progress: "Progress"
) -> "list[Conversation]":
    from bot.replay.survey import Seen
    from finetune.transcripts import ChatStream

    seen, stage = Seen(model.folder), "what is asked next"
    progress(stage, 0, 1)
    stream = ChatStream([workspace.chats], skip_bad=True)
    chats = [chat for chat in stream if seen.part(chat) == "train"]
    progress(stage, 1, 1)
    return chats


def _key(workspace: "Workspace", model: "Model", templates: Templates) -> list[Any]:
    """Not the chats: those that a version was trained on stay what they were."""
    spoken = [[t.id, t.kind, *t.intents] for t in templates.spoken]
    entities = {n: e.model_dump(mode="json") for n, e in workspace.settings.entities.items()}
    return [SCHEMA, model.fingerprint, spoken, entities]


def _read(path: Path, key: Sequence[Any]) -> Transitions | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        told = Told(**found["counts"].pop("told"))
        return Transitions(**found["counts"], told=told) if found["key"] == list(key) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or of no use: it is counted again


def _write(path: Path, key: Sequence[Any], found: Transitions) -> None:
    counts = {"asked": found.asked, "next": found.next, "later": found.later}
    counts |= {"told": asdict(found.told)}
    written = json.dumps({"key": key, "counts": counts})
    store(path, lambda file: file.write(f"{written}\n".encode()))


# --- in a turn -----------------------------------------------------------------------------------


def with_suggestions(
    known: Transitions, templates: Templates, state: State, decision: Decision
) -> State:
    """The state after a decision, with what is suggested next and how often it was by now."""
    found = suggested(known, templates, state, decision)
    uses = dict(state.uses)
    for one in found:
        uses[_use(one.title)] = uses.get(_use(one.title), 0) + 1
    if isinstance(decision, Cite):  # a request that passages answered is in no list of templates
        uses |= {_use(templates.by_id[name].title): TIMES for name in _now(decision, templates)}
    return replace(state, suggested=found, uses=uses)


def suggested(
    known: Transitions, templates: Templates, state: State, decision: Decision
) -> tuple[Suggestion, ...]:
    """Up to three things to ask after an answer, best first; `state` is that after the decision.

    Questions that have a template come first, then articles that also are certain enough. Nothing
    while a question of ours is open, nothing that was answered or shown in this session, and
    nothing that was suggested TIMES before.
    """
    if not isinstance(decision, Answer | Cite) or state.pending is not None:
        return ()
    found = [*_questions(known, templates, state, decision), *_articles(state, decision)]
    distinct = {one.title: one for one in found if state.uses.get(_use(one.title), 0) < TIMES}
    return tuple(distinct.values())[:SUGGESTED]


def _use(title: str) -> str:
    """The name under which `State.uses` counts how often it was suggested."""
    return f"suggested {title}"


def _questions(
    known: Transitions, templates: Templates, state: State, decision: Decision
) -> list[Suggestion]:
    answered = list(dict.fromkeys([*state.so_far.answered, *_now(decision, templates)]))
    history = [name for name in answered if name in known.asked]
    if not history:
        return []
    scores = known.scores(history)
    names = [
        name
        for name in sorted(scores, key=lambda name: (-scores[name], name))
        if name not in answered and known.asked[name] >= FEWEST and name in templates.by_id
    ]
    return [Suggestion(templates.by_id[name].title, name) for name in names]


def _now(decision: Decision, templates: Templates) -> list[str]:
    """The template of the request of this turn, which passages may have answered as well."""
    if isinstance(decision, Answer):
        return [decision.template]
    likeliest = decision.evidence.intents[:1]
    return [found.id for intent in likeliest for found in templates.by_intent(intent.name)[:1]]


def _articles(state: State, decision: Decision) -> list[Suggestion]:
    """Articles beside those that were shown, whose passages are above the threshold too."""
    needed = decision.evidence.thresholds.passage
    if needed is None:
        return []
    passages = [hit.passage for hit in decision.evidence.hits if hit.score >= needed]
    return [Suggestion(p.title) for p in passages if p.article not in state.so_far.articles]
