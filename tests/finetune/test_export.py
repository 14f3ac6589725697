"""What is served is what was trained: the ONNX graphs against the modules they came from."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from finetune.encoder import EncoderSource
from finetune.export import export_heads, export_trunk, write_json
from finetune.network import (
    CONTEXT_TURNS,
    Heads,
    Outputs,
    TagHead,
    Trunk,
    load_tokenizer,
    load_trunk,
)
from finetune.tags import Transitions

Run = Callable[..., list[NDArray[np.float32]]]
WIDTH = 64


def opened(path: Path) -> Run:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(**inputs: torch.Tensor) -> Any:
        return session.run(None, {name: value.numpy() for name, value in inputs.items()})

    return run


@pytest.fixture(scope="module")
def trunk(tiny_encoder: Path) -> Trunk:
    return load_trunk(str(tiny_encoder)).eval()


@pytest.fixture(scope="module")
def folder(trunk: Trunk, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    source = EncoderSource("some/encoder", query_prefix="query: ")
    export_trunk(trunk, load_tokenizer(str(tiny_encoder)), source, 7, folder)
    return folder


@pytest.mark.parametrize(("rows", "tokens"), [(1, 1), (1, 128), (2, 7), (3, 33), (17, 2)])
def test_the_graph_gives_the_trunks_vectors(
    trunk: Trunk, folder: Path, rows: int, tokens: int
) -> None:
    ids = torch.randint(4, 60, (rows, tokens))
    mask = (torch.arange(tokens) < torch.randint(1, tokens + 1, (rows, 1))).long()
    [vectors] = opened(folder / "trunk.onnx")(ids=ids, mask=mask)
    assert vectors.dtype == np.float32
    assert vectors.shape == (rows, WIDTH)
    with torch.no_grad():
        np.testing.assert_allclose(vectors, trunk(ids, mask), atol=1e-5)


def test_beside_the_graph_lies_what_is_needed_to_run_it(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == (
        ["encoder.json", "tokenizer.json", "trunk.onnx"]
    )
    assert json.loads((folder / "encoder.json").read_text()) == {
        "name": "some/encoder",
        "query_prefix": "query: ",
        "passage_prefix": "",
        "dimension": WIDTH,
        "max_tokens": 126,
        "pad_id": 7,
        "context_turns": CONTEXT_TURNS,
    }


@pytest.mark.parametrize("classes", [0, 1, 5])
@pytest.mark.parametrize("in_context", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_the_graph_reads_as_the_heads_do(
    classes: int, in_context: bool, rows: int, tmp_path: Path
) -> None:
    heads = Heads(WIDTH, Outputs(classes, sentiments=3)).eval()
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.add_(torch.randn_like(parameter) / 10)
    export_heads(heads, in_context, WIDTH, tmp_path)
    turns = torch.nn.functional.normalize(torch.randn(rows, CONTEXT_TURNS, WIDTH), dim=-1)
    speakers = torch.randint(0, 3, (rows, CONTEXT_TURNS))
    speakers[:, -1] = 1
    logits, queries, felt = opened(tmp_path / "heads.onnx")(turns=turns, speakers=speakers)
    with torch.no_grad():
        output = heads(turns, speakers)
    expected = output.context_logits if in_context else output.message_logits
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    np.testing.assert_allclose(queries, output.queries, atol=1e-5)
    np.testing.assert_allclose(felt, output.sentiment_logits, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_graph_reads_windows_without_their_empty_places_alike(
    count: int, tmp_path: Path
) -> None:
    heads = Heads(WIDTH, Outputs(4, sentiments=3)).eval()
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.add_(torch.randn_like(parameter) / 10)
    export_heads(heads, True, WIDTH, tmp_path)
    run, turns = opened(tmp_path / "heads.onnx"), torch.randn(3, CONTEXT_TURNS, WIDTH)
    speakers = torch.randint(1, 3, (3, CONTEXT_TURNS))
    turns[:, :-count], speakers[:, :-count] = 0, 0
    whole = run(turns=turns, speakers=speakers)
    for found, expected in zip(
        run(turns=turns[:, -count:], speakers=speakers[:, -count:]), whole, strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("lengths", [(1,), (7, 7), (30, 1, 2), (3, 90, 1, 12, 5), (0, 4)], ids=str)
@pytest.mark.parametrize("pieces", [1, 4])
def test_one_pass_gives_the_vector_and_the_tags(
    trunk: Trunk, tiny_encoder: Path, lengths: tuple[int, ...], pieces: int, tmp_path: Path
) -> None:
    head = TagHead(WIDTH, 5, pieces).eval()
    source = EncoderSource("some/encoder")
    export_trunk(trunk, load_tokenizer(str(tiny_encoder)), source, 7, tmp_path, head)
    ids = torch.randint(5, 50, (len(lengths), max(lengths)))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    vectors, tags = opened(tmp_path / "trunk.onnx")(ids=ids, mask=mask)
    with torch.no_grad():
        real = mask.numpy().astype(bool)
        np.testing.assert_allclose(vectors, trunk(ids, mask), atol=1e-5)
        expected = head(trunk.states(ids, mask), mask).numpy()
    np.testing.assert_allclose(tags[real], expected[real], atol=1e-5)
    assert tags.shape == (*mask.shape, pieces, 5)


def test_padding_changes_no_tags(trunk: Trunk, tiny_encoder: Path, tmp_path: Path) -> None:
    head = TagHead(WIDTH, 5, 1).eval()
    source = EncoderSource("some/encoder")
    export_trunk(trunk, load_tokenizer(str(tiny_encoder)), source, 7, tmp_path, head)
    run = opened(tmp_path / "trunk.onnx")
    ids = torch.randint(5, 50, (2, 60))
    mask = (torch.arange(60) < torch.tensor([[60], [4]])).long()
    [_, beside], [_, alone] = (
        run(ids=ids[a:, :b], mask=mask[a:, :b]) for a, b in ((0, 60), (1, 4))
    )
    np.testing.assert_allclose(beside[1, :4], alone[0], atol=1e-5)


def test_the_transitions_lie_beside_the_graph(
    trunk: Trunk, tiny_encoder: Path, tmp_path: Path
) -> None:
    head = TagHead(WIDTH, 5, 1).eval()
    with torch.no_grad():
        head.transitions.copy_(torch.arange(25).view(5, 5))
    source = EncoderSource("some/encoder")
    export_trunk(trunk, load_tokenizer(str(tiny_encoder)), source, 7, tmp_path, head)
    between = Transitions.load(tmp_path, ["city", "date"]).between
    np.testing.assert_array_equal(between, np.arange(25).reshape(5, 5))


def test_exporting_says_nothing(tiny_encoder: Path, tmp_path: Path) -> None:
    """Neither Python nor the C++ below it, to whoever watches a training."""
    program = f"""
from pathlib import Path
from finetune.encoder import EncoderSource
from finetune.export import export_trunk
from finetune.network import TagHead, load_trunk
trunk = load_trunk({str(tiny_encoder)!r})
export_trunk(trunk, "", EncoderSource(""), 0, Path({str(tmp_path)!r}), TagHead({WIDTH}, 5, 1))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_same_weights_give_the_same_bytes(
    trunk: Trunk, folder: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    source = EncoderSource("some/encoder", query_prefix="query: ")
    export_trunk(trunk, load_tokenizer(str(tiny_encoder)), source, 7, tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_json_is_readable_in_any_script_and_always_in_the_same_order(tmp_path: Path) -> None:
    write_json(tmp_path / "labels.json", {"b": 1, "a": "退款"})
    assert (tmp_path / "labels.json").read_text("utf-8") == '{\n "a": "退款",\n "b": 1\n}\n'
