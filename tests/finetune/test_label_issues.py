"""Label mistakes: planted ones are found, and what cannot be judged is left alone."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from finetune.errors import FinetuneError
from finetune.label_issues import LabelIssue, contradictions, likely_mistakes, out_of_sample

BANKING77 = Path(__file__).parents[3] / "shared/data/intents/banking77/all.jsonl"
NAMES = [f"intent-{number}" for number in range(6)]


def clouds(
    seed: int, n: int = 600, apart: float = 1.0, classes: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (n, 16) around a direction for each class, and their true labels (n,)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 16))
    labels = rng.integers(classes, size=n)
    points = apart * centres[labels] + 0.5 * rng.normal(size=(n, 16))
    return points / np.linalg.norm(points, axis=1, keepdims=True), labels


def plant(labels: np.ndarray, classes: int, share: float, seed: int = 1) -> np.ndarray:
    """The labels with `share` of them replaced by another one."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(labels), int(share * len(labels)), replace=False)
    wrong = labels.copy()
    wrong[rows] = (wrong[rows] + rng.integers(1, classes, len(rows))) % classes
    return wrong


def alone(labels: np.ndarray) -> np.ndarray:
    """Every message is a chat of its own."""
    return np.arange(len(labels))


def hits(found: list[LabelIssue], given: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Precision and recall of finding the planted labels."""
    planted = set(np.flatnonzero(given != true).tolist())
    right = sum(issue.row in planted for issue in found)
    return right / max(len(found), 1), right / len(planted)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_mistakes_are_found_with_the_true_label(seed: int) -> None:
    vectors, true = clouds(seed)
    given = plant(true, 6, 0.05)
    found = likely_mistakes(vectors, given, alone(given), NAMES)
    precision, recall = hits(found, given, true)
    assert precision >= 0.9
    assert recall >= 0.8
    right = [issue for issue in found if given[issue.row] != true[issue.row]]
    assert all(issue.given == NAMES[given[issue.row]] for issue in found)
    assert np.mean([issue.suggested == NAMES[true[issue.row]] for issue in right]) > 0.9


def test_clean_labels_raise_few_doubts() -> None:
    vectors, true = clouds(3)
    assert len(likely_mistakes(vectors, true, alone(true), NAMES)) <= 6


def test_the_surest_come_first_and_no_more_than_asked() -> None:
    vectors, true = clouds(4, apart=0.4)
    given = plant(true, 6, 0.1)
    found = likely_mistakes(vectors, given, alone(given), NAMES, most=10)
    assert len(found) == 10
    assert hits(found, given, true)[0] == 1.0
    assert found == likely_mistakes(vectors, given, alone(given), NAMES)[:10]


def test_a_chat_does_not_vouch_for_itself() -> None:
    """Twenty repeats of one wrong label in one chat are all found; if each repeat stood in a chat
    of its own, they would vouch for each other."""
    vectors, true = clouds(5)
    target = np.flatnonzero(true == 0)[:1]
    repeats = np.repeat(vectors[target], 20, axis=0)
    points = np.concatenate([vectors, repeats])
    given = np.concatenate([true, np.full(20, 1)])
    chats = np.concatenate([np.arange(600), np.full(20, 600)])
    together = {issue.row for issue in likely_mistakes(points, given, chats, NAMES)}
    apart = {issue.row for issue in likely_mistakes(points, given, np.arange(620), NAMES)}
    assert together >= set(range(600, 620))
    assert not apart & set(range(600, 620))


def test_a_label_of_one_chat_is_neither_doubted_nor_suggested() -> None:
    vectors, true = clouds(6, classes=5)
    given = true.copy()
    given[:8] = 5
    chats = np.concatenate([np.zeros(8, int), np.arange(1, 593)])
    found = likely_mistakes(vectors, given, chats, NAMES)
    assert not [issue for issue in found if issue.row < 8 or issue.suggested == NAMES[5]]


def test_probabilities_are_those_of_chance_where_vectors_say_nothing() -> None:
    rng = np.random.default_rng(7)
    vectors, labels = rng.normal(size=(900, 16)), rng.integers(3, size=900)
    found = out_of_sample(vectors, labels, np.arange(900), 3)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert abs(found - 1 / 3).max() < 0.15


@pytest.mark.parametrize(
    ("labels", "chats"),
    [
        ([], []),
        ([0], [0]),
        ([0, 1], [0, 0]),
        ([0, 1], [0, 1]),
        ([0, 0, 0, 0], [0, 1, 2, 3]),
        ([0, 1, 0, 1], [0, 0, 1, 1]),
    ],
)
def test_too_little_to_judge_is_no_fault(labels: list[int], chats: list[int]) -> None:
    vectors = np.ones((len(labels), 4))
    found = likely_mistakes(vectors, np.array(labels, int), np.array(chats, int), NAMES)
    assert found == []


def test_the_same_seed_finds_the_same() -> None:
    vectors, true = clouds(8)
    given = plant(true, 6, 0.05)
    first = likely_mistakes(vectors, given, alone(given), NAMES, seed=3)
    assert first == likely_mistakes(vectors, given, alone(given), NAMES, seed=3)


@pytest.mark.parametrize("shapes", [((3,), (3,), (3,)), ((3, 2), (2,), (3,)), ((3, 2), (3,), (2,))])
def test_arrays_of_different_lengths_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    vectors, labels, chats = (np.zeros(shape) for shape in shapes)
    with pytest.raises(FinetuneError, match="one vector, label and chat a message"):
        likely_mistakes(vectors, labels.astype(int), chats.astype(int), NAMES)


def test_the_same_words_under_two_labels() -> None:
    texts = ["Where is order #12?", "where is ORDER 7", "你好，在吗？", "你好,在吗", "thanks"]
    found = contradictions(texts, ["track", "cancel", "greet", "greet", "thanks"])
    assert [one.text for one in found] == ["Where is order #12?"]
    assert found[0].uses == (("cancel", (1,)), ("track", (0,)))


def test_long_texts_and_frequent_ones_come_first() -> None:
    texts = ["yes"] * 6 + ["what is the delivery fee"] * 3 + ["how do I change my plan"] * 2
    labels = ["a", "b"] * 3 + ["a", "a", "b"] + ["a", "b"]
    found = contradictions(texts, labels)
    assert [one.text for one in found] == [texts[6], texts[9], "yes"]
    assert found[0].uses == (("a", (6, 7)), ("b", (8,)))


def test_a_text_of_punctuation_contradicts_nothing() -> None:
    assert contradictions(["?!", "...", ""], ["a", "b", "c"]) == []


@pytest.mark.skipif(not BANKING77.is_file(), reason="../shared/data is not here")
def test_planted_mistakes_in_bank_messages() -> None:
    """3 % of the labels of about 1,500 real messages of 15 intents are changed at random. The
    vectors are those of words alone, so that the test needs no encoder; with an encoder's,
    precision and recall are near 0.85."""
    lines = BANKING77.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    names = sorted({record["intent"] for record in records})[::5][:15]
    kept = [r for r in records if r["split"] == "train" and r["intent"] in names]
    true = np.array([names.index(record["intent"]) for record in kept])
    given = plant(true, 15, 0.03)
    found = likely_mistakes(_word_vectors([r["text"] for r in kept]), given, alone(given), names)
    precision, recall = hits(found, given, true)
    assert len(kept) > 1_400
    assert precision > 0.6
    assert recall > 0.6


def _word_vectors(texts: list[str]) -> np.ndarray:
    """Each word a fixed random direction, the rarer the longer; a text the sum of its words."""
    words = [set(text.lower().split()) for text in texts]
    counts = Counter(word for each in words for word in each)
    rng = np.random.default_rng(0)
    direction = {
        word: rng.normal(size=256) * np.log(len(texts) / count)
        for word, count in sorted(counts.items())
    }
    return np.stack([sum((direction[word] for word in each), np.zeros(256)) for each in words])
