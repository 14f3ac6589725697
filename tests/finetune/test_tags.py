"""Entities as tags on units, in English and in Chinese, and back to the same characters."""

from itertools import pairwise, product
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from finetune import tags
from finetune.errors import FinetuneError
from finetune.tags import (
    Transitions,
    Units,
    best_path,
    decode,
    marginals,
    pieces_of,
    tag_names,
    tags_of,
    units_of,
)

TYPES = ["city", "date"]
ALIKE = Transitions.none(TYPES)


def spaced() -> Tokenizer:
    """One token a word."""
    words = ["from", "oslo", "to", "new", "york", "on", "monday", "please"]
    tokenizer = Tokenizer(
        models.WordLevel({"?": 0, **{w: i + 1 for i, w in enumerate(words)}}, "?")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def chinese() -> Tokenizer:
    """A vocabulary whose tokens hold several characters."""
    words = ["从上海", "到", "北京市", "的", "机票"]
    return Tokenizer(models.Unigram([("?", -9.0), *((word, -1.0) for word in words)], unk_id=0))


def sure_of(tags: list[int], count: int) -> np.ndarray:
    return np.where(np.eye(count, dtype=bool)[tags], 9.0, 0.0).astype(np.float32)


def test_a_token_is_a_unit_where_words_are_spaced() -> None:
    tokenizer = spaced()
    assert pieces_of(tokenizer) == 1
    [units] = units_of(tokenizer, ["from oslo to new york"], "", 1)
    assert list(zip(units.starts, units.ends, strict=True)) == [
        (0, 4), (5, 9), (10, 12), (13, 16), (17, 21),
    ]  # fmt: skip


def test_a_character_is_a_unit_where_a_token_holds_several() -> None:
    tokenizer = chinese()
    assert pieces_of(tokenizer) == 4
    [units] = units_of(tokenizer, ["从上海到北京市的机票"], "", 4)
    assert units.starts.tolist() == list(range(10))
    assert units.token.tolist() == [0, 0, 0, 1, 2, 2, 2, 3, 4, 4]
    assert units.place.tolist() == [0, 1, 2, 0, 0, 1, 2, 0, 0, 1]


@pytest.mark.parametrize("prefix", ["", "from ", "on monday "])
def test_a_prefix_is_no_part_of_the_text(prefix: str) -> None:
    [plain], [prefixed] = (units_of(spaced(), ["to new york"], p, 1) for p in ("", prefix))
    np.testing.assert_array_equal(prefixed.starts, plain.starts)
    np.testing.assert_array_equal(prefixed.ends, plain.ends)


@pytest.mark.parametrize(
    ("tokenizer", "text", "spans"),
    [
        (spaced(), "from oslo to new york on monday", [(5, 9, "city"), (13, 21, "city")]),
        (spaced(), "monday", [(0, 6, "date")]),
        (spaced(), "please", []),
        (chinese(), "从上海到北京市的机票", [(1, 3, "city"), (4, 6, "city")]),
        (chinese(), "上海北京", [(0, 2, "city"), (2, 4, "city")]),
    ],
)
def test_what_is_tagged_is_found_again(
    tokenizer: Tokenizer, text: str, spans: list[tuple[int, int, str]]
) -> None:
    [units] = units_of(tokenizer, [text], "", pieces_of(tokenizer))
    tags = tags_of(spans, units, TYPES)
    found = decode(sure_of(tags.tolist(), 5), units, TYPES, ALIKE)
    assert [(entity.start, entity.end, entity.type) for entity in found] == spans
    assert all(entity.score > 0.99 for entity in found)


def test_a_type_that_nobody_taught_is_left_out() -> None:
    [units] = units_of(spaced(), ["from oslo"], "", 1)
    assert tags_of([(5, 9, "planet")], units, TYPES).tolist() == [0, 0]


def test_tags_are_named_in_order() -> None:
    assert tag_names(TYPES) == ["O", "B-city", "I-city", "B-date", "I-date"]


def test_an_inside_tag_never_opens_an_entity() -> None:
    """The single best tags would be O, I-city: the best valid path opens the city."""
    scores = np.log(np.array([[0.5, 0.4, 0.1], [0.1, 0.1, 0.8]], dtype=np.float32))
    assert best_path(scores, Transitions.none(["city"])).tolist() == [1, 2]


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, Transitions]:
    """Random logits of four units, and transitions, of the five tags of TYPES."""
    logits, start, between = (
        rng.normal(size=shape).astype(np.float32) for shape in ((4, 5), (5,), (5, 5))
    )
    return logits, Transitions(start, between)


def score(path: tuple[int, ...], logits: np.ndarray, transitions: Transitions) -> float:
    steps = sum(transitions.between[step] for step in pairwise(path))
    return float(transitions.start[path[0]] + logits[range(4), path].sum() + steps)


