"""A whole bot in miniature, for tests that run from end to end.

    tiny_encoder        a folder with a pretrained encoder of 2 layers, 64 numbers wide
    tiny_workspace      a bakery's settings, templates, articles and 72 chats; nothing built yet
    base_workspace      the same with the pretrained encoder live and the articles indexed
    trained_workspace   the same with `v1` fine-tuned and live, and the index made with it
    frontdesk           the command line, run in this process
    set_thresholds      has the routes of a workspace answer from given scores

The encoder's weights are random, which for a handful of words is as good as a bag of words; it is
made in a second, is the same every time and needs no network. A test gets its own copy of a
workspace and may do with it what it likes.
"""

import io
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.workspace import Workspace, open_workspace

# A shell that starts the tests in the background has them ignore Ctrl-C, and they would hand that
# down to the programs whose Ctrl-C they test.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Before torch, faiss and onnxruntime load: threads that wait for each other slow tests down.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@dataclass(frozen=True, slots=True)
class _Intent:
    """How customers ask for it, and what the agents' template `template` says."""

    name: str
    questions: Sequence[str]
    template: str
    kind: str
    wordings: Sequence[str]


_INTENTS = (
    _Intent(
        "order/track",
        (
            "where is my parcel {order_id}",
            "track parcel {order_id} please",
            "my parcel {order_id} has not come, where is it",
            "when will parcel {order_id} come",
        ),
        "track",
        "answer",
        ("Parcel {order_id} is on its way.", "The van has parcel {order_id}."),
    ),
    _Intent(
        "order/cancel",
        (
            "cancel order {order_id}",
            "please cancel everything in {order_id}",
            "i do not want {order_id} any more, cancel",
            "can you cancel {order_id} for me",
        ),
        "cancel",
        "answer",
        ("Order {order_id} is cancelled.",),
    ),
    _Intent(
        "opening",
        (
            "when are you open on {day}",
            "open hours {day}",
            "is the bakery open {day}",
            "do you open early {day}",
        ),
        "opening",
        "answer",
        ("We open at seven every day.", "Our hours are seven to six."),
    ),
    _Intent(
        "complaint",
        (
            "the {day} bread was awful, i am angry",
            "awful cake {day}, i want to complain",
            "angry about the awful rolls of {day}",
            "i complain: awful service {day}",
        ),
        "complaint",
        "handoff",
        ("I am sorry. A colleague takes over.",),
    ),
    _Intent(
        "thanks",
        (
            "thanks for {day}",
            "many thanks, see you {day}",
            "great, thanks, {day} then",
            "thanks, bye until {day}",
        ),
        "thanks",
        "smalltalk",
        ("You are welcome!", "Any time!"),
    ),
    _Intent(
        "oos",
        (
            "what is the weather {day}",
            "weather forecast {day}",
            "will there be good weather {day}",
            "rain or weather for football {day}",
        ),
        "",
        "",
        ("We only know about bread.",),
    ),
)
_CHATS = 72
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SETTINGS = r"""name = "The Bakery"
language = "en"
max_wrong_answers = 0.3

[encoder]
name = {encoder}

[finetune]
seed = 7
epochs = 12
threads = 1

[entities.order_id]
pattern = '\bBK-\d{{4}}\b'
ask = "What is your order number?"
"""

_ARTICLES = {
    "allergens.md": "# Allergens\n\nNuts are used in the kitchen. Rye bread is free of milk.",
    "gluten-free.md": "# Gluten-free bread\n\nGluten-free bread is baked of rice flour on Friday.",
    "vouchers.md": "# Gift vouchers\n\n## Buying\n\nA gift voucher is sold at the till.\n\n"
    "## Validity\n\nA voucher is valid for three years.",
}


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder in Hugging Face layout with its tokenizer: words it knows, the rest by letters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-encoder")
    tokens = _vocabulary()
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(token, tokens.index(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    fast: Any = PreTrainedTokenizerFast  # untyped
    fast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=128,
    ).save_pretrained(folder)
    _write_network(folder, len(tokens))
    return folder


def _vocabulary() -> list[str]:
    spoken = [text for intent in _INTENTS for text in (*intent.questions, *intent.wordings)]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    spoken += [*_ARTICLES.values(), *_DAYS, *(_order(number) for number in range(_CHATS))]
    words = {word for text in spoken for word in _words(text)}
    pieces = (*letters, *(f"##{letter}" for letter in letters), *"-.,:?!")
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces, *sorted(words - set(pieces))]


