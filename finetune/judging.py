"""What a trained model is worth on messages nobody trained on: each task's figures, message by
message and in sum, and the same of the frozen encoder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from finetune import calibration, evaluation
from finetune.baseline import Labelled, labelled_intents, labelled_sentiments, linear_probe
from finetune.conversation import SENTIMENTS
from finetune.corpus import NO_LABEL, NO_TEXT, Message, Texts, intent_targets, replies_of
from finetune.crf import transitions_of
from finetune.lexical import WEIGHTS, Lexical
from finetune.lower import Lower
from finetune.network import HeadOutput, Heads
from finetune.scope import Sample, Scope
from finetune.tags import FoundEntity, Units, decode
from finetune.training import read_all, tag_logits

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
FEWEST_TO_WEIGH = 30
FEWEST_TO_TELL = 10
SHARES = tuple(np.arange(1.0, 0.04, -0.05).round(2).tolist())


@dataclass(frozen=True, slots=True)
class Names:
    """What the outputs of a model are called; a task that the chats do not carry has none."""

    intents: Sequence[str] = ()
    types: Sequence[str] = ()
    sentiments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How logits become probabilities: intents from the message alone or in context, each at its
    temperature. An intent `share` times as likely as the likeliest is one more request of the
    message; 1.0 finds one in each."""

    in_context: bool = False
    temperature: float = 1.0
    sentiment_temperature: float = 1.0
    share: float = 1.0

    def logits(self, output: HeadOutput) -> FloatArray:
        chosen = output.context_logits if self.in_context else output.message_logits
        return chosen.numpy()

    def probabilities(self, output: HeadOutput) -> FloatArray:
        return _softmax(self.logits(output) / self.temperature)


@dataclass(frozen=True, slots=True)
class Examined:
    """Held-out messages as a model reads them: `vectors` (n, d) by text, what the heads make of
    each message, the entities it finds in each (none where nobody marked any)."""

    messages: Sequence[Message]
    vectors: FloatArray
    output: HeadOutput
    entities: Sequence[Sequence[FoundEntity]]


def examine(
    heads: Heads,
    lower: Lower,
    messages: Sequence[Message],
    vectors: FloatArray,
    units: Sequence[Units],
    types: Sequence[str],
) -> Examined:
    """Read messages whose texts have their `vectors` (n, d) already."""
    entities: list[Sequence[FoundEntity]] = [()] * len(messages)
    rows = [row for row, message in enumerate(messages) if message.spans is not None]
    if heads.tags is not None and rows:
        texts = list(dict.fromkeys(messages[row].text for row in rows))
        logits = dict(zip(texts, tag_logits(heads.tags, lower, texts, units), strict=True))
        steps = transitions_of(heads.tags)
        for row in rows:
            text = messages[row].text
            entities[row] = decode(logits[text], units[text], types, steps)
    return Examined(messages, vectors, read_all(heads, messages, vectors), entities)


def choose_weight(validation: Examined, lexical: Lexical, texts: Texts) -> float:
    """How much the words count beside the vectors: the weight under which the validation messages'
    intents are the likeliest, each weight at its own temperature."""
    labelled = [row for row, message in enumerate(validation.messages) if message.intents]
    if len(labelled) < FEWEST_TO_WEIGH:
        return 0.0
    messages = [validation.messages[row] for row in labelled]
    said = lexical.logits([texts.all[message.text] for message in messages])
    alone = validation.output.message_logits[labelled].numpy()
    targets = intent_targets(messages, alone.shape[1])

    def surprise(weight: float) -> float:
        logits = alone + weight * said
        scaled = logits / calibration.fit_temperature(logits, targets)
        return calibration.cross_entropy(scaled, targets)

    return min(WEIGHTS, key=surprise)


