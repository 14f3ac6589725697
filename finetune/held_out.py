"""What the held-out chats decide once a model is trained, and what it is worth on them.

Validation decides whether messages without labels teach, how much words count, how logits become
probabilities and what is out of scope; calibration is evidence for thresholds, and validation says
which of them to try first; test is figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune import judging, lexical, self_training
from finetune.conversation import OUT_OF_SCOPE, Conversation
from finetune.corpus import Texts, is_message
from finetune.fitting import examine
from finetune.judging import Examined, Names, Reading
from finetune.lexical import Lexical
from finetune.material import Lessons, Material, Parts, Request
from finetune.scope import Sample, Scope, left_out
from finetune.scope import fit as fit_scope
from finetune.self_training import Learnt
from finetune.training import Trainer

FloatArray = NDArray[np.floating]
MOST_FOR_SCOPE = 5000


@dataclass(frozen=True, slots=True)
class Judged:
    """The held-out messages of each part under the final heads, words counted in, and what they
    decided. `taught` are training messages, as scope was learnt from them; `more` is what messages
    without labels taught, None where there were none to learn from."""

    examined: Mapping[str, Examined]
    reading: Reading
    taught: Sample
    scope: Scope | None
    words: Lexical | None
    more: Learnt | None

    def served(self, part: str) -> FloatArray:
        """The probability (n, c) of each intent as the bot is given it."""
        return judging.served(self.examined[part], self.reading, self.scope)

    def left_out(self, part: str, names: Names) -> FloatArray | None:
        """The confidence (n,) in the best guess of each message, were its own intent unknown; NaN
        where its intents are not labelled."""
        if self.scope is None:
            return None
        own = self.examined[part]
        found = np.full(len(own.messages), np.nan)
        labelled = [row for row, message in enumerate(own.messages) if message.gold]
        sample = judging.sample_of(own, self.reading, names)
        found[labelled] = left_out(self.scope, self.taught, sample)
        return found


def judge(trainer: Trainer, lessons: Lessons, request: Request) -> Judged:
    """Let the held-out chats decide what is still open; the intents' head may change by it."""
    parts, names, texts = lessons.parts, lessons.names, lessons.texts
    held = {
        "validation": parts.validation,
        "calibration": parts.calibration,
        "test": parts.test,
    }
    seen = {part: examine(trainer, messages) for part, messages in held.items()}
    learnt = _examine_taught(trainer, parts)
    more = _learn_unlabelled(trainer, parts, learnt, seen["validation"], names, request)
    if more is not None and more.kept:
        learnt = self_training.reread(trainer, learnt)
        seen = {part: self_training.reread(trainer, own) for part, own in seen.items()}
    words = _words(lessons.splits.train, seen["validation"], names, texts, request.seed)
    seen = {part: judging.with_words(own, words, texts) for part, own in seen.items()}
    reading = judging.choose_reading(seen["validation"])
    taught, scope = _scope(learnt, seen["validation"], reading, names, request)
    return Judged(seen, reading, taught, scope, words, more)


def test_metrics(
    judged: Judged, trainer: Trainer, material: Material, lessons: Lessons, seed: int
) -> dict[str, Any]:
    """Every task's figures on the test chats."""
    names, test = lessons.names, judged.examined["test"]
    sample = judging.sample_of(test, judged.reading, names)
    return {
        **judging.metrics(judged.reading, test, names, lessons.texts, seed),
        "scope": judging.scope_metrics(sample, judged.scope),
        "search": _search_metrics(trainer, material),
    }


def frozen_metrics(material: Material, lessons: Lessons, seed: int) -> dict[str, Any]:
    """The figures of the untouched encoder on the same chats."""
    parts, names, texts = lessons.parts, lessons.names, lessons.texts
    figures = judging.frozen_metrics(
        material.pretrained, parts.taught(), parts.validation, parts.test, names, texts, seed
    )
    search = judging.search_metrics(material.pretrained, material.held_questions)
    return {**figures, "scope": {"n": 0}, "search": search}


def predictions(judged: Judged, lessons: Lessons, seed: int) -> list[Mapping[str, Any]]:
    """A record of each held-out message, part by part."""
    return [
        record
        for part, own in judged.examined.items()
        for record in judging.predictions(
            part, judged.served(part), own, lessons.names, lessons.texts, seed
        )
    ]


# --- what is decided -----------------------------------------------------------------------------


def _learn_unlabelled(
    trainer: Trainer,
    parts: Parts,
    taught: Examined,
    validation: Examined,
    names: Names,
    request: Request,
) -> Learnt | None:
    more = self_training.unlabelled(parts.taught(), len(names.intents), request.seed)
    if not more or not any(message.names_intent for message in validation.messages):
        return None
    reading = judging.choose_reading(validation)
    _, scope = _scope(taught, validation, reading, names, request)
    return self_training.learn(trainer, parts.taught(), more, validation, reading, scope)


def _words(
    train: Sequence[Conversation], validation: Examined, names: Names, texts: Texts, seed: int
) -> Lexical | None:
    """What words say of intents, counting as much as it helps; None where it does not."""
    number = {name: place for place, name in enumerate(names.intents)}
    turns = [turn for chat in train for turn in chat.turns if is_message(turn) and turn.intents]
    intents = [[number[name] for name in turn.intents if name in number] for turn in turns]
    learnt = lexical.fit([turn.text for turn in turns], intents, len(number), seed)
    weight = judging.choose_weight(validation, learnt, texts) if learnt else 0.0
    return learnt.times(weight) if learnt and weight else None


def _scope(
    examined: Examined,
    validation: Examined,
    reading: Reading,
    names: Names,
    request: Request,
) -> tuple[Sample, Scope | None]:
    """The examined training messages as scope is learnt from them, and what was learnt."""
    taught = judging.sample_of(examined, reading, names)
    if not names.intents:
        return taught, None
    outside = names.intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in names.intents else None
    scope = fit_scope(
        taught,
        judging.sample_of(validation, reading, names),
        share=request.out_of_scope_share,
        temperature=reading.temperature,
        outside=outside,
    )
    return taught, scope


def _examine_taught(trainer: Trainer, parts: Parts) -> Examined:
    """Up to MOST_FOR_SCOPE labelled training messages under the present weights."""
    labelled = [message for message in parts.taught() if message.intents]
    order = np.random.default_rng(trainer.recipe.seed).permutation(len(labelled))
    chosen = [replace(labelled[i], spans=None) for i in order[:MOST_FOR_SCOPE]]
    return examine(trainer, chosen)


def _search_metrics(trainer: Trainer, material: Material) -> dict[str, float]:
    vectors = np.zeros_like(material.pretrained)
    if needed := sorted({number for pair in material.held_questions for number in pair}):
        vectors[needed] = trainer.data.lower.encode_all(needed)
    return judging.search_metrics(vectors, material.held_questions)
