"""The page of a run: its figures are those of the evaluation, and nothing in it can do harm."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune import calibration, evaluation
from finetune.gate import Outcome, Outcomes, compare
from finetune.label_issues import Contradiction, LabelIssue
from finetune.report import _SECTIONS as SECTIONS
from finetune.report import (
    Place,
    Prediction,
    SuspectLabel,
    TornText,
    TrainingReport,
    measures,
    page,
    predictions,
    suspect_labels,
    torn_texts,
    words,
    write_page,
)
from finetune.report.drawing import ticks
from finetune.report.markup import escape, message, percent, sure, tag

VOID = {"meta", "input", "br", "wbr"}
HOSTILE = "<script>document.title='owned'</script>\"'&\x00\x1b[31m\u202egnp.exe\ud800"


class Reader(HTMLParser):
    """Every element and its attributes, the visible text, and whether all that opens closes."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.shown)

    def attributes(self, name: str) -> list[str]:
        return [given[name] or "" for _, given in self.elements if name in given]


def read(gold: Sequence[str], guess: str, sure: float, number: int, part: str) -> Prediction:
    place = Place(f"c{number // 2}", number % 2, f"message {number}")
    return Prediction(part, place, tuple(gold), guess, sure)


def drawn(intents: int, n: int = 400, part: str = "test", seed: int = 0) -> list[Prediction]:
    """Messages that are read rightly as often as the model is sure."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        gold, confidence = int(rng.integers(intents)), float(rng.uniform(0.6, 1.0))
        other = (gold + int(rng.integers(1, intents))) % intents
        guess = gold if rng.random() < confidence else other
        made.append(read([f"intent_{gold}"], f"intent_{guess}", confidence, number, part))
    return made


def metrics_of(judged: Sequence[Prediction]) -> dict[str, Any]:
    """What the run itself would say of these predictions."""
    names = sorted({str(one.guess) for one in judged} | {x for one in judged for x in one.intents})
    probabilities = np.zeros((len(judged), len(names)))
    for row, one in enumerate(judged):
        probabilities[row] = (1 - one.confidence) / max(len(names) - 1, 1)
        probabilities[row, names.index(str(one.guess))] = one.confidence
    gold = [set(one.intents) for one in judged]
    return {"intent": evaluation.intent_metrics(probabilities, gold, names)}


def report(intents: int = 5, **changed: Any) -> TrainingReport:
    test = drawn(intents)
    given: dict[str, Any] = {
        "bot": "The Bakery",
        "version": "v3",
        "created": "2026-11-24",
        "metrics": {"test": metrics_of(test), "frozen": {"intent": {"n": 400, "accuracy": 0.5}}},
        "predictions": [*test, *drawn(intents, part="calibration", seed=1)],
        "history": [
            {"epoch": 1, "intent": 1.2, "ranking": 0.0, "validation": 0.7},
            {"epoch": 2, "intent": 0.8, "ranking": 0.0, "validation": 0.8},
            {"epoch": 3, "intent": 0.7, "ranking": 0.0, "validation": 0.8},
        ],
        "max_wrong": 0.2,
    }
    return TrainingReport(**given | changed)


# The figures are those of the evaluation


def test_the_page_shows_the_figures_of_the_run() -> None:
    made = report()
    shown = Reader(page(made)).text
    figures = made.metrics["test"]["intent"]
    for share in ("accuracy", "macro_f1"):
        assert percent(figures[share]) in shown
    assert f"{figures['ece']:.3f}" in shown
    assert f"v3 understands {percent(figures['accuracy'])} of held-out messages" in shown


def test_the_intents_add_up_to_macro_f1_and_accuracy() -> None:
    judged = [*drawn(6), read(["intent_1", "intent_2"], "intent_2", 0.9, 900, "test")]
    judged.append(read(["never_seen", "nor_this"], "intent_0", 0.9, 901, "test"))
    figures = metrics_of(judged)["intent"]
    scores = measures.per_intent(judged)
    own = [score for score in scores if score.n]
    assert np.mean([score.f1 for score in own]) == pytest.approx(figures["macro_f1"], abs=1e-12)
    assert sum(score.n for score in own) == figures["n"]
    right = sum(score.recall * score.n for score in own) / figures["n"]
    assert right == pytest.approx(figures["accuracy"], abs=1e-12)
    assert [score.f1 for score in own] == sorted(score.f1 for score in own)


def test_the_reliability_bins_are_those_of_the_calibration_error() -> None:
    judged = [*drawn(4), read(["a"], "a", 0.0, 0, "test"), read(["a"], "b", 1.0, 1, "test")]
    bins = measures.reliability(judged)
    gap = sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / len(judged)
    ece = calibration.expected_calibration_error(*measures.verdicts(judged))
    assert gap == pytest.approx(ece, abs=1e-12)
    assert sum(each.n for each in bins) == len(judged)


def test_the_risk_curve_ends_at_the_error_rate_and_its_band_holds_it() -> None:
    judged = drawn(5)
    curve = measures.risk_curve(judged)
    assert curve.coverage[-1] == 1.0
    accuracy = metrics_of(judged)["intent"]["accuracy"]
    assert curve.risk[-1] == pytest.approx(1 - accuracy, abs=1e-12)
    assert (curve.low <= curve.high).all()
    assert curve.low[-1] < curve.risk[-1] < curve.high[-1]


def test_equally_sure_messages_are_answered_together() -> None:
    right, wrong = read(["a"], "a", 0.5, 0, "test"), read(["a"], "b", 0.5, 1, "test")
    assert measures.risk_curve([right, wrong]).risk.tolist() == [0.5, 0.5]
    assert measures.risk_curve([wrong, right]).risk.tolist() == [0.5, 0.5]


def test_the_threshold_is_certified_on_other_chats_than_it_is_shown_on() -> None:
    made = report()
    found = measures.promise(made)
    assert found is not None
    held = made.part("calibration")
    chats = np.array([int(one.place.conversation[1:]) for one in held])
    expected = calibration.threshold_at_risk(*measures.verdicts(held), 0.2, conversations=chats)
    assert found.certified == expected
    assert expected.threshold is not None
    above = [one for one in made.part("test") if one.confidence >= expected.threshold]
    assert found.answered == len(above) / 400
    assert found.wrong == sum(not one.right for one in above) / len(above)
    assert f"answer {percent(found.answered, 0)}" in Reader(page(made)).text


def test_the_validation_messages_say_where_certifying_begins() -> None:
    """Four of the 77 surest are wrong, which ends a search that begins with them."""

    def ranked(part: str) -> list[Prediction]:
        wrong = (10, 30, 50, 70)
        return [
            Prediction(
                part, Place(f"{part} {n}", 0, ""), ("a",), "ba"[n not in wrong], 1 - n / 1000
            )
            for n in range(1000)
        ]

    parts = ("validation", "calibration", "test")
    kept = [one for part in parts for one in ranked(part)]
    alone = measures.promise(report(predictions=kept[1000:], max_wrong=0.05))
    led = measures.promise(report(predictions=kept, max_wrong=0.05))
    assert alone is not None
    assert led is not None
    assert (alone.answered, led.answered) == (0.0, 1.0)
    assert (alone.certified.pilot, led.certified.pilot) == (0, 1000)


def test_what_cannot_be_promised_is_said() -> None:
    shown = Reader(page(report(predictions=drawn(5)))).text
    assert "At most 20\u202f% wrong answers cannot be promised yet (too little data" in shown


def test_a_table_adds_up_as_it_is_shown() -> None:
    metrics = {
        "test": {"intent": {"n": 1000, "accuracy": 0.9246}},
        "frozen": {"intent": {"n": 1000, "accuracy": 0.9004}},
    }
    shown = Reader(page(report(metrics=metrics))).text
    assert "90.0\u202f%  92.5\u202f%  +2.5" in re.sub(r" +", "  ", shown)


def test_confusions_are_ranked_pairs_with_their_surest_examples() -> None:
    mistakes = [("a", "b"), ("a", "b"), ("b", "a"), ("c", "a"), ("a", "a")]
    judged = [
        read([gold], guess, 0.5 + number / 10, number, "test")
        for number, (gold, guess) in enumerate(mistakes)
    ]
    first, second = measures.confusions(judged)
    assert (first.one, first.other, first.there, first.back) == ("a", "b", 2, 1)
    assert [one.place.text for one in first.examples] == ["message 2", "message 1", "message 0"]
    assert (second.one, second.other, second.there, second.back) == ("c", "a", 1, 0)
    names, counts = measures.matrix(judged)
    assert names == ["a", "b", "c"]
    assert counts.tolist() == [[1, 2, 0], [1, 0, 0], [1, 0, 0]]


# What it says


@pytest.mark.parametrize(
    ("test", "frozen", "said"),
    [
        (
            {"intent": {"n": 9, "accuracy": 0.939}},
            {"intent": {"n": 9, "accuracy": 0.924}},
            "v3 understands 93.9\u202f% of held-out messages, the untouched encoder 92.4\u202f%.",
        ),
        (
            {"intent": {"n": 9, "accuracy": 0.9}},
            {"intent": {"n": 9, "accuracy": 0.924}},
            "v3 understands 90.0\u202f% of held-out messages; the untouched encoder did better, "
            "92.4\u202f%.",
        ),
        (
            {"intent": {"n": 0}, "ranking": {"n": 9, "r@1": 0.39}},
            {"ranking": {"n": 9, "r@1": 0.17}},
            "v3 finds the agent’s own reply first in 39.0\u202f% of held-out turns, the untouched "
            "encoder 17.0\u202f%.",
        ),
        (
            {"intent": {"n": 0}},
            {},
            "v3 was trained; there were no held-out messages to judge it by.",
        ),
    ],
)
def test_the_headline(test: dict[str, Any], frozen: dict[str, Any], said: str) -> None:
    assert words.headline(report(metrics={"test": test, "frozen": frozen})) == said


def test_every_task_that_was_judged_is_in_the_table() -> None:
    found = {"n": 9, "precision": 0.5, "recall": 0.6, "f1": 0.55}
    metrics = {
        "test": {
            "ranking": {"n": 9, "r@1": 0.1, "r@5": 0.2, "r@10": 0.3, "mrr": 0.2},
            "entities": {**found, "types": {"order_id": found}},
            "sentiment": {"n": 9, "accuracy": 0.7, "macro_f1": 0.6, "ece": 0.1},
            "scope": {"n": 9, "oos": 3, "auroc": 0.97, "ece": 0.05},
            "multi_intent": {"n": 0},
        },
        "frozen": {},
    }
    shown = Reader(page(report(metrics=metrics, predictions=[]))).text
    for title in (
        "Choosing the agent’s reply",
        "Entities",
        "Sentiment",
        "out of scope",
        "order_id",
    ):
        assert title in shown
    assert "All intents of a message" not in shown
    assert "What it mixes up" not in shown


def test_label_mistakes_name_the_chat_and_the_turn() -> None:
    places = [Place("c1", 0, "hi"), Place("c7", 4, "where is my parcel")]
    made = report(
        suspects=suspect_labels([LabelIssue(1, "greet", "track", 0.93)], places),
        torn=torn_texts([Contradiction("hi", (("greet", (0,)), ("bye", (1,))))], places),
    )
    assert made.suspects == [SuspectLabel(places[1], "greet", "track", 0.93)]
    assert made.torn == [TornText("hi", (("greet", (places[0],)), ("bye", (places[1],))))]
    shown = Reader(page(made)).text
    assert "where is my parcel" in shown
    assert "chat c7, turns[4]" in shown
    assert "93\u202f%" in shown


def test_the_verdict_names_the_intents_that_fell() -> None:
    def outcomes(version: str, right: bool) -> Outcomes:
        messages = [
            Outcome(
                f"c{n}", 0, f"where is {n}", frozenset({"track"}), "other", 0.8, right or n > 20
            )
            for n in range(40)
        ]
        return Outcomes(version, ("other", "track"), messages)

    verdict = compare(outcomes("v2", True), outcomes("v3", False))
    shown = Reader(page(report(verdict=verdict))).text
    assert verdict.reason in shown
    assert "1 intent fell" in shown
    assert "where is 0" in shown
    assert "May it go live" not in Reader(page(report())).text


def test_the_rows_of_predictions_json() -> None:
    record = {
        "part": "test",
        "conversation": "c1",
        "turn": 2,
        "text": "hi",
        "intents": ["greet"],
        "guess": None,
        "confidence": None,
        "reply_rank": 3,
    }
    (one,) = predictions([record])
    assert (one.place, one.reply_rank, one.judged) == (Place("c1", 2, "hi"), 3, False)
    (other,) = predictions([{**record, "guess": "greet", "confidence": 0.5}])
    assert other.judged
    assert other.right


def test_the_sections_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/report.md").read_text(encoding="utf-8")
    table = text.partition("<!-- sections -->")[2].partition("<!-- /sections -->")[0]
    documented = [line.split(" | ")[0].strip("| ") for line in table.strip().splitlines()[2:]]
    assert documented == [title for _, title, _ in SECTIONS]


# Every shape of data


@pytest.mark.parametrize("intents", [2, 30, 500])
def test_any_number_of_intents(intents: int) -> None:
    seen = Reader(page(report(intents)))
    assert ("matrix-title" in seen.attributes("id")) == (intents <= 30)
    assert sum(name == "svg" and "role" in given for name, given in seen.elements) >= 4


def test_a_bot_without_intents_is_shown_with_its_ranking() -> None:
    metrics = {"test": {"intent": {"n": 0}, "ranking": {"n": 3, "r@1": 1 / 3}}, "frozen": {}}
    ranked = [Prediction("test", Place("c", 0, "hi"), (), None, 0.0, 2)]
    shown = Reader(page(report(metrics=metrics, predictions=ranked))).text
    assert "33.3\u202f%" in shown
    assert "Intent by intent" not in shown


def test_an_empty_report_and_one_without_a_mistake() -> None:
    empty = TrainingReport("Bot", "v1", "today", {})
    assert "no held-out messages" in Reader(page(empty)).text
    perfect = [read(["a"], "a", 0.9, number, "test") for number in range(4)]
    assert "No held-out message was misread." in Reader(page(report(predictions=perfect))).text


@pytest.mark.parametrize("epochs", [1, 2, 20])
def test_any_number_of_epochs(epochs: int) -> None:
    history = [{"epoch": n + 1, "intent": 0.0, "validation": n / 20} for n in range(epochs)]
    seen = Reader(page(report(history=history)))
    assert ("in the first epoch" in seen.text) == (epochs > 1)
    assert "loss: intent" not in seen.text  # there was nothing to learn


def test_chinese_and_long_texts() -> None:
    long = "很长的话" * 3000
    test = [Prediction("test", Place("聊天", 0, long), ("退款/申请",), "查询余额", 0.9)]
    source = page(report(predictions=test, language="zh"))
    assert "退款/<wbr>申请" in source
    assert "很长的话" in source
    assert len(source) < 60_000
    assert 'lang="zh"' in source
    assert message(long).count("很长的话") == 35  # two columns each
    assert message("x" * 280).count("x") == 280


# Nothing in it can do harm, and it needs nothing else


def hostile_report() -> TrainingReport:
    place = Place(HOSTILE, 0, HOSTILE)
    read_wrongly = [
        Prediction(part, place, (HOSTILE,), f"other {HOSTILE}", 0.9)
        for part in ("test", "calibration")
    ]
    return report(
        bot=HOSTILE,
        version=HOSTILE,
        created=HOSTILE,
        predictions=read_wrongly,
        suspects=[SuspectLabel(place, HOSTILE, HOSTILE, 0.9)],
        torn=[TornText(HOSTILE, ((HOSTILE, (place,)),))],
        settings={HOSTILE: {HOSTILE: HOSTILE}},
        notes=[HOSTILE],
        language=HOSTILE,
        history=[{"epoch": 1, HOSTILE: 1.0, "validation": 0.5}] * 2,
    )


def test_what_customers_write_is_inert() -> None:
    source = page(hostile_report())
    seen = Reader(source)
    assert [name for name, _ in seen.elements].count("script") == 1  # the page's own
    assert not any(name.startswith("on") for _, given in seen.elements for name in given)
    assert "<script>document.title='owned'</script>" in seen.text
    assert not set("\x00\x1b\u202e\ud800") & set(source)
    source.encode("utf-8")


def test_the_page_is_whole_by_itself() -> None:
    source = page(report())
    seen = Reader(source)
    assert "http" not in re.sub(r"http-equiv", "", source)
    assert not [name for name, _ in seen.elements if name in ("link", "img", "iframe", "object")]
    assert not seen.attributes("src")
    assert all(link.startswith("#") for link in seen.attributes("href"))
    assert {link[1:] for link in seen.attributes("href")} <= set(seen.attributes("id"))
    (policy,) = (
        given["content"]
        for _, given in seen.elements
        if given.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    assert policy.startswith("default-src 'none';")


def test_every_figure_has_a_title_words_and_numbers() -> None:
    seen = Reader(page(report()))
    ids = seen.attributes("id")
    assert len(ids) == len(set(ids))
    named = [name for names in seen.attributes("aria-labelledby") for name in names.split()]
    assert set(named) <= set(ids)
    drawings = [given for name, given in seen.elements if name == "svg"]
    assert all("aria-labelledby" in given or "aria-hidden" in given for given in drawings)
    assert seen.text.count("The numbers") == 4  # risk, reliability, matrix, learning curves


def test_markup_is_escaped_unless_it_is_markup() -> None:
    assert tag("p", "<b>", tag("i", "&"), title='"') == (
        '<p title="&quot;">&lt;b&gt;<i>&amp;</i></p>'
    )
    assert escape("a\nb\x07") == "a b\ufffd"
    assert escape("👩\u200d🌾 می\u200cخواهم") == "👩\u200d🌾 می\u200cخواهم"  # joiners are no danger


def test_writing_leaves_the_whole_page_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(report(), path)
    first = path.read_text(encoding="utf-8")
    assert first == page(report())
    with pytest.raises(KeyError):
        write_page(report(history=[{}]), path)
    assert path.read_text(encoding="utf-8") == first
    assert list(tmp_path.iterdir()) == [path]


# Small parts


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.084, [0, 0.02, 0.04, 0.06, 0.08]),
        (4.2, [0, 1, 2, 3, 4]),
        (0.0, [0]),
        (float("nan"), [0]),
    ],
)
def test_ticks_are_round(top: float, expected: list[float]) -> None:
    assert ticks(top) == expected


def test_no_model_is_certain() -> None:
    assert sure(0.9999) == "over 99\u202f%"
    assert sure(0.504) == "50\u202f%"