def with_words(examined: Examined, lexical: Lexical | None, texts: Texts) -> Examined:
    """The same with what the words say added to the intents' logits."""
    if lexical is None or not examined.messages:
        return examined
    found = lexical.logits([texts.all[message.text] for message in examined.messages])
    said, output = torch.from_numpy(found), examined.output
    both = replace(
        output,
        message_logits=output.message_logits + said,
        context_logits=output.context_logits + said,
    )
    return replace(examined, output=both)


def sample_of(examined: Examined, reading: Reading, names: Names) -> Sample:
    """The messages whose intents are labelled, as scope is learnt from and judged by: one that is
    labelled with intents nobody taught is out of scope."""
    rows = [row for row, message in enumerate(examined.messages) if message.gold]
    gold = np.zeros((len(rows), len(names.intents)), dtype=np.bool_)
    for place, row in enumerate(rows):
        gold[place, list(examined.messages[row].intents)] = True
    vectors = examined.vectors[[examined.messages[row].text for row in rows]]
    return Sample(vectors, reading.logits(examined.output)[rows], gold)


def scope_metrics(sample: Sample, scope: Scope | None) -> dict[str, float]:
    """n, how many of them are out of scope (oos), how well the score tells those apart (auroc; only
    with FEWEST_TO_TELL of both kinds), and the calibration error of the served confidence over all
    of them."""
    if scope is None or not len(sample):
        return {"n": 0}
    from sklearn.metrics import roc_auc_score

    gold = sample.gold.copy()
    if scope.outside is not None:
        gold[:, scope.outside] = False
    inside = gold.any(axis=1)
    shares = scope.probabilities(sample.logits, sample.vectors)[:, scope.inside]
    verdicts = gold[:, scope.inside][np.arange(len(gold)), shares.argmax(axis=1)]
    figures: dict[str, float] = {"n": len(gold), "oos": int((~inside).sum())}
    if min(inside.sum(), (~inside).sum()) >= FEWEST_TO_TELL:
        score = scope.score(sample.logits, sample.vectors)
        figures["auroc"] = float(roc_auc_score(inside, score))
    ece = calibration.expected_calibration_error(shares.max(axis=1), verdicts)
    return {**figures, "ece": ece}


def served(examined: Examined, reading: Reading, scope: Scope | None) -> FloatArray:
    """The probability (n, c) of each intent as the bot is given it: scope counted in."""
    if scope is None:
        return reading.probabilities(examined.output)
    rows = [message.text for message in examined.messages]
    shares = scope.probabilities(reading.logits(examined.output), examined.vectors[rows])
    return shares.astype(np.float32)


def choose_reading(validation: Examined) -> Reading:
    """The better of the two kinds of logits on validation chats, the temperatures, the share."""
    sentiment = _sentiment_temperature(validation)
    labelled = [row for row, message in enumerate(validation.messages) if message.intents]
    output = validation.output
    if not labelled or output.message_logits.shape[1] < 2:
        return Reading(sentiment_temperature=sentiment)
    messages = [validation.messages[row] for row in labelled]
    alone = output.message_logits[labelled].numpy()
    context = output.context_logits[labelled].numpy()
    in_context = sum(right(context, messages)) > sum(right(alone, messages))
    chosen = context if in_context else alone
    temperature = calibration.fit_temperature(chosen, intent_targets(messages, alone.shape[1]))
    share = _share(_softmax(chosen / temperature), messages)
    return Reading(in_context, temperature, sentiment, share)


def _share(probabilities: FloatArray, messages: Sequence[Message]) -> float:
    """The share with the best micro F1, where any message has several intents."""
    if all(len(message.intents) < 2 for message in messages):
        return 1.0
    labels = [str(number) for number in range(probabilities.shape[1])]
    gold = [{str(number) for number in message.intents} for message in messages]

    def f1(share: float) -> float:
        return evaluation.multi_intent_metrics(probabilities, gold, labels, share)["micro_f1"]

    return float(max(SHARES, key=f1))


