"""Ways to train a trunk: which of its weights change, and what is put beside them.

    top      the upper half of the layers, as `load_trunk` leaves it
    full     all layers, and all of the embeddings but the table of words
    lora     low-rank changes to the upper layers' matrices (arXiv:2106.09685)
    adalora  the same, the ranks shared out by what they bring (arXiv:2303.10512)
    prefix   learned keys and values beside those of the text in the upper layers' attention
    adapter  a bottleneck behind each sublayer of the upper layers (arXiv:1902.00751)
    frozen   nothing: the heads alone are trained

Every way starts at the pretrained vectors exactly. All but `full` leave the lower half as it is, so
what `Lower` keeps of it holds. An encoder that has no such cut is changed in all its layers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from finetune.errors import FinetuneError
from finetune.network import Trunk

if TYPE_CHECKING:
    from peft import AdaLoraModel

NAMES = ("top", "full", "lora", "adalora", "prefix", "adapter", "frozen")
LEARNING_RATES: Mapping[str, float] = {
    "top": 2e-4,
    "full": 1e-4,
    "lora": 3e-3,
    "adalora": 1e-2,
    "prefix": 3e-3,
    "adapter": 3e-3,
    "frozen": 2e-4,
}
PART = "frontdesk"  # what peft calls the weights it puts in
WRITERS = ("output.dense", "attention.attn.o")  # end each sublayer: BERT's kin, and MPNet


@dataclass(frozen=True, slots=True)
class Method:
    """A way to train by its name, and the size of what it adds.

    `rank` is that of LoRA, and the mean that AdaLoRA ends at; `prefix` the number of keys of a
    prefix; `width` that of an adapter. Raises FinetuneError for a name that is none.
    """

    name: str = "top"
    rank: int = 8
    prefix: int = 16
    width: int = 48

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise FinetuneError(
                f"finetune.method: {self.name!r} is no way to train; write one of "
                f"{', '.join(NAMES)}"
            )
        for size in ("rank", "prefix", "width"):
            if getattr(self, size) < 1:
                raise FinetuneError(f"finetune.{size}: {getattr(self, size)} is not 1 or more")

    @property
    def learning_rate(self) -> float:
        """Of the weights in the trunk; the heads have their own."""
        return LEARNING_RATES[self.name]

    @property
    def merges(self) -> bool:
        """True where `merge` leaves an encoder of the plain layout."""
        return self.name not in ("prefix", "adapter")


def apply(trunk: Trunk, method: Method) -> list[nn.Parameter]:
    """Prepare a pretrained trunk for `method`; returns the parameters that train.

    Call it once, before `Lower` reads any text. What is added is drawn with torch's seed. Raises
    FinetuneError where the encoder has nothing that the method could change.
    """
    _APPLY[method.name](trunk, method)
    return [parameter for parameter in trunk.parameters() if parameter.requires_grad]


def plain_name(name: str) -> str:
    """A parameter's name as it is without LoRA around its layer, which is how it is once merged."""
    return name.replace(".base_layer.", ".")


def merge(trunk: Trunk) -> None:
    """Fold LoRA and AdaLoRA into the weights they change, so that a plain encoder is left.

    What they changed then requires a gradient, as everything does that differs from the pretrained
    encoder. Prefixes and adapters do not fold; they stay and are exported as they are.
    """
    for name, layer in list(trunk.encoder.named_modules()):
        if hasattr(layer, "get_base_layer"):
            layer.merge()
            trunk.encoder.set_submodule(name, layer.get_base_layer().requires_grad_(True))
    if hasattr(trunk.encoder, "peft_config"):
        del trunk.encoder.peft_config
    if _adalora(trunk):
        del trunk.adalora


# --- what AdaLoRA needs beside the loss ----------------------------------------------------------


