"""Ranking the templates: the best of their wordings counts, and the vectors are made once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.template_bank import TemplateBank, load_bank
from bot.workspace.templates import Template, Templates

FINGERPRINT = "c0ffee" * 10
WORDS = ("order", "open", "seven", "bye")


def template(name: str, *wordings: str, draft: bool = False) -> Template:
    return Template(name, (name,), "answer", name, (), wordings, draft)


TEMPLATES = Templates(
    (
        template("track", "Your order {order_id} comes.", "The order left."),
        template("draft", "Open order?", draft=True),
        template("hours", "We open at seven."),
        template("bye", "Bye!"),
    )
)


class Encoder:
    """One number a word it knows, and a memory of what it was given."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        counts = [[word in text.lower() for word in WORDS] for text in texts]
        vectors = np.asarray(counts, dtype=np.float32).reshape(-1, len(WORDS))
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors


@pytest.fixture
def encode() -> Encoder:
    return Encoder()


@pytest.fixture
def bank(encode: Encoder, tmp_path: Path) -> TemplateBank:
    return load_bank(TEMPLATES, tmp_path, FINGERPRINT, encode)


def test_templates_are_ranked_by_their_best_wording(bank: TemplateBank, encode: Encoder) -> None:
    [query] = encode(["when do you open"])
    ranked = bank.rank(query)
    assert [scored.name for scored in ranked] == ["hours", "track", "bye"]
    assert ranked[0].score == pytest.approx(1 / np.sqrt(2))
    assert [scored.name for scored in bank.rank(query, count=1)] == ["hours"]


def test_queries_together_give_the_digits_of_each_alone() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((40, 24)).astype(np.float32)
    bank = TemplateBank(tuple(f"t{i}" for i in range(20)), np.repeat(np.arange(20), 2), vectors)
    queries = random.standard_normal((30, 24)).astype(np.float32)
    assert bank.rank_all(queries) == [bank.rank(query) for query in queries]


def test_scores_lie_between_zero_and_one(bank: TemplateBank) -> None:
    scores = bank.scores(np.stack([-np.ones(4), np.ones(4)]).astype(np.float32))
    assert scores.shape == (2, 3)
    assert scores[0].tolist() == [0, 0, 0]
    assert scores[1].max() == 1


def test_the_vector_of_a_wording_is_found(bank: TemplateBank, encode: Encoder) -> None:
    [second] = encode(["The order left."])
    np.testing.assert_array_equal(bank.vector("track", 1), second)
    np.testing.assert_array_equal(bank.vector("bye", 0), encode(["Bye!"])[0])


@pytest.mark.usefixtures("bank")
def test_the_encoder_reads_a_slot_as_its_name_and_no_draft(encode: Encoder) -> None:
    assert encode.asked == (
        ["Your order order id comes.", "The order left.", "We open at seven.", "Bye!"]
    )


def test_without_templates_there_is_nothing_to_rank(encode: Encoder, tmp_path: Path) -> None:
    for none in (Templates(), Templates((template("draft", "Open order?", draft=True),))):
        bank = load_bank(none, tmp_path, FINGERPRINT, encode)
        assert bank.rank(np.ones(4, dtype=np.float32)) == ()
        assert bank.scores(np.ones((3, 4), dtype=np.float32)).shape == (3, 0)


# --- kept on disk --------------------------------------------------------------------------------


def test_the_vectors_are_made_once(bank: TemplateBank, tmp_path: Path) -> None:
    encode = Encoder()
    again = load_bank(TEMPLATES, tmp_path, FINGERPRINT, encode)
    assert encode.asked == []
    np.testing.assert_array_equal(again.vectors, bank.vectors)


@pytest.mark.usefixtures("bank")
def test_a_changed_wording_is_encoded(tmp_path: Path) -> None:
    encode = Encoder()
    changed = Templates((*TEMPLATES.all[:3], template("bye", "Bye bye!")))
    load_bank(changed, tmp_path, FINGERPRINT, encode)
    assert "Bye bye!" in encode.asked


@pytest.mark.usefixtures("bank")
def test_another_encoder_has_its_own_vectors(encode: Encoder, tmp_path: Path) -> None:
    load_bank(TEMPLATES, tmp_path, "another" * 9, encode)
    assert len(encode.asked) == 8
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_made_again(bank: TemplateBank, tmp_path: Path) -> None:
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    cut = [whole[:length] for length in range(0, len(whole), 97)]
    flipped = [whole[:n] + bytes([whole[n] ^ 255]) + whole[n + 1 :] for n in range(len(whole))]
    for damaged in (*cut, *flipped[::5], b"nonsense"):
        file.write_bytes(damaged)
        again = load_bank(TEMPLATES, tmp_path, FINGERPRINT, Encoder())
        np.testing.assert_array_equal(again.vectors, bank.vectors)
    assert list(tmp_path.iterdir()) == [file]


def test_where_nothing_can_be_written_the_bank_still_answers(
    encode: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(f"{target} is on a read-only disk, so {self} stays")

    monkeypatch.setattr(Path, "replace", refuse)
    bank = load_bank(TEMPLATES, tmp_path, FINGERPRINT, encode)
    assert bank.rank(encode(["bye"])[0])[0].name == "bye"
    assert list(tmp_path.iterdir()) == []
