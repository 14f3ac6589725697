"""A version as it is served: vectors, calibrated readings, and never the training library."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bot.errors import NoModel
from bot.model import Model, softmax, top, window
from bot.state import State, remember
from bot.workspace import Workspace
from finetune.encoder import EncoderSource
from finetune.registry import EVIDENCE
from finetune.transcripts import read_chats

TEXTS = ("where is my parcel BK-0001", "thanks", "", "weather " * 500, "你好", "open hours monday")


@pytest.fixture
def trained(trained_workspace: Workspace) -> Model:
    return Model.load(trained_workspace.models / "v1")


@pytest.fixture
def base(base_workspace: Workspace) -> Model:
    return Model.load(base_workspace.models / "base")


def test_a_version_knows_what_it_is(trained: Model, base: Model) -> None:
    assert (trained.version, trained.trained) == ("v1", True)
    assert trained.labels == (
        "complaint",
        "oos",
        "opening",
        "order/cancel",
        "order/track",
        "thanks",
    )
    assert (base.version, base.trained, base.labels) == ("base", False, ())
    assert trained.dimension == base.dimension == 64
    assert trained.encoder_fingerprint != base.encoder_fingerprint
    assert trained.fingerprint != trained.encoder_fingerprint


def test_texts_become_unit_vectors_in_their_order(trained: Model) -> None:
    vectors = trained.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 64)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(trained.encode([text])[0], vector, atol=1e-5)


def test_no_texts_are_no_vectors(trained: Model) -> None:
    assert trained.encode([]).shape == (0, 64)


def test_text_that_is_no_unicode_has_a_vector(trained: Model) -> None:
    assert np.isfinite(trained.encode(["parcel \udce9", "\ud800"])).all()


def test_encoding_many_tells_how_far_it_is(trained: Model) -> None:
    told: list[int] = []
    trained.encode([f"parcel {n}" for n in range(150)], progress=told.append)
    assert told == sorted(told)
    assert (len(told) > 1, told[-1]) == (True, 150)


def test_questions_and_passages_get_the_prefixes_of_the_encoder(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    from finetune.run import make_base

    source = EncoderSource(str(tiny_encoder), query_prefix="open ", passage_prefix="bread ")
    prefixed = Model.load(make_base(tmp_path / "with", source, tmp_path).folder)
    plain = Model.load(
        make_base(tmp_path / "without", EncoderSource(str(tiny_encoder)), tmp_path).folder
    )
    [question], [passage] = prefixed.encode(["monday"]), prefixed.encode(["monday"], "passage")
    written_out = plain.encode(["open monday", "bread monday"])
    np.testing.assert_allclose([question, passage], written_out, atol=1e-6)


# --- reading -------------------------------------------------------------------------------------


def test_a_message_is_read_with_calibrated_probabilities(trained: Model) -> None:
    text = "please cancel everything in BK-0001"
    [vector] = trained.encode([text])
    read = trained.read([text], *trained.window(State(), vector))
    probabilities, queries = read.probabilities, read.queries
    assert probabilities.shape == (1, len(trained.labels))
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert trained.labels[int(probabilities.argmax())] == "order/cancel"
    assert np.linalg.norm(queries) == pytest.approx(1, abs=1e-5)


def test_the_pretrained_encoder_knows_no_intent_and_asks_with_the_message(base: Model) -> None:
    [vector] = base.encode(["where is my parcel"])
    read = base.read(["where is my parcel"], *base.window(State(), vector))
    probabilities, queries = read.probabilities, read.queries
    assert probabilities.shape == (1, 0)
    np.testing.assert_array_equal(queries, [vector])


@pytest.mark.parametrize("name", EVIDENCE.values())
def test_what_is_served_is_what_was_certified(
    trained: Model, trained_workspace: Workspace, name: str
) -> None:
    records = json.loads((trained.folder / f"{name}.json").read_text("utf-8"))
    kept = load_file(trained.folder / f"{name}.safetensors")
    chats = {chat.id: chat for chat in read_chats([trained_workspace.chats]).conversations}
    for row, record in enumerate(records[:12]):
        turns = chats[record["conversation"]].turns[: record["turn"] + 1]
        state = State()
        for turn, vector in zip(turns, trained.encode([t.text for t in turns]), strict=True):
            if turn is turns[-1]:
                read = trained.read([turn.text], *trained.window(state, vector))
                probabilities, queries = read.probabilities, read.queries
            state = remember(state, turn.speaker, vector)
        # Training keeps the frozen layers' output in half precision.
        np.testing.assert_allclose(probabilities[0], kept["probabilities"][row], atol=5e-3)
        np.testing.assert_allclose(queries[0], kept["queries"][row], atol=5e-3)


def test_a_window_is_the_last_turns_padded_at_the_front() -> None:
    turns = [(np.full(2, n, dtype=np.float32), 1 + n % 2) for n in range(1, 4)]
    vectors, speakers = window(turns, 5)
    assert vectors[0, :, 0].tolist() == [0, 0, 1, 2, 3]
    assert speakers.tolist() == [[0, 0, 2, 1, 2]]
    vectors, speakers = window(turns, 2)
    assert vectors[0, :, 0].tolist() == [2, 3]
    assert speakers.tolist() == [[1, 2]]


def test_a_long_conversation_is_read_in_full_windows(trained: Model) -> None:
    state = State()
    vectors = trained.encode([f"open on {day}" for day in range(40)])
    for number, vector in enumerate(vectors[:-1]):
        state = remember(state, ("customer", "agent")[number % 2], vector)
    turns, speakers = trained.window(state, vectors[-1])
    assert turns.shape == (1, trained.context_turns, 64)
    assert speakers.min() >= 1
    np.testing.assert_array_equal(turns[0], vectors[-trained.context_turns :])


class _Recorded:
    """Heads exported for windows of a length, and the lengths of those they were given."""

    def __init__(self, heads: Any, length: int | str) -> None:
        self._heads, self._length, self.given = heads, length, list[int]()

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(shape=["n", self._length, 64])]

    def run(self, names: Any, inputs: dict[str, Any]) -> Any:
        self.given += [inputs["turns"].shape[1], inputs["speakers"].shape[1]]
        return self._heads.run(names, inputs)


def test_heads_exported_for_whole_windows_are_given_whole_ones(trained: Model) -> None:
    [vector] = trained.encode(["where is my parcel"])
    turns, speakers = trained.window(State(), vector)
    read = []
    for length, given in (("k", 1), (trained.context_turns, trained.context_turns)):
        heads: Any = _Recorded(trained._heads, length)
        read.append(replace(trained, _heads=heads).read(["where is my parcel"], turns, speakers))
        assert heads.given == [given, given]
    np.testing.assert_allclose(read[0].queries, read[1].queries, atol=1e-5)
    np.testing.assert_allclose(read[0].logits, read[1].logits, atol=1e-4)


def test_softmax_does_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0.0], [0.0, 0.0]], np.float32)).tolist() == [[1, 0], [0.5, 0.5]]
    assert softmax(np.zeros((3, 0), np.float32)).shape == (3, 0)


def test_the_best_come_first_and_ties_go_by_name() -> None:
    assert top(["b", "a", "c"], [0.5, 0.5, 0.9], 2) == [("c", 0.9), ("a", 0.5)]


# --- opening -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["trunk.onnx", "heads.onnx", "tokenizer.json", "encoder.json", "manifest.json"]
)
@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense \xff"])
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    trained_workspace: Workspace, name: str, content: bytes
) -> None:
    (trained_workspace.models / "v1" / name).write_bytes(content)
    with pytest.raises(NoModel, match=r"^model v1 in .* cannot be opened \(") as refusal:
        Model.load(trained_workspace.models / "v1")
    assert str(refusal.value).endswith("or `frontdesk finetune` to make one")


@pytest.mark.parametrize("name", ["trunk.onnx", "tokenizer.json", "labels.json"])
def test_a_missing_file_is_refused(trained_workspace: Workspace, name: str) -> None:
    (trained_workspace.models / "v1" / name).unlink()
    with pytest.raises(NoModel, match="cannot be opened"):
        Model.load(trained_workspace.models / "v1")


def test_serving_never_imports_the_training_libraries(trained_workspace: Workspace) -> None:
    program = f"""
import sys
from pathlib import Path
from bot.model import Model
from bot.state import State
model = Model.load(Path({str(trained_workspace.models / "v1")!r}))
[vector] = model.encode(["where is my parcel"])
model.read(["where is my parcel"], *model.window(State(), vector))
heavy = {{"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "faiss"}}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_version_can_be_moved(trained: Model, tmp_path: Path) -> None:
    moved = Model.load(Path(shutil.copytree(trained.folder, tmp_path / "elsewhere" / "v1")))
    np.testing.assert_array_equal(moved.encode(["thanks"]), trained.encode(["thanks"]))
