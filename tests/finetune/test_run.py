"""A run from chats to a version: the same twice, the same after an interruption, and on odd data
either a version or one sentence."""

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune import registry
from finetune.conversation import Conversation
from finetune.encoder import EncoderSource
from finetune.errors import FinetuneError
from finetune.run import Request, Result, finetune, make_base, run_key, unchanged

Chat = Callable[..., Conversation]
Chats = list[Conversation]
MakeRequest = Callable[..., Request]

INTENT = {"n", "accuracy", "macro_f1", "group_accuracy", "ece"}
TASKS = {"intent", "multi_intent", "ranking", "entities", "sentiment", "scope", "search"}
RANKING = {"n", "r@1", "r@5", "r@10", "mrr"}
FILES = {
    *("trunk.onnx", "heads.onnx", "tokenizer.json", "encoder.json", "labels.json"),
    *("calibration.json", "metrics.json", "settings.json", "manifest.json"),
    *(f"{name}.{kind}" for name in registry.EVIDENCE.values() for kind in ("json", "safetensors")),
    "predictions.json",
    *("entities.json", "memory.jsonl", "trained.safetensors", "label_check.json", "questions.json"),
    *("scope.json", "scope.safetensors"),
}


@dataclass
class Watch:
    """Remembers the steps of training it is told, and interrupts once at the share `until`."""

    until: float = 2.0
    steps: list[int] = field(default_factory=list)

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage == "fine-tuning":
            self.steps.append(done)
            if done > self.until * total:
                raise KeyboardInterrupt


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def version_of(request: Request, result: Result) -> registry.VersionInfo:
    return registry.open_version(request.models, result.version)


def read_json(request: Request, name: str, version: str = "v1") -> Any:
    return json.loads((request.models / version / name).read_text("utf-8"))


def without_intents(chats: Chats) -> Chats:
    return [_mapped(chat, lambda turn: {**turn, "intents": ()}) for chat in chats]


def customers_only(chats: Chats) -> Chats:
    return [_mapped(chat, lambda t: t if t["speaker"] == "customer" else None) for chat in chats]


def all_about(intent: str, chats: Chats) -> Chats:
    return [
        _mapped(chat, lambda turn: {**turn, "intents": (intent,) if turn["intents"] else ()})
        for chat in chats
    ]


