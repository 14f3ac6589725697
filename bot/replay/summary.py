"""The figures of a replay, computed from its rows; docs/replay.md has the formula of each."""

import resource
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.decision import KINDS
from bot.errors import BotError
from bot.replay.acts import ACTS
from bot.replay.intervals import LEVEL, intervals, measured
from bot.replay.resampling import RESAMPLES
from bot.replay.store import ReplayRow, ReplayStore
from bot.replay.tally import Tally
from finetune.conversation import OUT_OF_SCOPE

if TYPE_CHECKING:
    from bot.bot import Desk

SHIFT_CHATS = 2000
"""Chats, evenly spread, in which a shift is looked for."""
_GROUPS = ("intent", "ranking", "similarity", "entities", "agreement", "outcome")
_ROUTES = {"intent": "intent", "template": "ranked"}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one replay; docs/json.md explains each name.

    `intervals` maps a dotted name ("intent.accuracy") to the bounds between which
    `confidence_level` of the resampled values lie.
    """

    replay: int
    turns: int
    turns_per_second: float
    intent: Mapping[str, Any]
    ranking: Mapping[str, Any]
    decisions: Mapping[str, float]
    chats: int
    seen_in_training: int
    excluded: int
    shift: str
    version: str
    similarity: Mapping[str, Any]
    entities: Mapping[str, Any]
    agreement: Mapping[str, Any]
    outcome: Mapping[str, Any]
    risk: Mapping[str, Any]
    confusion: Sequence[Sequence[Any]]
    cost: Mapping[str, Any]
    intervals: Mapping[str, Sequence[float]]
    confidence_level: float = LEVEL
    resamples: int = RESAMPLES

    def as_json(self) -> dict[str, Any]:
        """The object that `frontdesk replay --json` prints and the database keeps."""
        return asdict(self)

    def value(self, name: str) -> float | None:
        """A figure by its dotted name, as in `intervals`; None where nothing is judged."""
        group, _, rest = name.partition(".")
        within: Mapping[str, Any] = getattr(self, group)
        if "." in rest:
            route, _, rest = rest.partition(".")
            within = within["routes"][route]
        return within.get(rest)


def figures(store: ReplayStore, replay: int) -> Figures:
    """The figures of a replay that is finished. BotError where there is none."""
    row = store.replay(replay)
    if row.figures is None:
        raise BotError(
            f"replay {replay} is not finished ({store.count(replay):,} turns are done); give its"
            " command again, and it goes on from there"
        )
    return Figures(**row.figures)


def finish(store: ReplayStore, replay: int, desk: "Desk") -> ReplayRow:
    """Compute the figures of a replay whose turns are all there, and keep them."""
    row = store.replay(replay)
    tally = tally_of(store, row)
    found = _figures(row, tally, _shift(store, row, desk))
    store.finish(replay, found.as_json())
    return store.replay(replay)


def tally_of(store: ReplayStore, row: ReplayRow) -> Tally:
    """The turns of a replay, counted."""
    tally = Tally(dict(row.about["thresholds"]))
    tally.add_all(store.turns(row.id, light=True))
    return tally


def _figures(row: ReplayRow, tally: Tally, shift: str) -> Figures:
    values, survey = measured(tally), row.about["survey"]
    bounds = intervals(tally)
    groups: dict[str, Any] = {
        name: {"n": _n(tally, name), **_group(values, name)} for name in _GROUPS
    }
    groups["ranking"] = {"n": 0, "candidates": tally.fewest, **groups["ranking"]}
    groups["intent"]["oos_n"] = tally.total("outside")
    groups["agreement"]["acts"] = _acts(tally)
    groups["outcome"] = {**_outcome(tally), **groups["outcome"]}
    turns = tally.total("turns")
    return Figures(
        replay=row.id,
        turns=turns,
        turns_per_second=round(turns / max(row.seconds, 1e-9), 2),
        decisions={kind: values[f"decisions.{kind}"] for kind in KINDS},
        chats=tally.chats,
        seen_in_training=survey["seen"],
        excluded=survey["excluded"],
        shift=shift,
        version=row.version,
        risk=_risk(row, tally, values, bounds),
        confusion=[[*pair, n] for pair, n in sorted(tally.guesses.items()) if pair[0] != pair[1]],
        cost=_cost(row, tally),
        intervals={name: bound for name, bound in bounds.items() if name in values},
        **groups,
    )


_COUNTS = {
    "intent": "labelled",
    "ranking": "replied",
    "similarity": "said",
    "entities": "spans there",
    "agreement": "acted",
    "outcome": "chats",
}


def _n(tally: Tally, group: str) -> int:
    return tally.total(_COUNTS[group])


def _group(values: Mapping[str, float], group: str) -> dict[str, Any]:
    prefix = f"{group}."
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }


def _outcome(tally: Tally) -> dict[str, Any]:
    names = ("chats", "involved", "contained", "resolved", "escalated", "offered")
    return {f"{name}_n" if name == "offered" else name: tally.total(name) for name in names}


def _acts(tally: Tally) -> dict[str, dict[str, int]]:
    """How often the bot decided each kind where the agent did each act."""
    return {
        act: {kind: n for kind in KINDS if (n := tally.acts[act, kind])}
        for act in ACTS
        if any(tally.acts[act, kind] for kind in KINDS)
    }


def _risk(
    row: ReplayRow,
    tally: Tally,
    values: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    thresholds = row.about["thresholds"]
    most = thresholds["max_wrong"]
    routes = {
        name: {
            "n": tally.ledger.judged(own),
            "threshold": thresholds[name],
            **_group(values, f"risk.{name}"),
            **_kept(tally, most, bounds.get(f"risk.{name}.wrong"), f"{own} "),
            "curve": tally.ledger.curve(own),
        }
        for name, own in _ROUTES.items()
    }
    judged = tally.total("judged")
    wrong = {"wrong": values["risk.wrong"]} if judged else {}
    kept = _kept(tally, most, bounds.get("risk.wrong"), "")
    return {"max_wrong": most, "n": judged, **wrong, **kept, "routes": routes}


def _kept(
    tally: Tally, most: float, bounds: tuple[float, float] | None, prefix: str
) -> dict[str, Any]:
    """Whether at most so many answers were wrong: `held` or `broken` where both bounds say so, else
    `open`; None where nothing was answered."""
    if bounds is None:
        return {"promise": None}
    answered = tally.ledger.by_chat(f"{prefix}answered" if prefix else "judged")
    high = max(bounds[1], upper_bound(tally.ledger.by_chat(f"{prefix}wrong"), answered))
    promise = "held" if high <= most else "broken" if bounds[0] > most else "open"
    return {"bound": high, "promise": promise}


def upper_bound(wrong: NDArray[np.float64], answered: NDArray[np.float64]) -> float:
    """The exact upper end of the interval of a wrong rate from the counts of chats (c,), divided by
    their design effect (`finetune.risk`): with no fault in few answers every resample says 0."""
    from finetune.risk import design_effect, likeness, wrong_rate_bound

    some = answered > 0
    effect = design_effect(answered[some], likeness(wrong[some], answered[some]))
    counts = (float(wrong.sum()) / effect, float(answered.sum()) / effect)
    return wrong_rate_bound(*counts, (1 + LEVEL) / 2)


def _cost(row: ReplayRow, tally: Tally) -> dict[str, Any]:
    p50, p95, p99 = tally.ledger.percentiles((0.5, 0.95, 0.99))
    ms = {"p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3)}
    return {"seconds": round(row.seconds, 3), "ms": ms, "peak_mib": peak_mib()}


def peak_mib() -> float:
    """The most memory this process, or any that it started and that has ended, has held; MiB."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return round(max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024, 1)


# --- a shift -------------------------------------------------------------------------------------


def _shift(store: ReplayStore, row: ReplayRow, desk: "Desk") -> str:
    """What to tell the owner where these chats are not like those of the thresholds."""
    from bot.risk.traffic import shift_of

    step = max(1, row.about["survey"]["chats"] // SHIFT_CHATS)
    chats, confidence = zip(*store.surest(row.id, OUT_OF_SCOPE, step), strict=True)
    return shift_of(desk.model, chats, np.asarray(confidence, np.float32))
