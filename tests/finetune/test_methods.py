"""Ways to train: where each starts, what it changes, and what is left when it is done."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from finetune import methods
from finetune.encoder import EncoderSource
from finetune.errors import FinetuneError
from finetune.export import export_trunk
from finetune.methods import NAMES, Bottleneck, Method, PrefixedAttention, apply, merge
from finetune.network import Trunk, load_trunk

IDS = torch.tensor([[2, 40, 41, 42, 3], [2, 50, 3, 0, 0]])
MASK = (IDS != 0).long()


@pytest.fixture
def trunk(tiny_encoder: Path) -> Trunk:
    torch.manual_seed(0)
    return load_trunk(str(tiny_encoder)).eval()


def vectors(trunk: Trunk) -> Tensor:
    with torch.no_grad():
        return trunk.eval()(IDS, MASK)  # type: ignore[no-any-return]


def train(trunk: Trunk, parameters: list[torch.nn.Parameter], steps: int = 8) -> None:
    """Turn the vectors away from where they start."""
    optimizer, start = torch.optim.AdamW(parameters, lr=0.02), vectors(trunk)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        ((trunk(IDS, MASK) * start).sum() + methods.penalty(trunk)).backward()
        optimizer.step()
        methods.after_step(trunk, step, steps)


# --- every way -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_way_starts_at_the_pretrained_vectors(trunk: Trunk, name: str) -> None:
    before = vectors(trunk)
    apply(trunk, Method(name))
    torch.testing.assert_close(vectors(trunk), before, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "frozen"])
def test_training_changes_the_vectors_by_what_was_returned_alone(trunk: Trunk, name: str) -> None:
    parameters = apply(trunk, Method(name))
    trained = {id(parameter) for parameter in parameters}
    others = {n: p.clone() for n, p in trunk.named_parameters() if id(p) not in trained}
    before = vectors(trunk)
    train(trunk, parameters)
    assert (vectors(trunk) - before).abs().max() > 0.001
    now = dict(trunk.named_parameters())
    assert all(torch.equal(now[name], value) for name, value in others.items())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_of_the_lower_half_still_holds(trunk: Trunk, name: str) -> None:
    parameters = apply(trunk, Method(name))
    if not trunk.frozen_layers:
        pytest.skip("nothing is kept")
    with torch.no_grad():
        kept = trunk.lower(IDS, MASK)
    if parameters:
        train(trunk, parameters)
    with torch.no_grad():
        torch.testing.assert_close(trunk.upper(kept, MASK), vectors(trunk), atol=1e-5, rtol=0)


def test_only_full_gives_up_the_cut(tiny_encoder: Path) -> None:
    cuts = {}
    for name in NAMES:
        trunk = load_trunk(str(tiny_encoder))
        apply(trunk, Method(name))
        cuts[name] = trunk.frozen_layers
    assert cuts == dict.fromkeys(NAMES, 1) | {"full": 0, "frozen": 2}


def test_how_much_each_way_trains(tiny_encoder: Path) -> None:
    sizes = {}
    for name in NAMES:
        trained = apply(load_trunk(str(tiny_encoder)), Method(name, rank=2, prefix=2, width=2))
        sizes[name] = sum(parameter.numel() for parameter in trained)
    assert sizes["frozen"] == 0
    assert 0 < max(sizes[name] for name in ("lora", "adalora", "prefix", "adapter")) < sizes["top"]
    assert sizes["top"] < sizes["full"]


def test_the_table_of_words_is_never_trained(trunk: Trunk) -> None:
    apply(trunk, Method("full"))
    words = trunk.encoder.embeddings.word_embeddings.weight  # type: ignore[union-attr]
    assert not words.requires_grad
    assert all(p.requires_grad for p in trunk.parameters() if p is not words)


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_graph_gives_the_trained_vectors(
    trunk: Trunk, tmp_path: Path, name: str
) -> None:
    import onnxruntime

    parameters = apply(trunk, Method(name))
    if parameters:
        train(trunk, parameters)
    merge(trunk)
    wanted = vectors(trunk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_trunk(trunk, "{}", EncoderSource("tiny"), 0, tmp_path)
    graph = onnxruntime.InferenceSession(str(tmp_path / "trunk.onnx"))
    served = graph.run(None, {"ids": IDS.numpy(), "mask": MASK.numpy()})[0]
    np.testing.assert_allclose(served, wanted.numpy(), atol=1e-5)


# --- merging -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lora", "adalora"])
def test_low_ranks_fold_into_a_plain_encoder(trunk: Trunk, name: str) -> None:
    plain = set(trunk.state_dict())
    train(trunk, apply(trunk, Method(name)))
    before = vectors(trunk)
    merge(trunk)
    assert set(trunk.state_dict()) == plain
    assert {type(module).__module__.split(".")[0] for module in trunk.modules()}.isdisjoint(
        {"peft"}
    )
    torch.testing.assert_close(vectors(trunk), before, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["lora", "adalora"])
def test_a_layer_keeps_its_name_inside_a_low_rank(trunk: Trunk, name: str) -> None:
    plain = dict(trunk.named_parameters())
    apply(trunk, Method(name))
    named = {methods.plain_name(n): p for n, p in trunk.named_parameters()}
    assert all(named[n] is parameter for n, parameter in plain.items())


def test_what_was_folded_into_counts_as_trained(trunk: Trunk, tiny_encoder: Path) -> None:
    train(trunk, apply(trunk, Method("lora")))
    merge(trunk)
    fresh = dict(load_trunk(str(tiny_encoder)).named_parameters())
    changed = {n for n, p in trunk.named_parameters() if not torch.equal(p, fresh[n])}
    assert changed
    assert changed <= {n for n, p in trunk.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(("name", "kind"), [("prefix", PrefixedAttention), ("adapter", Bottleneck)])
def test_what_does_not_fold_stays(trunk: Trunk, name: str, kind: type) -> None:
    apply(trunk, Method(name))
    merge(trunk)
    assert not Method(name).merges
    assert any(isinstance(module, kind) for module in trunk.modules())


# --- AdaLoRA -------------------------------------------------------------------------------------


def ranks(trunk: Trunk) -> list[int]:
    """How many directions of each matrix are in use."""
    named = trunk.named_parameters()
    return [int((value != 0).sum()) for name, value in named if ".lora_E." in name]


def test_adalora_ends_at_the_mean_rank_that_was_asked_for(trunk: Trunk) -> None:
    parameters = apply(trunk, Method("adalora", rank=4))
    train(trunk, parameters, steps=3)
    fallen = len(ranks(trunk)) * 4
    assert sum(ranks(trunk)) <= fallen
    train(trunk, parameters, steps=30)
    assert sum(ranks(trunk)) == fallen
    assert max(ranks(trunk)) > min(ranks(trunk))


def test_adalora_draws_its_factors_towards_orthogonal_ones(trunk: Trunk) -> None:
    parameters = apply(trunk, Method("adalora"))
    start = methods.penalty(trunk).item()
    train(trunk, parameters, steps=20)
    assert 0 < methods.penalty(trunk).item() < start


def test_other_ways_ask_for_nothing_beside_the_loss(trunk: Trunk) -> None:
    apply(trunk, Method("lora"))
    methods.after_step(trunk, 1, 10)
    assert methods.penalty(trunk).item() == 0
    assert methods.state(trunk) == {}


@pytest.mark.parametrize("done", [3, 8])
def test_adalora_goes_on_where_it_was_interrupted(tiny_encoder: Path, done: int) -> None:
    def begin() -> tuple[Trunk, list[torch.nn.Parameter]]:
        torch.manual_seed(3)
        trunk = load_trunk(str(tiny_encoder)).eval()
        return trunk, apply(trunk, Method("adalora", rank=2))

    def steps(trunk: Trunk, parameters: list[torch.nn.Parameter], numbers: range) -> None:
        for step in numbers:
            trunk.zero_grad()
            (trunk(IDS, MASK).sum() + methods.penalty(trunk)).backward()
            torch.optim.SGD(parameters, lr=0.5).step()
            methods.after_step(trunk, step, 10)

    whole, parameters = begin()
    steps(whole, parameters, range(1, 11))
    first, parameters = begin()
    steps(first, parameters, range(1, done + 1))
    second, restored = begin()
    with torch.no_grad():
        for old, new in zip(parameters, restored, strict=True):
            new.copy_(old)
    methods.set_state(second, methods.state(first))
    steps(second, restored, range(done + 1, 11))
    torch.testing.assert_close(vectors(second), vectors(whole))
    assert ranks(second) == ranks(whole)


# --- other encoders, and names that are none -----------------------------------------------------


def mpnet() -> Trunk:
    from transformers import MPNetConfig, MPNetModel

    config = MPNetConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=20,
    )
    return Trunk(MPNetModel(config, add_pooling_layer=False), "mean", 1)


def distilbert() -> Trunk:
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(vocab_size=60, dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    return Trunk(DistilBertModel(config), "mean", 1)


@pytest.mark.parametrize("name", ["top", "full", "lora", "adalora", "adapter", "frozen"])
def test_mpnet_trains_in_every_way_but_by_a_prefix(name: str) -> None:
    trunk = mpnet()
    before = vectors(trunk)
    parameters = apply(trunk, Method(name))
    torch.testing.assert_close(vectors(trunk), before, atol=1e-6, rtol=0)
    if parameters:
        train(trunk, parameters)
        assert (vectors(trunk) - before).abs().max() > 0.001


@pytest.mark.parametrize(
    ("make", "name"), [(mpnet, "prefix"), (distilbert, "prefix"), (distilbert, "adapter")]
)
def test_an_encoder_of_another_layout_is_refused(make: Callable[[], Trunk], name: str) -> None:
    with pytest.raises(FinetuneError, match=rf"^finetune\.method: {name} does not know"):
        apply(make(), Method(name))


def test_an_encoder_without_a_cut_takes_low_ranks_in_all_its_layers() -> None:
    trunk = distilbert()
    apply(trunk, Method("lora"))
    layers = {name.split(".")[3] for name, p in trunk.named_parameters() if p.requires_grad}
    assert layers == {"0", "1"}


@pytest.mark.parametrize("sizes", [{"name": "qlora"}, {"rank": 0}, {"prefix": -1}, {"width": 0}])
def test_a_method_that_cannot_be_is_refused(sizes: dict[str, Any]) -> None:
    with pytest.raises(
        FinetuneError, match=rf"^finetune\.({'method' if 'name' in sizes else next(iter(sizes))}): "
    ):
        Method(**sizes)
