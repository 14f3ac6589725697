"""A model version opened for serving, with onnxruntime and no training code.

`encode` is the one forward pass of a turn, `encode_messages` the same with the entities that it
finds; `read` puts the vector among those of the turns before and costs microseconds.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bot.errors import NoModel
from bot.state import State
from finetune.conversation import SENTIMENTS
from finetune.errors import FinetuneError
from finetune.lexical import Lexical
from finetune.scope import Scope
from finetune.tags import FoundEntity, Transitions, decode, ids_and_units
from finetune.tokens import batches_by_length, load_tokenizer, pad, token_ids

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
SPEAKERS = {"customer": 1, "agent": 2}
BATCH_ROWS, BATCH_TOKENS = 64, 4096


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded version. Sentence vectors are unit length and have `dimension` numbers. An intent
    `share` times as likely as the likeliest is one more request of a message."""

    version: str
    fingerprint: str
    encoder_fingerprint: str
    labels: tuple[str, ...]
    entity_types: tuple[str, ...]
    temperature: float
    sentiment_temperature: float
    share: float
    scope: Scope | None
    lexical: Lexical | None
    dimension: int
    context_turns: int
    folder: Path
    _pieces: int
    _transitions: Transitions
    _settings: dict[str, Any]
    _tokenizer: "Tokenizer"
    _trunk: "InferenceSession"
    _heads: "InferenceSession | None"

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Open a version folder that the registry has checked. Raises NoModel."""
        try:
            manifest = _read(folder / "manifest.json")
            settings = _read(folder / "encoder.json")
            trained = (folder / "heads.onnx").is_file()
            calibration = _read(folder / "calibration.json") if trained else {}
            entities = _read(folder / "entities.json") if trained else {}
            return cls(
                version=folder.name,
                fingerprint=manifest["fingerprint"],
                encoder_fingerprint=manifest["encoder_fingerprint"],
                labels=tuple(_read(folder / "labels.json")) if trained else (),
                entity_types=tuple(entities.get("types", ())),
                temperature=calibration.get("temperature", 1.0),
                sentiment_temperature=calibration.get("sentiment_temperature", 1.0),
                share=calibration.get("share", 1.0),
                scope=Scope.load(folder) if trained else None,
                lexical=Lexical.load(folder) if trained else None,
                dimension=settings["dimension"],
                context_turns=settings["context_turns"],
                folder=folder,
                _pieces=entities.get("pieces", 1),
                _transitions=Transitions.load(folder, entities.get("types", ())),
                _settings=settings,
                _tokenizer=load_tokenizer(
                    (folder / "tokenizer.json").read_text(encoding="utf-8"), settings["max_tokens"]
                ),
                _trunk=_session(folder / "trunk.onnx"),
                _heads=_session(folder / "heads.onnx") if trained else None,
            )
        except (OSError, ValueError, KeyError, FinetuneError) as error:
            raise NoModel(
                f"model {folder.name} in {folder.parent} cannot be opened ({error}); run "
                "`frontdesk models` to choose another or `frontdesk finetune` to make one"
            ) from error

    @property
    def _any_length(self) -> bool:
        """Whether the heads read windows of any length; those of older versions read whole ones."""
        return self._heads is not None and self._heads.get_inputs()[0].shape[1] == "k"

    @property
    def trained(self) -> bool:
        """False for the pretrained encoder alone, which knows no intents and no replies."""
        return self._heads is not None

    def encode(
        self,
        texts: Sequence[str],
        kind: Literal["query", "passage"] = "query",
        progress: Callable[[int], None] | None = None,
    ) -> FloatArray:
        """Unit vectors (n, d) of texts, batched by length."""
        prefix = self._settings[f"{kind}_prefix"]
        rows = token_ids(self._tokenizer, [prefix + text for text in texts])
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for indices, (found,) in self._passes(rows, ["vector"], progress):
            vectors[indices] = found
        return vectors

    def encode_messages(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> tuple[FloatArray, list[list[FoundEntity]]]:
        """As `encode`, with the entities that the same pass finds in each text."""
        if not self.entity_types:
            return self.encode(texts, progress=progress), [[] for _ in texts]
        prefix = self._settings["query_prefix"]
        rows, units = ids_and_units(self._tokenizer, texts, prefix, self._pieces)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        found: list[list[FoundEntity]] = [[] for _ in texts]
        for indices, outputs in self._passes(rows, ["vector", "tags"], progress):
            vectors[indices] = outputs[0]
            for i, logits in zip(indices, outputs[1], strict=True):
                own = logits[units[i].token, units[i].place]
                found[i] = decode(own, units[i], self.entity_types, self._transitions)
        return vectors, found

    def _passes(
        self,
        rows: Sequence[IntArray],
        outputs: Sequence[str],
        progress: Callable[[int], None] | None,
    ) -> Iterator[tuple[IntArray, list[FloatArray]]]:
        """Texts, as token ids, of like length at a time: their places, and what the trunk makes of
        them."""
        done = 0
        for indices in batches_by_length([len(row) for row in rows], BATCH_ROWS, BATCH_TOKENS):
            ids, mask = pad([rows[i] for i in indices], self._settings["pad_id"])
            yield indices, self._trunk.run(outputs, {"ids": ids, "mask": mask})
            if progress:
                progress(done := done + len(indices))

    def read(self, texts: Sequence[str], turns: FloatArray, speakers: IntArray) -> "Readings":
        """What the heads make of messages among the turns before them.

        `texts` are the n messages, `turns` (n, k, d) end with the messages themselves; `speakers`
        (n, k) are 0 where there is no turn, 1 for the customer and 2 for the agent. Without a
        trained head there are no intents and the query is the message.
        """
        if self._heads is None:
            nothing = np.zeros((len(turns), 0), dtype=np.float32)
            return Readings(nothing, nothing, turns[:, -1], nothing)
        if self._any_length:
            turns, speakers = unpadded(turns, speakers)
        logits, queries, felt = self._heads.run(None, {"turns": turns, "speakers": speakers})
        if self.lexical is not None:
            logits = logits + self.lexical.logits(texts)
        return Readings(
            logits,
            self._probabilities(logits, turns[:, -1]),
            queries,
            softmax(felt / self.sentiment_temperature),
        )

    def _probabilities(self, logits: FloatArray, vectors: FloatArray) -> FloatArray:
        """Of each intent (n, c): being in scope counted in, where the version has learnt scope."""
        if self.scope is None:
            return softmax(logits / self.temperature)
        return self.scope.probabilities(logits, vectors).astype(np.float32)

    def window(self, state: State, vector: FloatArray) -> tuple[FloatArray, IntArray]:
        """A message's vector (d,) after the turns of a session, as one row for `read`."""
        earlier = [(vector, SPEAKERS[speaker]) for speaker, vector in state.turns]
        return window([*earlier, (vector, SPEAKERS["customer"])], self.context_turns)


