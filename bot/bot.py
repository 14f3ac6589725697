"""One turn: text to reading, candidates, decision, reply and log row, by one forward pass."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.decision import Answer, Candidates, Cite, Decision, Reading, Scored, SmallTalk, Thresholds
from bot.dialogue import advance, decide
from bot.model import Model, Readings, top
from bot.repl import Exchange
from bot.replies import render
from bot.session_log import SessionLog, TurnRecord
from bot.settings import Settings
from bot.state import State, remember
from bot.template_bank import TemplateBank
from bot.templates import Templates
from finetune.tags import FoundEntity
from kb.search import search

if TYPE_CHECKING:
    from kb.index import Index
    from kb.search import Hit

FloatArray = NDArray[np.float32]
INTENTS_SHOWN, TEMPLATES_SHOWN, HITS = 5, 5, 5
SURE_ENTITY = 0.5


@dataclass(frozen=True, slots=True)
class Desk:
    """All that answering needs, opened once: model, index, templates and certified thresholds."""

    settings: Settings
    model: Model
    index: "Index"
    templates: Templates
    bank: TemplateBank
    thresholds: Thresholds

    def reading(
        self,
        text: str,
        readings: Readings,
        row: int,
        entities: Sequence[FoundEntity],
        today: date,
    ) -> Reading:
        """One message of `readings`, said on the day `today`: its intents, its sentiment, and the
        entities in it with their values."""
        intents = top(self.model.labels, readings.probabilities[row], INTENTS_SHOWN)
        found = self._entities(text, entities)
        return Reading(
            intents=tuple(Scored(name, score) for name, score in intents),
            entities=found,
            values=self._values(found, today),
            sentiment=readings.sentiment(row),
        )

    def _entities(self, text: str, found: Sequence[FoundEntity]) -> dict[str, str]:
        """The first mention of each entity: those of the settings, each found in its own way, and
        what the model `found` of types that the settings do not name."""
        known = self.settings.entities
        learnt: dict[str, str] = {}
        for e in found:
            if e.score >= SURE_ENTITY and (e.type not in known or known[e.type].learned):
                learnt.setdefault(e.type, text[e.start : e.end])
        seen = {name: entity.find(text) for name, entity in known.items()}
        return learnt | {name: words for name, words in seen.items() if words is not None}

    def _values(self, found: Mapping[str, str], today: date) -> dict[str, str]:
        known = self.settings.entities
        values = {n: known[n].value_of(words, today) for n, words in found.items() if n in known}
        return {name: value for name, value in values.items() if value is not None}

    def candidates(self, text: str, vector: FloatArray, query: FloatArray) -> Candidates:
        """What could be said to a message with this vector (d,) and reply query (d,)."""
        return Candidates(self.ranked(query), self.hits(text, vector))

    def ranked(self, query: FloatArray) -> tuple[Scored, ...]:
        """The best templates for a reply query (d,). The pretrained encoder alone has learnt no
        replies: its templates are not ranked."""
        return self.bank.rank(query, TEMPLATES_SHOWN) if self.model.trained else ()

    def hits(self, text: str, vector: FloatArray) -> "tuple[Hit, ...]":
        """The best passages for a message with this vector (d,)."""
        return tuple(search(self.index, text, vector, HITS))

    def decide(self, state: State, text: str, reading: Reading, candidates: Candidates) -> Decision:
        """The dialogue's decision under this desk's templates and thresholds."""
        return decide(
            state,
            text,
            reading,
            candidates,
            self.templates,
            self.thresholds,
            self.settings.entities,
        )

    def said(self, decision: Decision) -> FloatArray | None:
        """The vector (d,) of what a decision says, where it is known without another pass."""
        if isinstance(decision, Answer | SmallTalk):
            wordings = self.templates.by_id[decision.template].wordings
            return self.bank.vector(decision.template, decision.wording % len(wordings))
        if isinstance(decision, Cite) and decision.hits:
            vector: FloatArray = self.index.vectors([decision.hits[0].passage.id])[0]
            return vector
        return None


class Bot:
    """One conversation at a desk. A turn is in the log before its reply is returned.

    `today` tells the day of a turn, from which "tomorrow" counts.
    """

    def __init__(
        self, desk: Desk, log: SessionLog, *, channel: str, today: Callable[[], date] = date.today
    ) -> None:
        self.desk, self.log, self.today = desk, log, today
        self.state = State()
        self.turn = 0
        self.session = log.start_session(
            channel=channel, model=desk.model.fingerprint, index_digest=desk.index.digest
        )

    def respond(self, text: str) -> Exchange:
        """Answer a message. An error leaves the conversation as it was before the message."""
        clock = _Clock()
        desk = self.desk
        [vector], [entities] = desk.model.encode_messages([text])
        clock.lap("encode")
        read = desk.model.read([text], *desk.model.window(self.state, vector))
        reading = desk.reading(text, read, 0, entities, self.today())
        clock.lap("read")
        candidates = desk.candidates(text, vector, read.queries[0])
        clock.lap("search")
        decision = desk.decide(self.state, text, reading, candidates)
        reply = render(decision, desk.templates, desk.settings.language)
        clock.lap("decide")
        state = remember(advance(self.state, text, reading, decision), "customer", vector)
        said = desk.said(decision)
        if said is not None:
            state = remember(state, "agent", said)
        exchange = Exchange(
            session=self.session,
            turn=self.turn + 1,
            reply=reply,
            decision=decision,
            reading=reading,
            ms=clock.total(),
        )
        self._record(text, exchange, clock.laps)
        self.state, self.turn = state, exchange.turn
        return exchange

    def feedback(self, turn: int, verdict: str, note: str) -> None:
        """Keep what a person said of an answer."""
        self.log.feedback(self.session, turn, verdict, note)  # type: ignore[arg-type]

    def _record(self, text: str, exchange: Exchange, timings: Mapping[str, float]) -> None:
        self.log.record(
            TurnRecord(
                session=self.session,
                number=exchange.turn,
                message=text,
                reply=exchange.reply,
                decision=exchange.decision,
                reading=exchange.reading,
                ms=exchange.ms,
                model=self.desk.model.fingerprint,
                index_digest=self.desk.index.digest,
                timings=timings,
            )
        )


class _Clock:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(1000 * (now - self.last), 3)
        self.last = now

    def total(self) -> float:
        return round(1000 * (time.perf_counter() - self.start), 3)