def _sentiment_temperature(validation: Examined) -> float:
    rows, labels = _sentiments(validation.messages)
    logits = validation.output.sentiment_logits[rows].numpy()
    if not len(rows) or logits.shape[1] < 2:
        return 1.0
    return calibration.fit_temperature(logits, np.eye(logits.shape[1])[labels])


def score(validation: Examined, texts: Texts, seed: int) -> float:
    """Mean over the tasks that the messages allow of accuracy, R@1 and entity F1 (0 for none)."""
    output, messages = validation.output, validation.messages
    scores = []
    gold = [row for row, message in enumerate(messages) if message.names_intent]
    if gold and output.context_logits.shape[1] > 1:
        verdicts = right(output.context_logits.numpy(), messages)
        scores.append(float(np.mean([verdicts[row] for row in gold])))
    if len(found := ranks(output.queries.numpy(), validation.vectors, messages, texts, seed)):
        scores.append(float((found == 1).mean()))
    rows, labels = _sentiments(messages)
    if len(rows) and output.sentiment_logits.shape[1] > 1:
        scores.append(float((output.sentiment_logits[rows].argmax(-1).numpy() == labels).mean()))
    if "f1" in (figures := entity_metrics(validation, texts)):
        scores.append(figures["f1"])
    return float(np.mean(scores)) if scores else 0.0


def metrics(
    reading: Reading, examined: Examined, names: Names, texts: Texts, seed: int
) -> dict[str, Any]:
    """Every task's figures; a task without labelled messages has n 0 alone."""
    output, messages = examined.output, examined.messages
    probabilities = reading.probabilities(output)
    felt = _softmax(output.sentiment_logits.numpy() / reading.sentiment_temperature)
    return {
        "intent": _intent_metrics(probabilities, messages, names),
        "multi_intent": _multi_intent_metrics(probabilities, messages, names, reading.share),
        "ranking": evaluation.ranking_metrics(
            ranks(output.queries.numpy(), examined.vectors, messages, texts, seed)
        ),
        "entities": entity_metrics(examined, texts),
        "sentiment": _sentiment_metrics(felt, messages, names),
    }


def frozen_metrics(
    pretrained: FloatArray,
    train: Sequence[Message],
    validation: Sequence[Message],
    test: Sequence[Message],
    names: Names,
    texts: Texts,
    seed: int,
) -> dict[str, Any]:
    """The figures of the untouched encoder: linear probes, and the cosine to the message."""
    rows = [message.text for message in test]

    def probe(labelled: tuple[Labelled, Labelled], classes: int) -> FloatArray:
        weights, biases = linear_probe(pretrained, *labelled, classes)
        return _softmax(pretrained[rows] @ weights.T + biases)

    intents = probe((labelled_intents(train), labelled_intents(validation)), len(names.intents))
    felt = (labelled_sentiments(train), labelled_sentiments(validation))
    return {
        "intent": _intent_metrics(intents, test, names),
        "multi_intent": _multi_intent_metrics(intents, test, names, 1.0),
        "ranking": evaluation.ranking_metrics(
            ranks(pretrained[rows], pretrained, test, texts, seed)
        ),
        "entities": {"n": 0},
        "sentiment": _sentiment_metrics(probe(felt, len(names.sentiments)), test, names),
    }


def predictions(
    part: str, probabilities: FloatArray, examined: Examined, names: Names, texts: Texts, seed: int
) -> list[dict[str, Any]]:
    """A record a message: what it is labelled with, what the model says and how surely, by the
    `probabilities` (n, c) that are served."""
    found = iter(
        ranks(examined.output.queries.numpy(), examined.vectors, examined.messages, texts, seed)
    )
    records = []
    for row, message in enumerate(examined.messages):
        guess = int(probabilities[row].argmax()) if names.intents else None
        records.append(
            {
                "part": part,
                "conversation": message.conversation,
                "turn": message.turn,
                "text": texts.all[message.text],
                "intents": sorted(message.gold),
                "guess": None if guess is None else names.intents[guess],
                "confidence": None if guess is None else float(probabilities[row, guess]),
                "reply_rank": int(next(found)) if message.reply != NO_TEXT else None,
            }
        )
    return records


