"""One turn: text to reading, candidates, decision, reply and log row, by one forward pass."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.actions import Actions, acts, carry_out, require_environment
from bot.content.answer import organised
from bot.content.citing import FOUND
from bot.content.vectors import PieceVectors
from bot.decision import (
    Answer,
    Candidates,
    Cite,
    Decision,
    Reading,
    Scored,
    Several,
    SmallTalk,
    Thresholds,
)
from bot.dialogue import advance, decide
from bot.dialogue.ellipsis import points_back
from bot.dialogue.followups import asked_after, earlier
from bot.dialogue.naming import named_in_short
from bot.dialogue.offers import in_full
from bot.dialogue.several import split
from bot.dialogue.short_answers import words
from bot.dialogue.turn import Heard
from bot.exchange import Exchange
from bot.model import Model, Readings, top
from bot.replies import Language, language_of, render
from bot.risk.searching import Searcher
from bot.sessions.restoring import dumps
from bot.sessions.resuming import Resumed, resumed
from bot.sessions.session_log import SavedState, SessionLog, SessionRow, TurnRecord
from bot.state import Question, State, remember
from bot.suggestions import Transitions, with_suggestions
from bot.template_bank import TemplateBank
from bot.workspace.settings import Settings
from bot.workspace.templates import Templates
from finetune.tags import FoundEntity
from kb.vectors import unit

if TYPE_CHECKING:
    from bot.content.phrasing import Phraser
    from kb.index import Index
    from kb.search import Earlier, Hit

FloatArray = NDArray[np.float32]
INTENTS_SHOWN, TEMPLATES_SHOWN = 5, 5
SURE_ENTITY = 0.5


@dataclass(frozen=True, slots=True)
class Desk:
    """All that answering needs, opened once: model, index, templates and certified thresholds."""

    settings: Settings
    model: Model
    searcher: Searcher
    templates: Templates
    bank: TemplateBank
    thresholds: Thresholds
    actions: Actions = field(default_factory=Actions)
    transitions: Transitions = field(default_factory=Transitions)
    sentences: PieceVectors = field(default_factory=PieceVectors)
    phraser: "Phraser | None" = None

    @property
    def index(self) -> "Index":
        """The index that is searched."""
        return self.searcher.index

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
        """The first mention of each entity: those of the settings, each found in its own way or
        named by the beginning of a listed value, and what the model `found` of types that the
        settings do not name."""
        known = self.settings.entities
        learnt: dict[str, str] = {}
        for e in found:
            if e.score >= SURE_ENTITY and (e.type not in known or known[e.type].learned):
                learnt.setdefault(e.type, text[e.start : e.end])
        seen = {
            name: entity.find(text) or named_in_short(text, entity.values)
            for name, entity in known.items()
        }
        return learnt | {name: words for name, words in seen.items() if words is not None}

    def _values(self, found: Mapping[str, str], today: date) -> dict[str, str]:
        known = self.settings.entities
        values = {n: known[n].value_of(words, today) for n, words in found.items() if n in known}
        return {name: value for name, value in values.items() if value is not None}

    def candidates(
        self, text: str, vector: FloatArray, query: FloatArray, asked: Question | None = None
    ) -> Candidates:
        """What could be said to a message with this vector (d,) and reply query (d,), which may
        follow up the question `asked`."""
        before = earlier(asked, text)
        hits = self.hits(text, vector, before)
        [ranked] = self.ranked(query[None])
        return Candidates(ranked, hits, before.text if before else "")

    def ranked(self, queries: FloatArray) -> "list[tuple[Scored, ...]]":
        """The best templates for each of (n, d) reply queries. The pretrained encoder alone has
        learnt no replies: its templates are not ranked."""
        if not self.model.trained:
            return [()] * len(queries)
        return self.bank.rank_all(queries, TEMPLATES_SHOWN)

    def hits(
        self, text: str, vector: FloatArray, before: "Earlier | None" = None
    ) -> "tuple[Hit, ...]":
        """The best passages for a message with this vector (d,), searched for together with the
        question `before` it that it follows up."""
        return tuple(self.searcher.hits(text, vector, FOUND, before))

    def ahead(self, texts: Sequence[str], vectors: FloatArray) -> "Desk":
        """As this desk, with texts, whose vectors (n, d) these are, searched for in batches."""
        return replace(self, searcher=self.searcher.ahead(texts, vectors, FOUND))

    def parts(self, state: State, text: str, today: date) -> tuple[Heard, ...]:
        """The requests that a message falls into, read in one more pass; none where it is one."""
        if not (texts := split(text)):
            return ()
        vectors, entities = self.model.encode_messages(texts)
        windows = [self.model.window(state, vector) for vector in vectors]
        turns, speakers = (np.concatenate(parts) for parts in zip(*windows, strict=True))
        return self.heard(texts, vectors, entities, self.model.read(texts, turns, speakers), today)

    def heard(
        self,
        texts: Sequence[str],
        vectors: FloatArray,
        entities: Sequence[Sequence[FoundEntity]],
        readings: Readings,
        today: date,
    ) -> tuple[Heard, ...]:
        """The parts of a message, with these vectors (n, d), entities and readings, each read as a
        message of its own; one that points back, at the part before it."""
        before = [None, *map(Question, texts, vectors)]
        asked = [
            q if points_back(words(text)) else None for q, text in zip(before, texts, strict=False)
        ]
        return tuple(
            Heard(
                text,
                self.reading(text, readings, row, entities[row], today),
                self.candidates(text, vectors[row], readings.queries[row], asked[row]),
            )
            for row, text in enumerate(texts)
        )

    def decide(
        self,
        state: State,
        text: str,
        reading: Reading,
        candidates: Candidates,
        now: float = 0.0,
        parts: tuple[Heard, ...] = (),
    ) -> Decision:
        """The dialogue's decision under this desk's templates and thresholds, at the time `now`."""
        return decide(
            state,
            text,
            reading,
            candidates,
            self.templates,
            self.thresholds,
            self.settings.entities,
            now=now,
            check=self.actions.check,
            parts=parts,
            told=self.transitions.told,
        )

    def organised(self, decision: Decision, text: str, vector: FloatArray) -> Decision:
        """The decision on a message with this vector (d,), with what it quotes of articles."""
        if isinstance(decision, Several):
            parts = zip(decision.parts, decision.texts, strict=True)
            found = tuple(self.organised(part, said, vector) for part, said in parts)
            return replace(decision, parts=found)  # type: ignore[arg-type]
        if not isinstance(decision, Cite) or decision.quotes:
            return decision
        return organised(decision, text, vector, self.index, self.sentences)

    def said(self, decision: Decision) -> FloatArray | None:
        """The vector (d,) of what a decision says, where it is known without another pass."""
        if isinstance(decision, Several):
            vectors = (self.said(part) for part in decision.parts)
            return next((vector for vector in vectors if vector is not None), None)
        if isinstance(decision, SmallTalk) and decision.sentence is not None:
            return None
        if isinstance(decision, Answer) and decision.outcome and decision.outcome.failure:
            return None
        if isinstance(decision, Answer | SmallTalk) and decision.template is not None:
            wordings = self.templates.by_id[decision.template].wordings
            return self.bank.vector(decision.template, decision.wording % len(wordings))
        if isinstance(decision, Cite) and decision.hits:
            return self._meaning(decision.hits[0].passage.id)
        return None

    def _meaning(self, passage: int) -> FloatArray | None:
        """The vector (d,) of a passage from the model's own encoder: where another one searches,
        the mean of its pieces'."""
        if self.searcher.own:
            vector: FloatArray = self.index.vectors([passage])[0]
            return vector
        pieces = self.sentences.of(passage)
        return None if pieces is None or not len(pieces) else unit(pieces.mean(axis=0))