def _mapped(
    chat: Conversation, change: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Conversation:
    turns = [changed for turn in chat.turns if (changed := change(turn.model_dump()))]
    return Conversation.model_validate({**chat.model_dump(), "turns": turns})


# --- a version -----------------------------------------------------------------------------------


def test_a_run_makes_a_version_with_its_figures(make_request: MakeRequest) -> None:
    request = make_request()
    result = finetune(request, silent)
    info = version_of(request, result)
    assert (result.version, result.trained) == ("v1", True)
    assert {path.name for path in info.folder.iterdir()} == FILES
    assert set(result.metrics) == {"test", "frozen"}
    for figures in result.metrics.values():
        assert set(figures) == TASKS
        assert set(figures["intent"]) == INTENT
        assert set(figures["ranking"]) == RANKING
        assert figures["intent"]["n"] == figures["ranking"]["n"] == 8
    assert info.meta["metrics"] == result.metrics
    assert read_json(request, "labels.json") == ["order/track", "thanks"]
    splits = read_json(request, "settings.json")["splits"]
    for part, name in registry.EVIDENCE.items():
        chats = {record["conversation"] for record in read_json(request, f"{name}.json")}
        assert chats == set(splits[part])
    assert result.seconds > 0
    assert result.peak_mib > 0


def test_a_version_says_what_it_was_made_from(make_request: MakeRequest) -> None:
    request = make_request(seed=3, epochs=2)
    finetune(request, silent)
    settings = read_json(request, "settings.json")
    assert (settings["recipe"]["seed"], settings["recipe"]["epochs"]) == (3, 2)
    assert settings["source"]["name"] == request.source.name
    split = {name: len(chats) for name, chats in settings["splits"].items()}
    assert split == {"train": 8, "validation": 2, "calibration": 2, "test": 4}
    assert len(read_json(request, "metrics.json")["epochs"]) == 2


def test_it_is_not_made_live_and_nothing_else_is_left_behind(make_request: MakeRequest) -> None:
    request = make_request()
    finetune(request, silent)
    assert registry.current(request.models) is None
    assert {path.name for path in request.models.iterdir()} == {".training", "history.jsonl", "v1"}
    assert list((request.models / ".training").iterdir()) == []
    assert finetune(request, silent).version == "v2"


def test_the_number_of_epochs_can_be_left_to_the_data(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def three_passes(tokens: int) -> int:
        asked.append(tokens)
        return 3

    monkeypatch.setattr("finetune.material.epochs_for", three_passes)
    request = make_request(epochs="auto")
    finetune(request, silent)
    assert len(read_json(request, "metrics.json")["epochs"]) == 3
    assert 100 < asked[0] < 200  # 16 short messages


# --- the same again ------------------------------------------------------------------------------


def test_the_same_chats_and_seed_give_the_same_model(
    make_request: MakeRequest, tmp_path: Path, bakery_chats: Chats
) -> None:
    one = make_request(articles=["Nuts are used in the kitchen.", "Bread is baked at six."])
    other = make_request(
        articles=one.articles, conversations=bakery_chats[::-1], models=tmp_path / "again"
    )
    first, second = (version_of(r, finetune(r, silent)) for r in (one, other))
    for name in ("trunk.onnx", "heads.onnx"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()
    assert first.fingerprint == second.fingerprint  # of every file but the manifest


def test_another_seed_gives_another_model(make_request: MakeRequest, tmp_path: Path) -> None:
    one, other = make_request(seed=1), make_request(seed=2, models=tmp_path / "other")
    first, second = (version_of(r, finetune(r, silent)) for r in (one, other))
    assert first.encoder_fingerprint != second.encoder_fingerprint


def test_an_interrupted_run_ends_as_one_that_was_not(
    make_request: MakeRequest, tmp_path: Path
) -> None:
    request = make_request(epochs=3)
    with pytest.raises(KeyboardInterrupt):
        finetune(request, Watch(until=1 / 3))  # in the second epoch
    assert registry.versions(request.models) == []
    rest, whole = Watch(), Watch()
    resumed = version_of(request, finetune(request, rest))
    undisturbed = make_request(epochs=3, models=tmp_path / "undisturbed")
    expected = version_of(undisturbed, finetune(undisturbed, whole))
    assert resumed.fingerprint == expected.fingerprint
    assert 0 < len(rest.steps) < len(whole.steps)
    assert rest.steps[0] > whole.steps[0]


def test_a_run_that_was_changed_meanwhile_starts_anew(make_request: MakeRequest) -> None:
    with pytest.raises(KeyboardInterrupt):
        finetune(make_request(epochs=2), Watch(until=1 / 2))
    watch = Watch()
    finetune(make_request(epochs=2, seed=8), watch)
    assert watch.steps[0] == 1


def test_a_damaged_checkpoint_is_ignored(make_request: MakeRequest) -> None:
    request = make_request(epochs=2)
    with pytest.raises(KeyboardInterrupt):
        finetune(request, Watch(until=1 / 2))
    [file] = (request.models / ".training").iterdir()
    file.write_bytes(file.read_bytes()[:-1000])
    watch = Watch()
    finetune(request, watch)
    assert watch.steps[0] == 1


# --- unchanged chats -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _finished(
    tiny_encoder: Path, bakery_chats: Chats, tmp_path_factory: pytest.TempPathFactory
) -> Request:
    root = tmp_path_factory.mktemp("finished")
    source = EncoderSource(str(tiny_encoder))
    request = Request(bakery_chats, root / "models", source, root, epochs=1, threads=1)
    registry.use(request.models, finetune(request, silent).version)
    return request


@pytest.fixture
def finished(_finished: Request, make_request: MakeRequest) -> Request:
    """A request that `v1`, which is live, was made from."""
    request = make_request()
    shutil.copytree(_finished.models, request.models)
    return request


def test_unchanged_chats_are_not_trained_again(
    finished: Request, make_request: MakeRequest, bakery_chats: Chats
) -> None:
    found = unchanged(make_request(conversations=bakery_chats[::-1], threads="auto"))
    assert found is not None
    assert (found.version, found.trained) == ("v1", False)
    assert found.metrics == registry.open_version(finished.models).meta["metrics"]


@pytest.mark.usefixtures("finished")
def test_whatever_bears_on_the_model_makes_it_another(
    make_request: MakeRequest, chat: Chat, bakery_chats: Chats
) -> None:
    for change in (
        {"conversations": [*bakery_chats, chat("new", ("customer", "open?", "opening"))]},
        {"conversations": all_about("thanks", bakery_chats)},
        {"articles": ["Nuts are used in the kitchen."]},
        {"source": EncoderSource("another/encoder")},
        {"seed": 8},
        {"epochs": 2},
    ):
        assert unchanged(make_request(**change)) is None


def test_a_run_that_never_went_live_is_not_trained_again(finished: Request) -> None:
    (finished.models / "current").unlink()
    found = unchanged(finished)
    assert found is not None
    assert found.version == "v1"


def test_a_damaged_version_is_trained_again(finished: Request) -> None:
    (finished.models / "v1" / "trunk.onnx").unlink()
    assert unchanged(finished) is None
    assert finetune(finished, silent).version == "v2"


def test_keys_tell_articles_apart(make_request: MakeRequest) -> None:
    one, two = make_request(articles=["a", "b"]), make_request(articles=["a b"])
    assert run_key(one) != run_key(two)


# --- odd data ------------------------------------------------------------------------------------


def test_chats_without_intents_still_train_the_ranker(
    make_request: MakeRequest, bakery_chats: Chats
) -> None:
    request = make_request(conversations=without_intents(bakery_chats))
    result = finetune(request, silent)
    assert read_json(request, "labels.json") == []
    assert result.metrics["test"]["intent"] == {"n": 0}
    assert set(result.metrics["test"]["ranking"]) == RANKING


def test_customer_turns_alone_still_train_intents(
    make_request: MakeRequest, bakery_chats: Chats
) -> None:
    result = finetune(make_request(conversations=customers_only(bakery_chats)), silent)
    assert result.metrics["test"]["ranking"] == {"n": 0}
    assert set(result.metrics["test"]["intent"]) == INTENT


def test_one_intent_with_two_replies_trains_the_ranker(
    make_request: MakeRequest, bakery_chats: Chats
) -> None:
    request = make_request(conversations=all_about("thanks", bakery_chats))
    result = finetune(request, silent)
    assert result.metrics["test"]["ranking"]["n"] == 8
    # A model of one intent would be sure of it in every message.
    assert read_json(request, "labels.json") == []
    assert result.notes[0] == (
        "the chats name one intent only, thanks: with no other to tell it from, intents "
        "are not learnt"
    )


@pytest.mark.parametrize("intents", [["thanks"], []])
def test_chats_that_teach_nothing_are_refused(
    make_request: MakeRequest, chat: Chat, intents: list[str]
) -> None:
    chats = [
        chat(str(n), ("customer", f"thanks {n}", *intents), ("agent", "Any time!"))
        for n in range(12)
    ]
    with pytest.raises(FinetuneError) as refusal:
        finetune(make_request(conversations=chats), silent)
    assert str(refusal.value) == (
        "the chats teach nothing: they name fewer than two intents, no entities and no sentiments, "
        "and hold 1 different agent replies to a customer; add chats with two intents or two "
        "different replies"
    )


def test_a_handful_of_chats_makes_a_version_that_nobody_judged(
    make_request: MakeRequest, chat: Chat
) -> None:
    chats = [
        chat(str(n), ("customer", f"{intent} {n}", intent), ("agent", f"{intent}, yes"))
        for n, intent in enumerate(("opening", "thanks", "oos"))
    ]
    request = make_request(conversations=chats)
    result = finetune(request, silent)
    nothing = {task: {"n": 0} for task in TASKS}
    assert result.metrics == {"test": nothing, "frozen": nothing}
    assert any("none is left for validation, calibration, test" in note for note in result.notes)
    assert read_json(request, "labels.json") == ["oos", "opening", "thanks"]


def test_an_intent_with_one_example_is_an_intent(
    make_request: MakeRequest, chat: Chat, bakery_chats: Chats
) -> None:
    rare = chat("rare", ("customer", "cancel everything", "order/cancel"), split="train")
    asked = chat("asked", ("customer", "cancel everything", "order/cancel"), split="test")
    request = make_request(conversations=[*bakery_chats, rare, asked])
    result = finetune(request, silent)
    assert "order/cancel" in read_json(request, "labels.json")
    assert result.metrics["test"]["intent"]["n"] == 9


def test_an_intent_that_only_the_test_knows_counts_as_wrong(
    make_request: MakeRequest, chat: Chat, bakery_chats: Chats
) -> None:
    unseen = [
        chat(f"u{n}", ("customer", f"weather {n}", "unseen"), split=split)
        for n, split in enumerate(("test", "test", "validation", "validation"))
    ]
    request = make_request(conversations=[*bakery_chats, *unseen])
    metrics = finetune(request, silent).metrics
    assert "unseen" not in read_json(request, "labels.json")
    for figures in (metrics["test"]["intent"], metrics["frozen"]["intent"]):
        assert figures["n"] == 8 + 2
        assert figures["accuracy"] <= 8 / 10


def test_odd_turns_are_read_like_any_other(
    make_request: MakeRequest, chat: Chat, bakery_chats: Chats
) -> None:
    odd = [
        chat(
            f"odd-{split}",
            ("customer", ""),
            ("agent", " \n"),
            ("customer", "parcel " * 10_000, "order/track"),
            ("agent", "yes " * 10_000),
            ("customer", "🥐🥐🥐", "oos"),
            ("agent", "???"),
            ("customer", "مرحبا 你好\x00\x1b[2J\u202e", "oos", "thanks"),
            split=split,
        )
        for split in ("train", "validation", "test")
    ]
    request = make_request(conversations=[*bakery_chats, *odd])
    result = finetune(request, silent)
    assert read_json(request, "labels.json") == ["oos", "order/track", "thanks"]
    assert result.metrics["test"]["intent"]["n"] == 8 + 3
    assert result.metrics["test"]["ranking"]["n"] == 8 + 2


# --- a full disk ---------------------------------------------------------------------------------


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "step", ["export.export_trunk", "export.write_json", "registry.publish", "checkpoint.save"]
)
def test_a_full_disk_leaves_the_live_model_as_it_was(
    finished: Request, make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = registry.open_version(finished.models)
    with monkeypatch.context() as disk:
        # A checkpoint reports what its write meets in words of its own.
        disk.setattr("os.fsync" if step == "checkpoint.save" else f"finetune.{step}", full)
        with pytest.raises(FinetuneError, match=r"No space left on device.*; .*run the command"):
            finetune(make_request(seed=8), silent)
    assert registry.open_version(finished.models) == before
    assert [info.name for info in registry.versions(finished.models)] == ["v1"]
    assert {path.name for path in finished.models.iterdir()} == {
        "v1",
        "current",
        "history.jsonl",
        ".training",
    }


def test_after_a_full_disk_nothing_is_trained_again(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, watch = make_request(), Watch()
    with monkeypatch.context() as disk:
        disk.setattr("finetune.registry.publish", full)
        with pytest.raises(FinetuneError):
            finetune(request, silent)
    assert finetune(request, watch).version == "v1"
    assert len(watch.steps) == 1  # it only tells that all is done


# --- the pretrained encoder alone ----------------------------------------------------------------


def test_the_base_is_made_once_for_an_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    source = EncoderSource(str(tiny_encoder))
    first = make_base(tmp_path / "models", source, tmp_path)
    assert first.name == registry.BASE
    written = (first.folder / "trunk.onnx").stat().st_mtime_ns
    make_base(tmp_path / "models", source, tmp_path)
    assert (first.folder / "trunk.onnx").stat().st_mtime_ns == written


def test_the_base_follows_the_settings(tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "other")
    make_base(tmp_path / "models", EncoderSource(str(tiny_encoder)), tmp_path)
    make_base(tmp_path / "models", EncoderSource("other", query_prefix="query: "), tmp_path)
    [info] = registry.versions(tmp_path / "models")
    settings = json.loads((info.folder / "encoder.json").read_text("utf-8"))
    assert (settings["name"], settings["query_prefix"]) == ("other", "query: ")


def test_the_vectors_of_a_base_are_the_same_wherever_it_was_made(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    source = EncoderSource(str(tiny_encoder))
    one, other = (make_base(tmp_path / name, source, tmp_path) for name in ("a", "b"))
    assert one.encoder_fingerprint == other.encoder_fingerprint


# --- more tasks ----------------------------------------------------------------------------------


def trips() -> Chats:
    """Thirty bookings with a city and a mood, twenty to learn from."""
    cities, moods = ("oslo", "bergen", "york", "leeds"), ("negative", "neutral", "positive")
    said = {"negative": "this is awful", "neutral": "hello", "positive": "you are lovely"}
    chats = []
    for number in range(30):
        city, mood = cities[number % 4], moods[number % 3]
        both = number % 4 < 2
        text = f"{said[mood]} {'plan and' if both else 'just'} book {city}"
        turn = {
            "speaker": "customer",
            "text": text,
            "intents": ["book", "plan"] if both else ["book"],
            "sentiment": mood,
            "entities": [{"start": len(text) - len(city), "end": len(text), "type": "city"}],
        }
        split = ("train", "train", "train", "train", "validation", "test")[number % 6]
        chats.append(
            Conversation.model_validate({"id": str(number), "split": split, "turns": [turn]})
        )
    return chats


def test_every_task_that_the_chats_carry_is_learnt_and_judged(make_request: MakeRequest) -> None:
    request = make_request(conversations=trips(), epochs=40)
    result = finetune(request, silent)
    test = result.metrics["test"]
    assert test["entities"]["n"] == test["sentiment"]["n"] == test["multi_intent"]["n"] == 5
    assert test["entities"]["f1"] > 0.7
    assert set(test["entities"]["types"]) == {"city"}
    assert read_json(request, "entities.json") == {"types": ["city"], "pieces": 1}


def test_what_is_learnt_is_what_is_served(make_request: MakeRequest) -> None:
    """The graphs and their companions read a message as the training run did."""
    from bot.model import Model
    from bot.state import State

    request = make_request(conversations=trips(), epochs=40)
    finetune(request, silent)
    model = Model.load(registry.open_version(request.models, "v1").folder)
    text = "this is awful just book bergen"
    [vector], [entities] = model.encode_messages([text])
    readings = model.read([text], *model.window(State(), vector))
    assert [(e.start, e.end, e.type) for e in entities] == [(24, 30, "city")]
    assert readings.sentiment(0) == "negative"
    assert model.share < 1.0
    [alone] = model.encode(["this is awful just book bergen"])
    np.testing.assert_allclose(vector, alone, atol=1e-6)


def test_questions_of_the_articles_are_learnt_and_search_is_judged(
    make_request: MakeRequest,
) -> None:
    goods = ("bread", "cake", "pie", "tart", "bun", "roll", "scone", "bagel", "muffin", "cookie")
    questions = [(f"about {good}", f"{good} is baked at six") for good in goods * 2]
    result = finetune(make_request(questions=questions), silent)
    history = json.loads((result_folder(result, make_request) / "metrics.json").read_text())
    assert history["epochs"][0]["search"] > 0
    assert result.metrics["test"]["search"]["n"] == result.metrics["frozen"]["search"]["n"] == 10
    assert len(read_json(make_request(), "questions.json")) == 5


def result_folder(result: Result, make_request: MakeRequest) -> Path:
    return make_request().models / result.version


def test_likely_mistakes_in_the_labels_are_kept(make_request: MakeRequest, chat: Chat) -> None:
    twice = [
        chat(f"same{n}", ("customer", "please cancel my order now", intent), split="train")
        for n, intent in enumerate(("thanks", "order/track"))
    ]
    request = make_request()
    request = make_request(conversations=[*request.conversations, *twice])
    finetune(request, silent)
    [torn] = read_json(request, "label_check.json")["torn"]
    assert torn["text"] == "please cancel my order now"
    assert {name for name, _ in torn["uses"]} == {"thanks", "order/track"}