def _order(number: int) -> str:
    return f"BK-{number:04}"


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def _write_network(folder: Path, words: int) -> None:
    import torch
    from transformers import BertConfig, BertModel
    from transformers.utils import logging

    config = BertConfig(
        vocab_size=words,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=128,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(config, add_pooling_layer=False)
    # What all texts share would drown the little that a random network makes of their words.
    embeddings = model.embeddings
    embeddings.position_embeddings.weight.data.zero_()
    embeddings.token_type_embeddings.weight.data.zero_()
    embeddings.word_embeddings.weight.data[:4].zero_()  # [CLS] and its like
    quiet: Any = logging.disable_progress_bar  # untyped
    quiet()
    model.save_pretrained(folder)


@pytest.fixture
def tiny_workspace(_tiny: Path, tmp_path: Path) -> Workspace:
    """Chats, articles, templates and settings; nothing built."""
    return _copy(_tiny, tmp_path / "tiny")


@pytest.fixture
def base_workspace(_base: Path, tmp_path: Path) -> Workspace:
    """As `tiny_workspace`, with the pretrained encoder live and the index built."""
    return _copy(_base, tmp_path / "base")


@pytest.fixture
def trained_workspace(_trained: Path, tmp_path: Path) -> Workspace:
    """As `tiny_workspace`, with a fine-tuned version live and the index built with it."""
    return _copy(_trained, tmp_path / "trained")


def _copy(made: Path, folder: Path) -> Workspace:
    return open_workspace(Path(shutil.copytree(made, folder / "bakery")))


@pytest.fixture
def frontdesk(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`frontdesk(*words, stdin=b"")` -> (exit code, standard output, standard error)."""
    from bot.cli import main

    def run(*words: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["frontdesk", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


@pytest.fixture
def set_thresholds() -> Callable[..., None]:
    """`set_thresholds(workspace, intent=0.0)`: whatever was certified; a route that is not named
    never answers by itself."""

    from bot.risk.thresholds import _digest

    def set_(workspace: Workspace, **scores: float) -> None:
        for path in workspace.index.glob("thresholds-*.json"):
            found = json.loads(path.read_text())
            for route, facts in found["routes"].items():
                facts["threshold"] = scores.get(route)
            found["check"] = _digest([found["key"], found["routes"]])
            path.write_text(json.dumps(found))

    return set_


@pytest.fixture(scope="session")
def _tiny(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny") / "bakery"
    for name in ("kb", "chats"):
        (root / name).mkdir(parents=True)
    settings = _SETTINGS.format(encoder=json.dumps(str(tiny_encoder)))
    (root / "frontdesk.toml").write_text(settings, encoding="utf-8")
    # JSON is YAML too.
    (root / "templates.yaml").write_text(json.dumps({"templates": _templates()}), encoding="utf-8")
    for name, text in _ARTICLES.items():
        (root / "kb" / name).write_text(text + "\n", encoding="utf-8")
    lines = "".join(json.dumps(chat) + "\n" for chat in _chats(_CHATS))
    (root / "chats" / "bakery.jsonl").write_text(lines, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def _base(_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from bot.live import build_index, live_model

    workspace = _copy(_tiny, tmp_path_factory.mktemp("base"))
    build_index(workspace, live_model(workspace, _silent), _silent)
    return workspace.root


@pytest.fixture(scope="session")
def _trained(_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from bot.commands.finetune import make_request
    from bot.live import build_index, live_model, open_desk
    from finetune.registry import use
    from finetune.run import finetune

    workspace = _copy(_base, tmp_path_factory.mktemp("trained"))
    result = finetune(make_request(workspace, skip_bad=False), _silent)
    use(workspace.models, result.version)
    build_index(workspace, live_model(workspace), _silent)
    open_desk(workspace, _silent)  # certifies the thresholds
    return workspace.root


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def _templates() -> list[dict[str, Any]]:
    return [
        {
            "id": intent.template,
            "intents": [intent.name],
            "kind": intent.kind,
            "wordings": list(intent.wordings),
        }
        for intent in _INTENTS
        if intent.template
    ]


def _chats(count: int) -> Iterator[dict[str, Any]]:
    """Chats of two or three requests, half of them for training; no two alike."""
    rng = random.Random(5)
    for number in range(count):
        order = _order(number)
        asked = rng.sample(_INTENTS, 2 + number % 2)
        turns = [turn for intent in asked for turn in _turns(intent, order, rng)]
        split = ("train", "validation", "train", "test")[number % 4]
        yield {"id": f"bakery-{number:02}", "split": split, "turns": turns}


def _turns(intent: _Intent, order: str, rng: random.Random) -> Iterator[dict[str, Any]]:
    facts = {"order_id": order, "day": rng.choice(_DAYS)}
    question = rng.choice(intent.questions).format(**facts)
    span = {"start": question.find(order), "end": question.find(order) + len(order)}
    entities = [{**span, "type": "order_id"}] if order in question else []
    yield {"speaker": "customer", "text": question, "intent": intent.name, "entities": entities}
    reply = rng.choice(intent.wordings).format(**facts)
    yield {"speaker": "agent", "text": reply, "template": intent.template or None}