def penalty(trunk: Trunk) -> Tensor:
    """AdaLoRA's pull to orthogonal factors, mean of |PP' - 1|, halved (its equation 4); else 0."""
    if not _adalora(trunk):
        return torch.zeros(())
    factors = [
        parameter if ".lora_A." in name else parameter.T
        for name, parameter in trunk.encoder.named_parameters()
        if ".lora_A." in name or ".lora_B." in name
    ]
    gaps = [
        torch.linalg.norm(factor @ factor.T - torch.eye(len(factor), device=factor.device))
        for factor in factors
    ]
    return 0.5 * torch.stack(gaps).mean()


def after_step(trunk: Trunk, step: int, total: int) -> None:
    """Share out AdaLoRA's ranks; for other ways nothing.

    Call it after the optimiser's step `step` (from 1) of `total`, while the gradients are there.
    Ranks fall from the end of the first tenth until the last third.
    """
    tuner = _adalora(trunk)
    if not tuner:
        return
    config = tuner.peft_config[PART]
    config.total_step, config.tinit, config.tfinal = total, total // 10, total // 3
    config.deltaT = max(1, total // 100)
    if config.rank_pattern or step <= total - config.tfinal:
        tuner.update_and_allocate(step)


def state(trunk: Trunk) -> dict[str, Tensor]:
    """What AdaLoRA remembers from step to step beside its weights, by name; else nothing."""
    tuner = _adalora(trunk)
    if not tuner:
        return {}
    kept = {
        f"{kind}/{name}": value.detach().clone()
        for kind in _MEMORIES
        for name, value in getattr(tuner.rankallocator, kind).items()
    }
    pattern = tuner.peft_config[PART].rank_pattern or {}
    return kept | {f"pattern/{name}": torch.tensor(ranks) for name, ranks in pattern.items()}


def set_state(trunk: Trunk, kept: Mapping[str, Tensor]) -> None:
    """Take up what `state` gave."""
    tuner = _adalora(trunk)
    if not tuner:
        return
    for kind in _MEMORIES:
        setattr(tuner.rankallocator, kind, dict(_under(f"{kind}/", kept)))
    pattern = {name: ranks.tolist() for name, ranks in _under("pattern/", kept)}
    tuner.peft_config[PART].rank_pattern = pattern or None


_MEMORIES = ("ipt", "exp_avg_ipt", "exp_avg_unc")


def _under(prefix: str, kept: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, value in kept.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), value.clone()


class _AdaLora(nn.Module):
    """Keeps peft's tuner at the trunk. In a tuple: as a module of it, it would be the encoder once
    more."""

    def __init__(self, tuner: "AdaLoraModel") -> None:
        super().__init__()
        self.held = (tuner,)


def _adalora(trunk: Trunk) -> Any:
    found = getattr(trunk, "adalora", None)
    return found.held[0] if found else None


# --- the ways ------------------------------------------------------------------------------------


def _top(_trunk: Trunk, _: Method) -> None:
    """As the trunk is loaded."""


def _full(trunk: Trunk, _: Method) -> None:
    trunk.frozen_layers = 0
    trunk.encoder.requires_grad_(True)
    trunk.encoder.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]


def _frozen(trunk: Trunk, _: Method) -> None:
    """All layers lie below the cut, so that a text's states are computed once."""
    trunk.encoder.requires_grad_(False)
    if trunk.frozen_layers:
        trunk.frozen_layers = len(trunk.encoder.encoder.layer)  # type: ignore[union-attr,arg-type]


def _lora(trunk: Trunk, method: Method) -> None:
    peft = _peft(method)
    names = [name for name, _ in _trained(trunk, method, _is_linear)]
    config = peft.LoraConfig(r=method.rank, lora_alpha=2 * method.rank, target_modules=names)
    peft.LoraModel(trunk.encoder, config, PART)


def _adalora_way(trunk: Trunk, method: Method) -> None:
    peft = _peft(method)
    config = peft.AdaLoraConfig(
        init_r=method.rank + (method.rank + 1) // 2,  # half as much again, as in the paper
        target_r=method.rank,
        lora_alpha=2 * method.rank,
        target_modules=[name for name, _ in _trained(trunk, method, _is_linear)],
        total_step=1,  # `after_step` knows it
    )
    trunk.add_module("adalora", _AdaLora(peft.AdaLoraModel(trunk.encoder, config, PART)))