class Bot:
    """One conversation at a desk. A turn is in the log before its reply is returned.

    `today` tells the day of a turn, from which "tomorrow" counts, and `now` its time in seconds,
    by which slots expire. Where suggestions are not shown it `suggests` none: a "1" would pick what
    nobody saw.

    Raises:
        BotError: an action needs an environment variable that is not set.
    """

    def __init__(
        self,
        desk: Desk,
        log: SessionLog,
        *,
        channel: str,
        today: Callable[[], date] = date.today,
        now: Callable[[], float] = time.time,
        suggests: bool = True,
    ) -> None:
        require_environment(desk.settings.actions)
        self.desk, self.log, self.today, self.now = desk, log, today, now
        self.suggests = suggests
        self.channel, self.language = channel, desk.settings.language
        self.start()

    def start(self) -> None:
        """Begin a conversation; it is in the log from its first message on."""
        self.state, self.turn, self._session = State(), 0, 0

    def resume(self, session: int) -> Resumed:
        """Go on with a session of the log. An error leaves the present conversation as it is.

        Raises:
            BotError: there is no such session.
        """
        found = resumed(self.log, session, self.desk.model)
        self.state, self.turn, self._session = found.state, found.turn, session
        latest = map(language_of, reversed(found.state.so_far.messages))
        self.language = next(filter(None, latest), self.language)
        return found

    def catch_up(self) -> None:
        """After a turn that was cut short: go on from what the log has of this session."""
        if self._session:
            self.resume(self._session)

    def talks(self, limit: int) -> list[SessionRow]:
        """The sessions of this channel, the last used first."""
        return self.log.talks(self.channel, limit)

    @property
    def session(self) -> int:
        """The number of the session in the log."""
        if not self._session:
            self._session = self.log.start_session(
                channel=self.channel,
                model=self.desk.model.fingerprint,
                index_digest=self.desk.index.digest,
            )
        return self._session

    def respond(self, text: str) -> Exchange:
        """Answer a message. An error leaves the conversation as it was before the message."""
        clock = _Clock()
        if self.state.handed_over and not self.log.person_awaited(self.session):
            self.state = replace(self.state, handed_over=False)
        said, now = in_full(self.state, text), self.now()
        language = language_of(said) or self.language
        vector, reading, decision = self._decided(said, now, language, clock)
        reply = render(decision, self.desk.templates, language)
        clock.lap("decide")
        state = self._after(said, vector, reading, decision, now)
        exchange = Exchange(
            session=self.session,
            turn=self.turn + 1,
            reply=reply,
            decision=decision,
            reading=reading,
            ms=clock.total(),
            timings=clock.laps,
            suggestions=tuple(one.title for one in state.suggested),
        )
        self._record(text, exchange, state)
        self.state, self.turn, self.language = state, exchange.turn, language
        return exchange

    def _decided(
        self, text: str, now: float, language: Language, clock: "_Clock"
    ) -> tuple[FloatArray, Reading, Decision]:
        """The message's vector (d,), what was read in it, and what was decided and done."""
        desk = self.desk
        [vector], [entities] = desk.model.encode_messages([text])
        clock.lap("encode")
        read = desk.model.read([text], *desk.model.window(self.state, vector))
        reading = desk.reading(text, read, 0, entities, self.today())
        clock.lap("read")
        candidates = desk.candidates(text, vector, read.queries[0], self.state.asked)
        clock.lap("search")
        if parts := desk.parts(self.state, text, self.today()):
            clock.lap("parts")
        decision = desk.decide(self.state, text, reading, candidates, now, parts)
        decision = desk.organised(decision, text, vector)
        if desk.phraser is not None:
            decision = desk.phraser.phrased(decision, text, language)
        if acts(decision):
            clock.lap("decide")
            decision = carry_out(decision, desk.actions, f"{self.session}-{self.turn + 1}")
            clock.lap("action")
        return vector, reading, decision

    def _after(
        self, text: str, vector: FloatArray, reading: Reading, decision: Decision, now: float
    ) -> State:
        """What is remembered once `decision` was taken on a message with this vector (d,)."""
        desk = self.desk
        state = remember(advance(self.state, text, reading, decision, now), "customer", vector)
        state = replace(state, asked=asked_after(self.state, text, vector, decision))
        said = desk.said(decision)
        if said is not None:
            state = remember(state, "agent", said)
        if not self.suggests:
            return replace(state, suggested=())
        return with_suggestions(desk.transitions, desk.templates, state, decision)

    def feedback(self, turn: int, verdict: str, note: str) -> None:
        """Keep what a person said of an answer."""
        self.log.feedback(self.session, turn, verdict, note)  # type: ignore[arg-type]

    def _record(self, text: str, exchange: Exchange, state: State) -> None:
        model = self.desk.model
        saved = SavedState(model.encoder_fingerprint, dumps(state))
        self.log.record(
            TurnRecord(
                session=self.session,
                number=exchange.turn,
                message=text,
                reply=exchange.reply,
                decision=exchange.decision,
                reading=exchange.reading,
                ms=exchange.ms,
                model=model.fingerprint,
                index_digest=self.desk.index.digest,
                timings=exchange.timings,
                state=saved,
            )
        )


class _Clock:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(self.laps.get(name, 0.0) + 1000 * (now - self.last), 3)
        self.last = now

    def total(self) -> float:
        return round(1000 * (time.perf_counter() - self.start), 3)