@dataclass(frozen=True, slots=True)
class Readings:
    """Of n messages: intent logits and calibrated probabilities (n, c), unit reply queries (n, d),
    probabilities of each of SENTIMENTS (n, s; s is 0 where none was learnt)."""

    logits: FloatArray
    probabilities: FloatArray
    queries: FloatArray
    sentiments: FloatArray

    def rows(self, chosen: slice | IntArray) -> "Readings":
        """Those of some messages."""
        return Readings(
            self.logits[chosen],
            self.probabilities[chosen],
            self.queries[chosen],
            self.sentiments[chosen],
        )

    def sentiment(self, row: int) -> str | None:
        """The likeliest sentiment of a message."""
        shares = self.sentiments[row]
        return SENTIMENTS[int(shares.argmax())] if len(shares) else None


def joined(parts: Sequence[Readings]) -> Readings:
    """The readings of several batches as one."""
    return Readings(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.queries for part in parts]),
        np.concatenate([part.sentiments for part in parts]),
    )


def window(turns: Sequence[tuple[FloatArray, int]], count: int) -> tuple[FloatArray, IntArray]:
    """The last `count` turns as arrays (1, count, d) and (1, count), padded at the front."""
    recent = turns[-count:]
    vectors = np.zeros((1, count, len(recent[-1][0])), dtype=np.float32)
    speakers = np.zeros((1, count), dtype=np.int64)
    vectors[0, count - len(recent) :] = [vector for vector, _ in recent]
    speakers[0, count - len(recent) :] = [speaker for _, speaker in recent]
    return vectors, speakers


def unpadded(turns: FloatArray, speakers: IntArray) -> tuple[FloatArray, IntArray]:
    """Windows (n, k, d) and (n, k) without the first places, where those are empty in all."""
    first = int((speakers != 0).any(axis=0).argmax())
    return turns[:, first:], speakers[:, first:]


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities along the last axis; no columns stay no columns."""
    if logits.shape[-1] == 0:
        return logits
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: FloatArray = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def top(names: Sequence[str], scores: Iterable[float], count: int) -> list[tuple[str, float]]:
    """The best `count` names with their scores, best first, ties by name."""
    numbers = scores.tolist() if isinstance(scores, np.ndarray) else map(float, scores)
    best = sorted(zip((-score for score in numbers), names, strict=True))[:count]
    return [(name, -score) for score, name in best]


def _session(path: Path) -> "InferenceSession":
    """One thread: two that wait for each other cost more than they give beside other work."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what went wrong is in the exception
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises types of its own for every kind of bad file
        raise ValueError(str(error)) from error


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
