"""The trunk, whole and cut in two, and the heads that read a message among the turns before it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from finetune.errors import FinetuneError
from finetune.network import (
    CONTEXT_TURNS,
    Heads,
    Outputs,
    Trunk,
    load_tokenizer,
    load_trunk,
    max_tokens,
    start_at_means,
)

IDS = torch.tensor([[2, 40, 41, 42, 43, 3], [2, 44, 3, 0, 0, 0]])
MASK = (IDS != 0).long()
SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}


def bert() -> nn.Module:
    return transformers.BertModel(transformers.BertConfig(**SIZES), add_pooling_layer=False)


def xlm_roberta(positions: int = 512) -> nn.Module:
    config = transformers.XLMRobertaConfig(
        **SIZES, pad_token_id=1, max_position_embeddings=positions
    )
    return transformers.XLMRobertaModel(config, add_pooling_layer=False)


def mpnet() -> nn.Module:
    """A position bias beside its layers, which all of them use."""
    config = transformers.MPNetConfig(**SIZES)
    return transformers.MPNetModel(config, add_pooling_layer=False)


def distilbert() -> nn.Module:
    """Its layers go by other names."""
    return transformers.DistilBertModel(
        transformers.DistilBertConfig(vocab_size=64, dim=32, n_layers=4, n_heads=2, hidden_dim=48)
    )


def deberta() -> nn.Module:
    """A convolution between its first layer and the second."""
    return transformers.DebertaV2Model(
        transformers.DebertaV2Config(**{**SIZES, "conv_kernel_size": 3})
    )


def electra() -> nn.Module:
    """A projection between its embeddings and its layers."""
    return transformers.ElectraModel(transformers.ElectraConfig(**SIZES, embedding_size=16))


def trunk_of(make: Callable[[], nn.Module], pooling: str = "mean", frozen_layers: int = 2) -> Trunk:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Trunk(make(), pooling, frozen_layers).eval()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("make", [bert, xlm_roberta, mpnet])
def test_lower_and_upper_make_the_whole(make: Callable[[], nn.Module], pooling: str) -> None:
    trunk = trunk_of(make, pooling)
    with torch.no_grad():
        whole = trunk(IDS, MASK)
        parts = trunk.upper(trunk.lower(IDS, MASK), MASK)
        again = trunk(IDS, MASK)
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(again, whole, atol=0, rtol=0)  # cutting leaves no trace


@pytest.mark.parametrize("make", [bert, xlm_roberta, mpnet])
def test_training_cannot_change_what_lies_below_the_cut(make: Callable[[], nn.Module]) -> None:
    trunk = trunk_of(make)
    with torch.no_grad():
        before = trunk.lower(IDS, MASK), trunk(IDS, MASK)
        for parameter in trunk.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
        after = trunk.lower(IDS, MASK), trunk(IDS, MASK)
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])


@pytest.mark.parametrize("make", [distilbert, deberta, electra])
def test_what_cannot_be_cut_is_trained_whole(make: Callable[[], nn.Module]) -> None:
    trunk = trunk_of(make)
    assert trunk.frozen_layers == 0
    frozen = [p for p in trunk.parameters() if not p.requires_grad]
    assert [tuple(p.shape) for p in frozen] == [tuple(_word_table(trunk).shape)]


def _word_table(trunk: Trunk) -> Tensor:
    table: nn.Embedding = trunk.encoder.get_input_embeddings()  # type: ignore[operator]
    return table.weight


@pytest.mark.parametrize("make", [bert, mpnet, distilbert])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_padding_does_not_change_a_vector(make: Callable[[], nn.Module], pooling: str) -> None:
    trunk = trunk_of(make, pooling)
    with torch.no_grad():
        together, alone = trunk(IDS, MASK)[1:], trunk(IDS[1:, :3], MASK[1:, :3])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_vectors_have_unit_length() -> None:
    with torch.no_grad():
        lengths = trunk_of(bert)(IDS, MASK).norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones(2))


def test_a_text_without_tokens_has_a_finite_vector() -> None:
    with torch.no_grad():
        assert trunk_of(bert)(torch.tensor([[0]]), torch.tensor([[0]])).isfinite().all()


def test_texts_are_cut_where_the_encoder_has_no_more_positions() -> None:
    trunk = trunk_of(lambda: xlm_roberta(positions=40))
    longest = torch.full((1, max_tokens(trunk)), 7)
    assert 32 < longest.shape[1] < 40 < max_tokens(trunk_of(xlm_roberta))
    with torch.no_grad():
        assert trunk(longest, torch.ones_like(longest)).isfinite().all()


# --- the heads -----------------------------------------------------------------------------------


@pytest.fixture
def turns() -> Tensor:
    return torch.nn.functional.normalize(torch.randn(3, CONTEXT_TURNS, 32), dim=-1)


@pytest.fixture
def speakers() -> Tensor:
    return torch.tensor([0] * (CONTEXT_TURNS - 3) + [1, 2, 1]).repeat(3, 1)


def shaken_heads(classes: int = 4) -> Heads:
    """Heads whose every weight is used, unlike those of an untrained model."""
    heads = Heads(32, Outputs(classes)).eval()
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.add_(torch.randn_like(parameter) / 10)
    return heads


def test_untrained_heads_know_what_the_vectors_know(turns: Tensor, speakers: Tensor) -> None:
    heads = Heads(32, Outputs(3)).eval()
    start_at_means(heads.intents, turns[:, -1])
    with torch.no_grad():
        output = heads(turns, speakers)
    assert output.message_logits.argmax(-1).tolist() == [0, 1, 2]
    assert torch.equal(output.message_logits, output.context_logits)
    torch.testing.assert_close(output.queries, turns[:, -1])


def test_where_no_turn_was_its_vector_does_not_matter(turns: Tensor, speakers: Tensor) -> None:
    heads, other = shaken_heads(), turns.clone()
    other[speakers == 0] = 5.0
    with torch.no_grad():
        one, two = heads(turns, speakers), heads(other, speakers)
    torch.testing.assert_close(one.context_logits, two.context_logits)
    torch.testing.assert_close(one.queries, two.queries)


def test_what_was_said_and_who_said_it_matters(turns: Tensor, speakers: Tensor) -> None:
    heads, said, swapped = shaken_heads(), turns.clone(), speakers.clone()
    said[:, -2] = -said[:, -2]
    swapped[:, -2] = 1
    with torch.no_grad():
        first = heads(turns, speakers)
        for output in (heads(said, speakers), heads(turns, swapped)):
            assert not torch.allclose(output.queries, first.queries, atol=1e-4)
            assert torch.equal(output.message_logits, first.message_logits)


def test_heads_without_intents_give_queries_only(turns: Tensor, speakers: Tensor) -> None:
    output = Heads(32, Outputs(0)).eval()(turns, speakers)
    assert output.message_logits.shape == output.context_logits.shape == (3, 0)
    assert output.queries.shape == (3, 32)


# --- from disk -----------------------------------------------------------------------------------


def test_a_trunk_is_loaded_with_its_lower_half_frozen(tiny_encoder: Path) -> None:
    trunk = load_trunk(str(tiny_encoder))
    assert (trunk.dimension, trunk.frozen_layers, trunk.pooling) == (64, 1, "mean")


def test_a_tokenizer_neither_pads_nor_cuts(tiny_encoder: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(load_tokenizer(str(tiny_encoder)))
    lengths = [len(row.ids) for row in tokenizer.encode_batch(["bread", "bread " * 500])]
    assert lengths == [3, 502]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [None, b"", b'{"half'])
def test_an_incomplete_encoder_is_refused_in_one_sentence(
    tiny_encoder: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = Path(shutil.copytree(tiny_encoder, tmp_path / "encoder"))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(FinetuneError, match=r"^the encoder '.*encoder' could not be loaded \("):
        load_trunk(str(folder))


def test_an_encoder_that_no_hub_gives_is_refused_in_one_sentence() -> None:
    for load in (load_trunk, load_tokenizer):
        with pytest.raises(FinetuneError, match=r"'nobody/nothing' could not be loaded \("):
            load("nobody/nothing")


def test_an_encoder_pooled_by_its_longest_number_is_refused(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    published: Any = SentenceTransformer(str(tiny_encoder), device="cpu")
    published[1].pooling_mode = "max"
    published.save(str(tmp_path / "encoder"))
    with pytest.raises(FinetuneError, match="pools its tokens by 'max'; choose one that takes"):
        load_trunk(str(tmp_path / "encoder"))
