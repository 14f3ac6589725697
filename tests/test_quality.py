"""The table of `benchmarks/quality.py`: its data sets, its records, its cells."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import _table
from benchmarks._datasets import (
    DATA,
    DATASETS,
    Dataset,
    chat,
    records,
    spans_of,
    tags_of,
    thinned,
)
from benchmarks._rows import ROWS
from benchmarks._table import CELLS, EXTRA, Cell, append, load, markdown, record, table
from benchmarks._training import Job, Outcome
from finetune.conversation import OUT_OF_SCOPE, Conversation
from finetune.encoder import EncoderSource

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the shared data are not beside the project"
)

SIZES = {  # chats of train, validation and test, as published
    "banking77": (10_003, 0, 3_080),
    "banking77-10": (770, 1_540, 3_080),
    "banking77-5": (385, 1_540, 3_080),
    "banking77-10-more": (8_575, 1_540, 3_080),
    "banking77-5-more": (8_574, 1_540, 3_080),
    "clinc150": (15_000, 3_000, 5_500),
    "clinc150-with-oos": (15_100, 3_100, 5_500),
    "banking77-oos": (5_905, 1_506, 3_080),
    "snips": (13_084, 700, 700),
    "atis": (4_478, 500, 893),
    "cluener": (10_748, 0, 1_343),
    "cais": (7_995, 994, 1_012),
    "star": (3_472, 419, 428),
    "sentiment-airline": (11_696, 1_495, 1_449),
    "sentiment-waimai": (9_563, 1_160, 1_264),
    "multidogo-airline": (1_682, 240, 482),
    "multidogo-fastfood": (1_563, 223, 448),
    "multidogo-finance": (1_684, 240, 482),
    "multidogo-media": (1_694, 242, 484),
}


# Data sets


@needs_data
@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_has_its_published_size(name: str) -> None:
    count: Counter[str | None] = Counter()
    identities = set()
    for one in DATASETS[name].chats():
        count[one.split] += 1
        identities.add(one.id)

    assert (count["train"], count["validation"], count["test"]) == SIZES[name]
    assert len(identities) == count.total()


@needs_data
@pytest.mark.parametrize("name", ["clinc150", "banking77-oos"])
def test_nothing_out_of_scope_is_taught(name: str) -> None:
    outside = {one.split for one in DATASETS[name].chats() if OUT_OF_SCOPE in one.turns[0].intents}

    assert outside == {"test"}


@needs_data
@pytest.mark.parametrize("name", ["sentiment-airline", "sentiment-waimai"])
def test_a_text_is_in_one_part_only(name: str) -> None:
    parts: dict[str, set[str | None]] = {}
    for one in DATASETS[name].chats():
        parts.setdefault(one.turns[0].text, set()).add(one.split)

    assert all(len(found) == 1 for found in parts.values())


@needs_data
@pytest.mark.parametrize(("name", "between"), [("snips", " "), ("atis", " "), ("cluener-zh", "")])
def test_tags_become_spans_and_the_same_tags_again(name: str, between: str) -> None:
    for one in records(f"entities/{name}/all.jsonl"):
        if one["tags"]:
            spans = spans_of(one["tokens"], one["tags"], between)
            assert tags_of(one["tokens"], spans, between) == one["tags"]


def test_a_span_covers_its_tokens_in_the_joined_text() -> None:
    tokens, tags = ["to", "new", "york", "or", "rome"], ["O", "B-city", "I-city", "O", "B-city"]

    spans = spans_of(tokens, tags, " ")

    text = " ".join(tokens)
    assert [(text[start:end], type_) for start, end, type_ in spans] == [
        ("new york", "city"),
        ("rome", "city"),
    ]


def test_a_token_is_tagged_by_any_character_it_shares() -> None:
    assert tags_of(["浙商", "银行"], [(1, 4, "company")], "") == ["B-company", "I-company"]


def test_a_limit_thins_every_split_and_keeps_its_spread(chats: list[Conversation]) -> None:
    kept = thinned(chats, 3)

    assert [one.id for one in kept] == ["0", "3", "6", "9"]  # of train three, of test its one
    assert thinned(chats, None) == chats


@pytest.fixture
def chats() -> list[Conversation]:
    """Nine train chats and one test chat."""
    return [
        Conversation.model_validate(
            {
                "id": number,
                "split": "train" if number < 9 else "test",
                "turns": [{"speaker": "customer", "text": "Hi"}],
            }
        )
        for number in range(10)
    ]


# A row


@pytest.fixture
def job(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """CLINC150's place is taken by two intents of a bakery and a few messages of neither."""
    asked = {"open": "when are you open on {}", "track": "where is my parcel of {}"}
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

    def bakery() -> Iterator[Conversation]:
        for place, day in enumerate(days * 4):
            split = ("train", "train", "validation", "test")[place // 7]
            for intent, wording in asked.items():
                yield chat(f"{intent}-{place}", split, wording.format(day), intent=intent)
            if split == "test":
                yield chat(f"oos-{place}", split, f"the weather {day}", intent=OUT_OF_SCOPE)

    source = EncoderSource(str(tiny_encoder))
    monkeypatch.setitem(DATASETS, "clinc150", Dataset("clinc150", bakery, source))
    return Job(7, 40, tmp_path, lambda *_: None)


def test_a_row_from_data_to_figures(job: Job) -> None:
    outcome = ROWS["clinc150"].run(job)

    assert (outcome.train, outcome.test) == (28, 21)
    assert set(outcome.measured) == set(outcome.frozen) == {"accuracy", "ece", "auroc"}
    assert outcome.frozen["accuracy"] == 1.0
    assert outcome.train_seconds > 0 < outcome.peak_mib


def test_a_training_that_is_there_is_taken(job: Job) -> None:
    first, second = ROWS["clinc150"].run(job), ROWS["clinc150"].run(job)

    assert [path.name for path in (job.folder("clinc150")).glob("v*")] == ["v1"]
    assert first.measured == second.measured
    assert first.train_seconds == second.train_seconds


# The table

ABOUT = {
    "commit": "abc1234",
    "date": "2026-11-24T10:00:00+00:00",
    "machine": "x86_64, Python 3.11.7",
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two seeds of one row, one of them twice, and a trial with a limit."""
    path = tmp_path / "quality.jsonl"
    for seed, limit, accuracy in ((7, None, 0.5), (7, None, 0.84), (8, None, 0.86), (7, 40, 0.1)):
        outcome = Outcome({"accuracy": accuracy}, {"accuracy": 0.8}, 385, 3080, 77.0, 6.16, 900.0)
        append(path, record("banking77-5", seed, limit, outcome, ABOUT))
    return path


def test_the_last_record_of_a_seed_counts_and_trials_do_not(saved: Path) -> None:
    assert [one["measured"]["accuracy"] for one in load(saved)] == [0.84, 0.86]
    assert [one["measured"]["accuracy"] for one in load(saved, limit=40)] == [0.1]


def test_the_table_of_a_saved_file_is_exact(saved: Path) -> None:
    shown = table(load(saved), ["banking77-5"]).splitlines()

    assert " ".join(shown[0].split()) == " ".join(_table.HEAD)
    assert shown[2] == (
        "banking77-5         5 examples an intent                     84.01    80.00 ± 0.00     "
        "85.00 ± 1.41            84      2   3,080          200.0           2.0       900  "
        "        CPU"
    )
    assert shown[4] == "measured at abc1234 2026-11-24"


def test_a_gpu_is_named(saved: Path) -> None:
    gpu = {**ABOUT, "machine": "x86_64, Python 3.12.3, NVIDIA H200"}
    append(saved, record("banking77-5", 9, None, Outcome({"accuracy": 0.9}), gpu))
    assert table(load(saved), ["banking77-5"]).splitlines()[2].endswith("  CPU, NVIDIA H200")


def test_what_is_not_measured_is_a_dash() -> None:
    lines = table([]).splitlines()[2:-2]

    assert len(lines) == len(CELLS) + len(EXTRA)
    assert all(line.split("  ")[-1].strip() == _table.DASH for line in lines)


def test_markdown_has_every_cell_with_its_source() -> None:
    lines = markdown([]).splitlines()[2:]

    cells: list[Cell] = [*CELLS, *EXTRA]
    assert [line.split(" | ")[-1].removesuffix(" |") for line in lines] == [
        cell.source for cell in cells
    ]


def test_every_row_has_a_cell_and_every_cell_a_row() -> None:
    assert {cell.row for cell in (*CELLS, *EXTRA)} == set(ROWS)


def test_the_page_has_the_cells_of_the_table() -> None:
    page = (Path(__file__).parents[1] / "docs" / "quality.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- quality -->\n")[2].partition("<!-- /quality -->")[0]

    kept = (0, 1, 2, 5, 12)  # not what was measured
    assert [[line.split(" | ")[i] for i in kept] for line in shown.splitlines()] == [
        [line.split(" | ")[i] for i in kept] for line in markdown([]).splitlines()
    ]