def _prefix(trunk: Trunk, method: Method) -> None:
    found = _trained(trunk, method, _is_bert_attention)
    _replace(trunk, {name: PrefixedAttention(layer, method.prefix) for name, layer in found})


def _adapter(trunk: Trunk, method: Method) -> None:
    found = _trained(trunk, method, _ends_a_sublayer)
    _replace(trunk, {name: Bottleneck(layer, method.width) for name, layer in found})


_APPLY: Mapping[str, Callable[[Trunk, Method], None]] = {
    "top": _top,
    "full": _full,
    "lora": _lora,
    "adalora": _adalora_way,
    "prefix": _prefix,
    "adapter": _adapter,
    "frozen": _frozen,
}


def _peft(method: Method) -> Any:
    try:
        import peft
    except ImportError as error:
        raise FinetuneError(
            f"finetune.method: {method.name} needs the package peft, which is not installed; "
            "install it with pip install peft, or write another method"
        ) from error
    return peft


def _trained(
    trunk: Trunk, method: Method, wanted: Callable[[str, nn.Module], bool]
) -> list[tuple[str, nn.Module]]:
    """The wanted modules of the layers that train, by their names in the encoder."""
    found = [
        (name, module)
        for name, module in trunk.encoder.named_modules()
        if wanted(name, module) and all(p.requires_grad for p in module.parameters())
    ]
    if not found:
        kind = type(trunk.encoder).__name__
        raise FinetuneError(
            f"finetune.method: {method.name} does not know its way about the layers of this "
            f"encoder ({kind}); write top or full"
        )
    return found


def _is_linear(_: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


def _ends_a_sublayer(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and name.endswith(WRITERS)


def _is_bert_attention(name: str, module: nn.Module) -> bool:
    return name.endswith("attention.self") and hasattr(module, "attention_head_size")


def _replace(trunk: Trunk, modules: Mapping[str, nn.Module]) -> None:
    trunk.encoder.requires_grad_(False)
    for name, module in modules.items():
        trunk.encoder.set_submodule(name, module)


class Bottleneck(nn.Module):
    """A linear layer and, behind it, an adapter: down to `width`, GELU, up again, added.

    Houlsby et al. 2019 (arXiv:1902.00751); the way up starts at zero.
    """

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        outputs = int(layer.out_features)  # type: ignore[arg-type]
        self.layer = layer
        self.down, self.up = nn.Linear(outputs, width), nn.Linear(width, outputs)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        made: Tensor = self.layer(hidden)
        return made + self.up(nn.functional.gelu(self.down(made)))  # type: ignore[no-any-return]


class PrefixedAttention(nn.Module):
    """An attention layer and, added to what it gives, attention to `length` learned keys.

    Prefix tuning (arXiv:2101.00190) in the form of a sum, which He et al. 2022 (arXiv:2110.04366,
    equation 7) show it to be; its share is a gate for each head that starts at zero, as in
    LLaMA-Adapter (arXiv:2303.16199), so that training starts at the pretrained vectors.
    """

    def __init__(self, attention: nn.Module, length: int) -> None:
        super().__init__()
        self.attention = attention
        self.heads = int(attention.num_attention_heads)  # type: ignore[arg-type]
        self.size = int(attention.attention_head_size)  # type: ignore[arg-type]
        self.keys = nn.Parameter(torch.randn(self.heads, length, self.size))
        self.values = nn.Parameter(torch.randn(self.heads, length, self.size))
        self.gate = nn.Parameter(torch.zeros(self.heads, 1, 1))

    def forward(self, hidden: Tensor, *others: Any, **named: Any) -> tuple[Any, ...]:
        attended, *rest = self.attention(hidden, *others, **named)
        queries = self.attention.query(hidden)  # type: ignore[operator]
        queries = queries.unflatten(-1, (self.heads, self.size)).transpose(1, 2)
        weights = (queries @ self.keys.transpose(1, 2) / self.size**0.5).softmax(-1)
        added = (self.gate * (weights @ self.values)).transpose(1, 2).flatten(2)
        return attended + added, *rest
