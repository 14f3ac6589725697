"""What is in scope, what is not, and how sure: on small made-up clouds of vectors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finetune.calibration import expected_calibration_error
from finetune.errors import FinetuneError
from finetune.scope import (
    LEAST_SHARE,
    Sample,
    Scope,
    assumed_share,
    estimated_share,
    fit,
    left_out,
)

DIMENSION = 24


class World:
    """Intents as directions; messages lie about theirs, and strangers about directions of their
    own. Logits are what a model of the known intents would say."""

    def __init__(self, intents: int = 12, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.known = self._unit(self.rng.normal(size=(intents, DIMENSION)))
        self.unknown = self._unit(self.rng.normal(size=(40, DIMENSION)))

    def known_messages(self, each: int) -> Sample:
        labels = np.repeat(np.arange(len(self.known)), each)
        return self._sample(self.known[labels], np.eye(len(self.known), dtype=bool)[labels])

    def strangers(self, count: int) -> Sample:
        about = self.unknown[self.rng.integers(len(self.unknown), size=count)]
        return self._sample(about, np.zeros((count, len(self.known)), dtype=bool))

    def _sample(self, about: np.ndarray, gold: np.ndarray) -> Sample:
        vectors = self._unit(about + 0.22 * self.rng.normal(size=about.shape))
        return Sample(vectors, 20 * vectors @ self.known.T, gold)

    @staticmethod
    def _unit(rows: np.ndarray) -> np.ndarray:
        unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def both(one: Sample, other: Sample) -> Sample:
    names = ("vectors", "logits", "gold")
    return Sample(*(np.concatenate([getattr(s, n) for s in (one, other)]) for n in names))


def right(scope: Scope, sample: Sample) -> np.ndarray:
    guesses = scope.probabilities(sample.logits, sample.vectors).argmax(axis=1)
    verdicts: np.ndarray = sample.gold[np.arange(len(sample)), guesses]
    return verdicts


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    return float((inside[:, None] > outside).mean())


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def train(world: World) -> Sample:
    return world.known_messages(20)


@pytest.fixture(scope="module")
def scope(world: World, train: Sample) -> Scope:
    """Fitted without a single message out of scope."""
    found = fit(train, world.known_messages(10), share=0.2)
    assert found is not None
    return found


def test_strangers_are_told_apart_though_none_was_seen(world: World, scope: Scope) -> None:
    known, strange = world.known_messages(20), world.strangers(300)
    inside = scope.score(known.logits, known.vectors)
    outside = scope.score(strange.logits, strange.vectors)
    assert auroc(inside, outside) > 0.95
    softmax = replace(scope, learnt=False)
    assert auroc(inside, outside) > auroc(
        softmax.confidence(known.logits, known.vectors),
        softmax.confidence(strange.logits, strange.vectors),
    )


def test_confidence_is_honest_with_strangers_among_the_messages(world: World, scope: Scope) -> None:
    """A fifth of the messages are out of scope, as assumed; the softmax alone is far off."""
    mixed = both(world.known_messages(40), world.strangers(120))
    verdicts = right(scope, mixed)
    honest = scope.confidence(mixed.logits, mixed.vectors)
    naive = replace(scope, learnt=False).confidence(mixed.logits, mixed.vectors)
    assert expected_calibration_error(honest, verdicts) < 0.06
    assert expected_calibration_error(naive, verdicts) > 0.1


def test_true_strangers_calibrate_what_is_made_of_them(world: World, train: Sample) -> None:
    """In traffic of which half is out of scope, in-scope odds are those of the log itself."""
    found = fit(train, both(world.known_messages(10), world.strangers(300)), share=0.5)
    assert found is not None
    log = both(world.known_messages(25), world.strangers(300))
    likely = found.in_scope(log.logits, log.vectors)
    assert expected_calibration_error(likely, np.asarray(log.gold.any(axis=1)), bins=5) < 0.06


def test_probabilities_add_up_to_the_chance_of_being_in_scope(world: World, scope: Scope) -> None:
    message = world.known_messages(1)
    probabilities = scope.probabilities(message.logits, message.vectors)
    likely = scope.in_scope(message.logits, message.vectors)
    assert probabilities.sum(axis=1) == pytest.approx(likely)
    assert scope.confidence(message.logits, message.vectors) == pytest.approx(probabilities.max(1))


def test_more_out_of_scope_traffic_means_less_confidence(world: World, scope: Scope) -> None:
    message = world.known_messages(1)
    shares = [0.0, 0.1, 0.5, 0.9]
    sure = [scope.at_share(s).in_scope(message.logits, message.vectors)[0] for s in shares]
    assert sure[0] == 1.0
    assert sure == sorted(sure, reverse=True)
    with pytest.raises(FinetuneError, match="share is 1"):
        scope.at_share(1.0)


def test_an_intent_for_what_is_out_of_scope_is_none_of_those_in_scope(world: World) -> None:
    """The model was taught `oos`, here column 12, from some strangers."""

    def taught(sample: Sample) -> Sample:
        none = ~sample.gold.any(axis=1, keepdims=True)
        doubt = np.full((len(sample), 1), 5.0)
        return Sample(
            sample.vectors, np.hstack([sample.logits, doubt]), np.hstack([sample.gold, none])
        )

    train = taught(both(world.known_messages(20), world.strangers(60)))
    found = fit(train, taught(both(world.known_messages(10), world.strangers(60))), outside=12)
    assert found is not None
    assert 12 not in found.inside
    strange = taught(world.strangers(200))
    probabilities = found.probabilities(strange.logits, strange.vectors)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities.argmax(axis=1) == 12).mean() > 0.8


def test_where_no_scope_is_learnt_the_softmax_stands_alone() -> None:
    """With its column for what is out of scope, where it has one."""
    world = World(3)
    train = world.known_messages(20)
    gold = train.gold.copy()
    gold[gold[:, 2]] = [False, False, True]
    found = fit(replace(train, gold=gold), train.rows(slice(0, 0)), outside=2)
    assert found is not None
    assert not found.learnt
    softmax = np.exp(train.logits) / np.exp(train.logits).sum(axis=1, keepdims=True)
    assert found.probabilities(train.logits, train.vectors) == pytest.approx(softmax)


def test_left_out_messages_look_out_of_scope(world: World, train: Sample, scope: Scope) -> None:
    held_out = both(world.known_messages(10), world.strangers(5))
    made = left_out(scope, train, held_out)
    assert np.isnan(made[-5:]).all()
    assert np.isfinite(made[:-5]).all()
    assert made[:-5].mean() < 0.5 * scope.confidence(held_out.logits, held_out.vectors)[:-5].mean()


@pytest.mark.parametrize(("intents", "each"), [(2, 1), (2, 30), (3, 1), (12, 1), (150, 1)])
def test_little_data_gives_sane_numbers(intents: int, each: int) -> None:
    world = World(intents)
    train = world.known_messages(each)
    nothing = train.rows(slice(0, 0))
    found = fit(train, nothing)
    assert found is not None
    for sample in (world.known_messages(1), world.strangers(5)):
        sure = found.confidence(sample.logits, sample.vectors)
        assert ((sure >= 0) & (sure <= 1)).all()
    assert not found.learnt  # nothing held out: what was trained on is no measure of the rest
    assert len(left_out(found, train, nothing)) == 0


def test_without_scope_the_intents_share_one_as_their_logits_say() -> None:
    world = World(4)
    found = fit(world.known_messages(3), world.known_messages(1), temperature=2.0, outside=3)
    assert found is not None
    assert not found.learnt
    logits = np.array([[2.0, 0.0, 0.0, 4.0]])
    shares = found.probabilities(logits, world.known_messages(1).vectors[:1])
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum()
    np.testing.assert_allclose(shares, expected)


def test_other_texts_teach_where_intents_are_too_few_to_leave_one_out() -> None:
    world = World(2)
    train = world.known_messages(30)
    found = fit(train, world.known_messages(20), negatives=world.strangers(50))
    assert found is not None
    assert found.learnt


def test_messages_with_two_intents_count_for_both(world: World) -> None:
    train = world.known_messages(20)
    gold = train.gold | np.roll(train.gold, 1, axis=1)
    found = fit(replace(train, gold=gold), replace(world.known_messages(5)))
    assert found is not None
    assert np.isfinite(found.score(train.logits, train.vectors)).all()


def test_no_intents_no_scope(world: World) -> None:
    assert fit(world.strangers(10), world.strangers(10)) is None


def test_a_scope_is_kept_in_a_folder(world: World, scope: Scope, tmp_path: Path) -> None:
    assert Scope.load(tmp_path) is None
    scope.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scope.json", "scope.safetensors"]
    kept = Scope.load(tmp_path)
    assert kept is not None
    message = world.known_messages(1)
    assert kept.confidence(message.logits, message.vectors) == pytest.approx(
        scope.confidence(message.logits, message.vectors), abs=1e-3
    )
    (tmp_path / "scope.json").write_text("{}")
    with pytest.raises(FinetuneError, match="the scope cannot be read"):
        Scope.load(tmp_path)


def test_the_share_in_a_log_is_found_by_how_its_messages_are_read(
    world: World, scope: Scope
) -> None:
    log = both(world.known_messages(25), world.strangers(200))  # 40 % strangers
    read = scope.in_scope(log.logits, log.vectors)
    assert estimated_share(read, scope.share) == pytest.approx(0.4, abs=0.08)
    assert estimated_share(np.zeros(0), 0.2) == 0.2


def test_labelled_chats_show_too_few_strangers() -> None:
    assert assumed_share(3, 100) == LEAST_SHARE
    assert assumed_share(30, 100) == 0.3
    assert assumed_share(0, 0) == LEAST_SHARE
    assert assumed_share(9, 9) == 0.9  # all of them: even so, some will be in scope
