"""A small encoder that needs no weights, and an index of a few articles."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from kb.article import Article
from kb.passages import Passage, split
from kb.store import BuildReport, Index, build
from kb.vectors import FloatArray, unit

FINGERPRINT = "0123456789abcdef" * 4
DIMENSION = 32
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


class Encoder:
    """Counts three-character pieces into 32 buckets, and remembers what it was given."""

    fingerprint = FINGERPRINT
    dimension = DIMENSION

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: list[str]) -> FloatArray:
        self.texts += texts
        return unit(np.array([self._vector(text) for text in texts], dtype=np.float32))

    def one(self, text: str) -> FloatArray:
        """The vector of a query."""
        return unit(self._vector(text))

    def _vector(self, text: str) -> FloatArray:
        vector = np.zeros(DIMENSION, dtype=np.float32)
        for i in range(len(text)):
            vector[sha256(text[i : i + 3].casefold().encode()).digest()[0] % DIMENSION] += 1
        return vector


Make = Callable[[list[Passage]], Index]
Rebuild = Callable[[list[Passage]], BuildReport]


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture
def passages() -> list[Passage]:
    """Five passages of five articles in two languages."""
    texts = {
        "returns": "Send it back within 30 days. Refunds reach your card in 5 working days.",
        "shipping": "Parcels leave our warehouse on the same day and take two days.",
        "tents": "All our tents are waterproof; seal the seams once a year.",
        "warranty": "Boots have a warranty of two years against faults of material.",
        "tuikuan": "签收后七天内可以申请退款，支持iPhone手机支付。",
    }
    return [
        passage
        for id_, text in texts.items()
        for passage in split(Article(id_, id_.capitalize(), text, f"kb/{id_}.md:1"))
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the index of a test is kept."""
    return tmp_path / "index"


@pytest.fixture
def rebuild(folder: Path, encoder: Encoder) -> Rebuild:
    """Builds an index in the test's own folder."""

    def rebuild(passages: list[Passage]) -> BuildReport:
        return build(folder, passages, encoder, fingerprint=FINGERPRINT, dimension=DIMENSION)

    return rebuild


@pytest.fixture
def make(folder: Path, rebuild: Rebuild) -> Make:
    """Builds an index in the test's own folder and opens it."""

    def make(passages: list[Passage]) -> Index:
        rebuild(passages)
        return Index.open(folder, FINGERPRINT)

    return make


@pytest.fixture
def shared() -> Path:
    """The public data sets beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the shared data sets are not on this machine")
    return SHARED
