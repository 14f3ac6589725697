"""Going on from the live version: what is new is learnt, what is old stays known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune import registry, retraining
from finetune.conversation import Conversation
from finetune.methods import Method
from finetune.run import Request, Result, finetune

Chat = Callable[..., Conversation]
MakeRequest = Callable[..., Request]


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def returns(chat: Chat, count: int) -> list[Conversation]:
    """Chats about an intent that the bakery has never heard of."""
    return [
        chat(
            f"new{n}",
            ("customer", f"the cake number {n} came broken", "order/return"),
            ("agent", "Bring it back please"),
            split=("train", "validation", "test")[n % 3],
        )
        for n in range(count)
    ]


def read_json(request: Request, result: Result, name: str) -> Any:
    return json.loads((request.models / result.version / name).read_text("utf-8"))


@pytest.fixture
def live(make_request: MakeRequest) -> Request:
    """A request whose version is live."""
    request = make_request(epochs=3)
    registry.use(request.models, finetune(request, silent).version)
    return request


def test_nothing_is_gone_on_from_before_a_version_is_live(make_request: MakeRequest) -> None:
    request = make_request()
    finetune(request, silent)
    assert retraining.live_version(request.models, request.source, request.method) is None


@pytest.mark.usefixtures("live")
def test_new_chats_go_on_from_the_live_version(
    make_request: MakeRequest, chat: Chat, bakery_chats: list[Conversation]
) -> None:
    more = make_request(conversations=[*bakery_chats, *returns(chat, 6)])
    result = finetune(more, silent)
    assert result.version == "v2"
    assert "goes on from v1: 2 new chats to learn from, 8 old ones repeated" in result.notes
    assert read_json(more, result, "settings.json")["start"] == "v1"
    assert read_json(more, result, "labels.json") == ["order/return", "order/track", "thanks"]


@pytest.mark.usefixtures("live")
def test_chats_that_left_the_folder_are_remembered(make_request: MakeRequest, chat: Chat) -> None:
    """Only the new chats are given: the old intents are still taught, and still judged."""
    alone = make_request(conversations=returns(chat, 9))
    result = finetune(alone, silent)
    assert read_json(alone, result, "labels.json") == ["order/return", "order/track", "thanks"]
    assert any("16 of them from its memory" in note for note in result.notes)
    assert result.metrics["test"]["intent"]["n"] == 8 + 3


@pytest.mark.usefixtures("live")
def test_a_fresh_run_knows_what_it_is_given_alone(make_request: MakeRequest, chat: Chat) -> None:
    greeting = chat("hi", ("customer", "hello", "greet"), split="train")
    alone = make_request(conversations=[greeting, *returns(chat, 9)], fresh=True)
    result = finetune(alone, silent)
    assert read_json(alone, result, "labels.json") == ["greet", "order/return"]
    assert read_json(alone, result, "settings.json")["start"] is None


def test_chats_stay_in_the_part_they_were_in(
    make_request: MakeRequest, bakery_chats: list[Conversation], chat: Chat
) -> None:
    unmarked = [c.model_copy(update={"split": None}) for c in bakery_chats * 2]
    chats = [c.model_copy(update={"id": f"{n}"}) for n, c in enumerate(unmarked)]
    first = make_request(conversations=chats)
    result = finetune(first, silent)
    registry.use(first.models, result.version)
    more = make_request(conversations=[*chats, *returns(chat, 12)])
    before = read_json(first, result, "settings.json")["splits"]
    after = read_json(more, finetune(more, silent), "settings.json")["splits"]
    for part, ids in before.items():
        assert set(ids) <= set(after[part])


def test_another_encoder_starts_afresh(live: Request) -> None:
    from finetune.encoder import EncoderSource

    assert retraining.live_version(live.models, live.source, live.method) is not None
    assert retraining.live_version(live.models, EncoderSource("another"), live.method) is None


def test_another_way_to_train_starts_afresh(live: Request) -> None:
    assert retraining.live_version(live.models, live.source, Method("frozen")) is None


def test_a_damaged_live_version_is_not_gone_on_from(live: Request) -> None:
    weights = live.models / "v1" / retraining.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    assert retraining.live_version(live.models, live.source, live.method) is None


def test_a_run_that_goes_on_starts_from_the_same_answers(
    live: Request,
) -> None:
    """Rows of known intents are taken over by name, wherever they are among the new ones."""
    import torch
    from safetensors.torch import load_file

    from finetune.judging import Names
    from finetune.network import Heads, Outputs, load_trunk

    earlier = retraining.live_version(live.models, live.source, live.method)
    assert earlier is not None
    names = Names(intents=["a new one", "order/track", "thanks"])
    trunk = load_trunk(live.source.name)
    heads = Heads(trunk.dimension, Outputs(3))
    untouched = heads.intents.weight[0].detach().clone()
    retraining.take_weights(trunk, heads, earlier, names)
    state = load_file(earlier.weights)
    torch.testing.assert_close(heads.intents.weight[1:].detach(), state["heads.intents.weight"])
    torch.testing.assert_close(heads.intents.weight[0].detach(), untouched)
    for name, parameter in trunk.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.detach(), state[f"trunk.{name}"])


def test_tags_are_taken_over_by_name(tiny_encoder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from finetune.judging import Names
    from finetune.network import Heads, Outputs, load_trunk

    trunk, heads = load_trunk(str(tiny_encoder)), Heads(64, Outputs(2, tags=5))
    before, after = Heads(64, Outputs(2, tags=5)).tags, heads.tags
    assert before is not None
    assert after is not None
    with torch.no_grad():
        before.start.copy_(torch.arange(5))
        before.transitions.copy_(torch.arange(25).view(5, 5))
    save_file({f"heads.tags.{n}": p for n, p in before.state_dict().items()}, tmp_path / "w")
    earlier = retraining.Earlier(
        "v1", Names((), ["city", "date"], ()), {}, {}, (), tmp_path / "w", "upper"
    )
    retraining.take_weights(trunk, heads, earlier, Names((), ["airport", "city"], ()))
    torch.testing.assert_close(after.lstm.weight_hh_l0, before.lstm.weight_hh_l0)
    torch.testing.assert_close(after.out.weight[[0, 3, 4]], before.out.weight[:3])
    assert after.start.tolist() == [0, 0, 0, 1, 2]
    assert after.transitions[3].tolist() == [5, 0, 0, 6, 7]
    assert after.transitions[1].tolist() == [0] * 5


def test_every_intent_is_remembered(chat: Chat) -> None:
    from finetune.examples import Splits

    common = [chat(f"c{n}", ("customer", f"hello {n}", "greet")) for n in range(1500)]
    rare = [chat(f"r{n}", ("customer", f"refund {n}", "refund")) for n in range(5)]
    remembered = list(retraining.remember(Splits([*common, *rare], [], [], [], []), seed=1))
    assert len(remembered) == retraining.REMEMBERED["train"]
    assert sum(c.id.startswith("r") for c in remembered) == 5
