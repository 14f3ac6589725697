"""Text to ids and ids to batches, for every kind of text a customer can send."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from finetune.tokens import batches_by_length, load_tokenizer, pad, token_ids

LONGEST = 16


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Tokenizer:
    return load_tokenizer((tiny_encoder / "tokenizer.json").read_text("utf-8"), LONGEST)


def spelled(tokenizer: Tokenizer, text: str) -> list[str]:
    [ids] = token_ids(tokenizer, [text])
    return [tokenizer.id_to_token(int(number)) or "" for number in ids]


def test_a_text_becomes_tokens_between_its_marks(tokenizer: Tokenizer) -> None:
    assert spelled(tokenizer, "Where is my parcel?") == (
        ["[CLS]", "where", "is", "my", "parcel", "?", "[SEP]"]
    )
    assert spelled(tokenizer, "") == ["[CLS]", "[SEP]"]


def test_no_texts_are_no_rows(tokenizer: Tokenizer) -> None:
    assert token_ids(tokenizer, []) == []


@pytest.mark.parametrize("text", ["parcel " * 10_000, "parcel" * 10_000, "。" * 100_000])
def test_a_long_text_is_cut(tokenizer: Tokenizer, text: str) -> None:
    assert len(spelled(tokenizer, text)) <= LONGEST


def test_what_is_cut_before_the_tokenizer_would_not_have_been_kept(tokenizer: Tokenizer) -> None:
    text = "where is my parcel " * 1_000
    assert token_ids(tokenizer, [text])[0].tolist() == tokenizer.encode(text).ids


def test_half_a_surrogate_pair_reads_as_a_question_mark(tokenizer: Tokenizer) -> None:
    assert spelled(tokenizer, "parcel \ud800") == spelled(tokenizer, "parcel ?")


@pytest.mark.parametrize("text", ["🥐🥖", "مرحبا", "你好，请问", "a\x00b\x1b[2J", "e\u0301" * 50])
def test_any_script_has_tokens(tokenizer: Tokenizer, text: str) -> None:
    assert 2 < len(spelled(tokenizer, text)) <= LONGEST


def test_rows_are_padded_at_the_right() -> None:
    ids, mask = pad([np.array([5, 6, 7]), np.array([8])], pad_id=9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_a_row_without_tokens_is_all_padding() -> None:
    ids, mask = pad([np.array([], dtype=np.int64)], pad_id=9)
    assert (ids.tolist(), mask.tolist()) == ([[9]], [[0]])


@pytest.mark.parametrize("seed", range(5))
def test_every_row_is_in_one_batch_of_bounded_size(seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 200, size=300).tolist()
    batches = list(batches_by_length(lengths, max_rows=16, max_tokens=512))
    assert sorted(np.concatenate(batches).tolist()) == list(range(300))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or (len(batch) <= 16 and len(batch) * longest <= 512)


def test_rows_of_like_length_share_a_batch() -> None:
    batches = batches_by_length([3, 90, 4, 91], max_rows=2, max_tokens=1_000)
    assert [batch.tolist() for batch in batches] == [[0, 2], [1, 3]]