def entity_metrics(examined: Examined, texts: Texts) -> dict[str, Any]:
    """Exact spans found in the messages whose entities are marked."""
    rows = [row for row, message in enumerate(examined.messages) if message.spans is not None]
    if not any(examined.messages[row].spans for row in rows):
        return {"n": 0}
    return evaluation.entity_metrics(
        [texts.all[examined.messages[row].text] for row in rows],
        [examined.messages[row].spans or () for row in rows],
        [[(e.start, e.end, e.type) for e in examined.entities[row]] for row in rows],
    )


def search_metrics(vectors: FloatArray, questions: Sequence[tuple[int, int]]) -> dict[str, float]:
    """How often a question's own passage comes first among the passages of all `questions`,
    pairs of text numbers whose vectors are rows of `vectors`."""
    if not questions:
        return {"n": 0}
    numbers = np.unique([passage for _, passage in questions])
    asked = vectors[[question for question, _ in questions]]
    places = np.searchsorted(numbers, [passage for _, passage in questions])
    scores = asked @ vectors[numbers].T
    own = scores[np.arange(len(places)), places]
    return evaluation.ranking_metrics((scores >= own[:, None]).sum(axis=1))


def right(logits: FloatArray, messages: Sequence[Message]) -> list[bool]:
    """Whether the first guess is among each message's labels."""
    return [
        int(guess) in message.intents
        for guess, message in zip(logits.argmax(-1), messages, strict=True)
    ]


def ranks(
    queries: FloatArray,
    vectors: FloatArray,
    messages: Sequence[Message],
    texts: Texts,
    seed: int,
) -> IntArray:
    """Ranks of the agents' replies among 100 candidates of the same chats."""
    rows = [row for row, message in enumerate(messages) if message.reply != NO_TEXT]
    asked = [messages[row].reply for row in rows]
    candidates = evaluation.candidate_sets(asked, replies_of(messages, texts), seed)
    return evaluation.reply_ranks(queries[rows], vectors, candidates)


def _intent_metrics(
    probabilities: FloatArray, messages: Sequence[Message], names: Names
) -> dict[str, float]:
    judged, gold = _gold(messages)
    if not names.intents or not judged:
        return {"n": 0}
    return evaluation.intent_metrics(probabilities[judged], gold, names.intents)


def _multi_intent_metrics(
    probabilities: FloatArray, messages: Sequence[Message], names: Names, share: float
) -> dict[str, float]:
    judged, gold = _gold(messages)
    if not names.intents or all(len(labels) < 2 for labels in gold):
        return {"n": 0}
    return evaluation.multi_intent_metrics(probabilities[judged], gold, names.intents, share)


def _gold(messages: Sequence[Message]) -> tuple[list[int], list[set[str]]]:
    judged = [row for row, message in enumerate(messages) if message.names_intent]
    return judged, [set(messages[row].gold) for row in judged]


def _sentiment_metrics(
    probabilities: FloatArray, messages: Sequence[Message], names: Names
) -> dict[str, float]:
    rows, labels = _sentiments(messages)
    if not names.sentiments or not len(rows):
        return {"n": 0}
    return evaluation.class_metrics(probabilities[rows], labels, SENTIMENTS)


def _sentiments(messages: Sequence[Message]) -> tuple[IntArray, IntArray]:
    pairs = [(row, m.sentiment) for row, m in enumerate(messages) if m.sentiment != NO_LABEL]
    rows, labels = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    return rows, labels


def _softmax(logits: NDArray[np.floating]) -> FloatArray:
    return torch.softmax(torch.from_numpy(logits.astype(np.float32)), -1).numpy()