def test_the_best_path_is_the_best_of_all_valid_ones() -> None:
    rng = np.random.default_rng(3)
    inside = {2: (1, 2), 4: (3, 4)}
    valid = [
        path
        for path in product(range(5), repeat=4)
        if all(before in inside.get(tag, range(5)) for before, tag in pairwise((0, *path)))
    ]
    for _ in range(50):
        logits, transitions = drawn(rng)
        best = max(valid, key=lambda path: score(path, logits, transitions))
        assert tuple(best_path(logits, transitions)) == best


def test_where_nothing_is_near_an_entity_no_search_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is passed over is what the search would have found nothing in."""
    rng = np.random.default_rng(4)
    units = Units(*(np.array(column) for column in (range(4), range(1, 5), range(4), [0] * 4)))
    cases = [drawn(rng) for _ in range(200)]
    for place, (logits, _) in enumerate(cases):
        logits[:, 0] += place % 10
    quick = [decode(logits, units, TYPES, steps) for logits, steps in cases]
    searched = Mock(wraps=best_path)
    monkeypatch.setattr(tags, "best_path", searched)
    assert [decode(logits, units, TYPES, steps) for logits, steps in cases] == quick
    assert 0 < searched.call_count < 200
    monkeypatch.setattr(tags, "_ROUNDING", np.inf)
    assert [decode(logits, units, TYPES, steps) for logits, steps in cases] == quick
    assert 0 < sum(map(bool, quick)) < 200


def test_a_tags_probability_is_that_of_all_the_sequences_with_it() -> None:
    logits, transitions = drawn(np.random.default_rng(5))
    expected = np.zeros((4, 5))
    for path in product(range(5), repeat=4):
        expected[range(4), path] += np.exp(score(path, logits, transitions))
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(marginals(logits, transitions), expected, atol=1e-6)


def test_a_learned_step_outweighs_a_unit() -> None:
    """By themselves the units are O, O; a date that is likely to follow itself takes both."""
    units = Units(*(np.array(column) for column in ([0, 4], [3, 8], [0, 1], [0, 0])))
    logits = np.array([[1.0, 0, 0, 0.9, 0], [1.0, 0, 0, 0, 0.9]], np.float32)
    assert decode(logits, units, TYPES, ALIKE) == []
    between = ALIKE.between.copy()
    between[3, 4] = 2.0
    [found] = decode(logits, units, TYPES, Transitions(ALIKE.start, between))
    assert (found.start, found.end, found.type) == (0, 8, "date")


def test_transitions_are_read_as_they_were_written(tmp_path: Path) -> None:
    _, transitions = drawn(np.random.default_rng(7))
    transitions.save(tmp_path)
    read = Transitions.load(tmp_path, TYPES)
    np.testing.assert_array_equal(read.start, transitions.start)
    np.testing.assert_array_equal(read.between, transitions.between)


def test_a_version_from_before_there_were_transitions_takes_all_steps_as_alike(
    tmp_path: Path,
) -> None:
    assert not Transitions.load(tmp_path, TYPES).between.any()


@pytest.mark.parametrize("types", [["city"], None])
def test_transitions_that_cannot_be_read_are_refused(
    tmp_path: Path, types: list[str] | None
) -> None:
    ALIKE.save(tmp_path)
    if types is None:
        (tmp_path / "transitions.safetensors").write_bytes(b"nonsense")
    with pytest.raises(FinetuneError, match=r"transitions\.safetensors cannot be read \(.*again$"):
        Transitions.load(tmp_path, types or TYPES)


def test_an_entity_is_as_sure_as_its_least_sure_unit() -> None:
    units = Units(*(np.array(column) for column in ([0, 4], [3, 8], [0, 1], [0, 0])))
    logits = np.log(np.array([[0.1, 0.8, 0.1], [0.3, 0.1, 0.6]], dtype=np.float32))
    [found] = decode(logits, units, ["city"], Transitions.none(["city"]))
    assert (found.start, found.end, found.type) == (0, 8, "city")
    assert found.score == pytest.approx(0.6)


def test_nothing_is_found_in_nothing() -> None:
    [units] = units_of(spaced(), [""], "", 1)
    assert decode(np.zeros((0, 5), np.float32), units, TYPES, ALIKE) == []


def test_a_word_is_a_unit_however_many_tokens_it_has(tiny_encoder: Path) -> None:
    from finetune.network import load_tokenizer as read
    from finetune.tokens import load_tokenizer

    tokenizer = load_tokenizer(read(str(tiny_encoder)), 64)
    text = "wherefore is my parcels BK-0001, 北京?"
    [units] = units_of(tokenizer, [text], "", 1)
    assert len(tokenizer.encode(text).ids) > len(units.starts) + 2
    said = [text[a:b] for a, b in zip(units.starts, units.ends, strict=True)]
    assert said == ["wherefore", "is", "my", "parcels", "BK", "-", "0001", ",", "北", "京", "?"]
