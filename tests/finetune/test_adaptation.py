"""Adapting to unlabelled texts: what is learnt, what is left alone, and what is held."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from finetune.adaptation import Adaptation, Writer, _without_some, adapt
from finetune.network import Trunk, load_tokenizer, load_trunk
from finetune.tokens import TokenIds, token_ids
from finetune.tokens import load_tokenizer as fast_tokenizer

TEXTS = [
    f"{ask} {what} {day}"
    for ask in ("where is my", "cancel the", "is there", "i complain about the")
    for what in ("parcel", "order", "bread", "cake", "voucher")
    for day in ("monday", "friday", "sunday")
]


@pytest.fixture
def trunk(tiny_encoder: Path) -> Trunk:
    return load_trunk(str(tiny_encoder))


@pytest.fixture(scope="session")
def rows(tiny_encoder: Path) -> list[TokenIds]:
    return token_ids(fast_tokenizer(load_tokenizer(str(tiny_encoder)), 64), TEXTS)


def run(trunk: Trunk, rows: Sequence[TokenIds], **how: float) -> dict[str, float]:
    chosen = Adaptation(learning_rate=2e-3, batch_tokens=64, **how)  # type: ignore[arg-type]
    return adapt(trunk, rows, 0, 7, lambda *_: None, chosen)


def weights(trunk: Trunk) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trunk.state_dict().items()}


def test_the_writer_learns_to_write_the_texts(tiny_encoder: Path, rows: list[TokenIds]) -> None:
    once, often = (
        run(load_trunk(str(tiny_encoder)), rows, epochs=epochs, hold=0.0) for epochs in (1, 6)
    )
    assert often["writing"] < 0.8 * once["writing"]


def test_the_vector_tells_the_writer_what_the_text_is() -> None:
    """Only the vectors tell these two texts apart from their first word on."""
    torch.manual_seed(0)
    words, vectors = torch.randn(4, 32), functional.normalize(torch.randn(2, 32), dim=-1)
    writer, texts = Writer(words, longest=4), torch.tensor([[0, 1, 2], [0, 2, 1]])
    optimizer = torch.optim.Adam(writer.parameters(), lr=0.01)
    for _ in range(60):
        loss = functional.cross_entropy(writer(vectors, texts[:, :2]).mT, texts[:, 1:])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert writer(vectors, texts[:, :2]).argmax(-1).tolist() == texts[:, 1:].tolist()


def test_the_writer_sees_no_word_before_it_is_written() -> None:
    writer, vectors = Writer(torch.randn(9, 32), longest=6), torch.randn(1, 32)
    logits = writer(vectors, torch.tensor([[1, 2, 3, 4]]))
    other = writer(vectors, torch.tensor([[1, 2, 8, 7]]))
    torch.testing.assert_close(logits[:, :2], other[:, :2])
    assert not torch.allclose(logits[:, 2:], other[:, 2:])


def test_only_the_layers_that_train_are_adapted(trunk: Trunk, rows: list[TokenIds]) -> None:
    before = weights(trunk)
    run(trunk, rows)
    changed = {name for name, value in weights(trunk).items() if not value.equal(before[name])}
    assert changed == {name for name, p in trunk.named_parameters() if p.requires_grad}


def test_the_hold_holds(tiny_encoder: Path, rows: list[TokenIds]) -> None:
    free, held = (
        run(load_trunk(str(tiny_encoder)), rows, epochs=2, hold=hold) for hold in (0.0, 50.0)
    )
    assert held["hold"] < free["hold"]


def test_the_same_seed_adapts_the_same(tiny_encoder: Path, rows: list[TokenIds]) -> None:
    first, again = load_trunk(str(tiny_encoder)), load_trunk(str(tiny_encoder))
    run(first, rows)
    run(again, rows)
    assert all(value.equal(weights(again)[name]) for name, value in weights(first).items())


def test_texts_without_words_adapt_nothing(trunk: Trunk) -> None:
    before = weights(trunk)
    assert run(trunk, [np.array([2, 3]), np.array([], np.int64)]) == {}
    assert all(value.equal(before[name]) for name, value in weights(trunk).items())


def test_a_frozen_trunk_is_not_adapted(trunk: Trunk, rows: list[TokenIds]) -> None:
    trunk.requires_grad_(False)
    assert run(trunk, rows) == {}


def test_no_more_is_read_than_the_most_tokens(trunk: Trunk, rows: list[TokenIds]) -> None:
    steps: list[int] = []
    few = Adaptation(batch_tokens=16, most_tokens=40)
    adapt(trunk, rows, 0, 7, lambda _, of: steps.append(of), few)
    assert steps == [steps[-1]] * steps[-1]
    assert steps[-1] <= 5


def test_progress_comes_to_its_end(trunk: Trunk, rows: list[TokenIds]) -> None:
    seen: list[tuple[int, int]] = []
    adapt(trunk, rows, 0, 7, lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


@pytest.mark.parametrize("deleted", [0.0, 0.6, 1.0])
def test_what_a_text_loses(deleted: float) -> None:
    rng, row = np.random.default_rng(0), np.arange(100, 1100)
    kept = _without_some(row, deleted, rng)
    assert kept[0] == 100
    assert kept[-1] == 1099
    assert np.all(np.diff(kept) > 0)
    assert len(kept) == pytest.approx(max(3, 1000 * (1 - deleted)), rel=0.1)
