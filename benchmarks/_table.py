"""The table: what was measured beside the best that is known, from records of finished rows.

A record is one row at one seed, a line of JSON with the commit, the date and the machine. The
last record of a row and seed counts.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks._training import Outcome

DASH = "–"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of a row, in the words of the table.

    `best` is the best known figure and `source` where it stands; `reach` is what to reach. A
    figure that is a percentage where it was published has `percent`.
    """

    row: str
    figure: str
    title: str
    best: str
    reach: str
    source: str
    percent: bool = True


SPACE3 = "SPACE-3, 110 M parameters (arXiv:2209.06664)"
ICDA = "ICDA (arXiv:2302.05096)"
SNGP = "SNGP, ensemble of 10 (google/uncertainty-baselines, clinc_intent)"
NONE = "none found"
JOINT = "JointBERT, 110 M parameters (arXiv:1902.10909)"
CLUE = "BERT-base (CLUENER2020, arXiv:2001.04351); RoBERTa-wwm-large 80.4"
FEW_SHOTS = "none found on the full split (arXiv:2106.04564 has few-shot recalls)"
STAR_PEER = (
    "none found on STAR; the nearest, 1 of 100 on AmazonQA: 84.2 (PolyAI-Encoder, "
    "PolyAI-LDN/conversational-datasets BENCHMARKS.md)"
)
AIRLINE = (
    "RoBERTa-base, 125 M (github.com/saadanis/airline-sentiment-analysis); DistilBERT, 66 M: 84.7 "
    "(huggingface.co/DunnBC22/distilbert-base-uncased-US_Airline_Twitter_Sentiment_Analysis); "
    "each on a random split of its own"
)
WAIMAI = (
    "none found for a fine-tuned model; frozen, few examples, on the 1,000 test texts of MTEB: "
    "multilingual-e5-base 84.4, Baichuan-text-embedding 88.8 (huggingface.co/datasets/mteb/results)"
)
BM25 = "BM25, measured before"

CELLS: tuple[Cell, ...] = (
    Cell("banking77", "accuracy", "intents, full: BANKING77", "94.94", "94.5, 94.94", SPACE3),
    Cell("banking77", "ece", "its calibration error", DASH, DASH, NONE, percent=False),
    Cell("banking77-10", "accuracy", "10 examples an intent", "89.79", "89", ICDA),
    Cell("banking77-5", "accuracy", "5 examples an intent", "84.01", "84", ICDA),
    Cell("banking77-10-more", "accuracy", "10, the rest unlabelled", "89.79", "89", ICDA),
    Cell("banking77-5-more", "accuracy", "5, the rest unlabelled", "84.01", "84", ICDA),
    Cell("clinc150", "accuracy", "in scope, full: CLINC150", "97.89", "97.5, 97.89", SPACE3),
    Cell("clinc150-oos", "auroc", "out of scope, AUROC", "0.973", "0.98", SNGP, percent=False),
    Cell("clinc150-oos", "ece", "calibration error, mixed", "0.064", "0.04", SNGP, percent=False),
    Cell("clinc150-oos", "taught.auroc", "AUROC, 100 such texts taught", DASH, DASH, NONE, False),
    Cell("clinc150-oos", "taught.ece", "its calibration error, mixed", DASH, DASH, NONE, False),
    Cell("banking77-oos", "auroc", "in-domain out of scope, AUROC", DASH, "best", FEW_SHOTS, False),
    Cell("banking77-oos", "accuracy", "its accuracy in scope", DASH, "best", FEW_SHOTS),
    Cell("banking77-oos", "ece", "its calibration error, mixed", DASH, DASH, NONE, False),
    Cell("banking77-oos", "general.auroc", "other matters, AUROC", DASH, DASH, NONE, False),
    Cell("snips", "f1", "entities, F1: SNIPS", "97.0", "96.0", JOINT),
    Cell("atis", "f1", "entities, F1: ATIS", "96.1", "95.1", JOINT),
    Cell("cluener", "f1", "entities, F1: CLUENER", "78.8", "77.8", CLUE),
    Cell("star", "r@1", "response choice, R@1 of 100: STAR", DASH, "50", STAR_PEER),
    Cell("star", "r@10", "R@10 of 100", DASH, "90", STAR_PEER),
    Cell("cais", "accuracy", "intents, Chinese: CAIS", "94.7", "96", "Liu et al. 2019 (D19-1097)"),
    Cell("choice", "macro_f1", "the choice, macro-F1", DASH, "raw + 5", NONE),
    Cell("choice", "raw.macro_f1", "by raw scores, macro-F1", DASH, DASH, NONE),
    Cell("choice", "wrong", "wrong of the answers", DASH, "5.0", NONE),
    Cell("choice", "raw.wrong", "by raw scores", DASH, DASH, NONE),
    Cell("choice", "answered", "answered", DASH, DASH, NONE),
    Cell("choice", "wrong_of_all", "wrong answers of all messages", DASH, DASH, NONE),
    Cell("choice", "raw.wrong_of_all", "by raw scores", DASH, DASH, NONE),
    Cell("answered-banking77", "answered", "answered at 5 % wrong: BANKING77", DASH, "97", NONE),
    Cell("answered-banking77", "wrong", "wrong of the answers", DASH, "5.0", NONE),
    Cell("answered-clinc150", "answered", "answered at 5 % wrong: CLINC150", DASH, "80", NONE),
    Cell("answered-clinc150", "wrong", "wrong of the answers", DASH, "5.0", NONE),
    Cell("search", "bm25.r@1", "KB search, R@1: BM25", "50.5", DASH, BM25),
    Cell("search", "dense.r@1", "dense", DASH, "above both", NONE),
    Cell("search", "hybrid.r@1", "hybrid", DASH, "above dense", NONE),
    Cell("search", "known.hybrid.r@1", "hybrid, answers known", DASH, "not lower", NONE),
    Cell("search", "own.hybrid.r@1", "hybrid, in its own vectors", DASH, DASH, NONE),
    Cell("search", "known.own.hybrid.r@1", "the same, answers known", DASH, DASH, NONE),
    Cell("search", "bm25.ndcg@10", "nDCG@10: BM25", DASH, DASH, NONE),
    Cell("search", "dense.ndcg@10", "dense", DASH, "above BM25", NONE),
    Cell("search", "hybrid.ndcg@10", "hybrid", DASH, "above dense", NONE),
    Cell("search", "known.hybrid.ndcg@10", "hybrid, answers known", DASH, "not lower", NONE),
    Cell("search", "own.hybrid.ndcg@10", "hybrid, in its own vectors", DASH, DASH, NONE),
    Cell("search", "known.own.hybrid.ndcg@10", "the same, answers known", DASH, DASH, NONE),
    Cell("sentiment-airline", "accuracy", "sentiment: airline tweets", "86.2", "85.2", AIRLINE),
    Cell("sentiment-airline", "macro_f1", "its macro-F1", "82.0", "81.0", AIRLINE),
    Cell("sentiment-waimai", "accuracy", "sentiment: food deliveries, zh", DASH, "best", WAIMAI),
    Cell("sentiment-waimai", "macro_f1", "its macro-F1", DASH, DASH, WAIMAI),
)  # fmt: skip

EXTRA: tuple[Cell, ...] = tuple(
    Cell(f"multidogo-{domain}", figure, title, best, DASH, source)
    for domain, svm in (
        ("airline", "89.7"),
        ("fastfood", "88.4"),
        ("finance", "93.4"),
        ("media", "94.1"),
    )
    for figure, title, best, source in (
        ("accuracy", f"intents: MultiDoGO {domain}", svm, "TF-IDF with a linear SVM, whole label"),
        ("entities.f1", "its entities, F1", DASH, NONE),
    )
)


# --- records -------------------------------------------------------------------------------------


def record(
    row: str, seed: int, limit: int | None, outcome: Outcome, about: Mapping[str, str]
) -> Record:
    """A row at a seed as a line of JSON; `about` names commit, date and machine."""
    return {"row": row, "seed": seed, "limit": limit, **about, **asdict(outcome)}


def append(path: Path, one: Record) -> None:
    """Add a record to a file, in one write."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(one, ensure_ascii=False) + "\n")


def load(path: Path, limit: int | None = None) -> list[Record]:
    """The last record of each row and seed, of those made with this limit."""
    found: dict[tuple[str, int], Record] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["limit"] == limit:
            found[one["row"], one["seed"]] = one
    return list(found.values())


# --- printing ------------------------------------------------------------------------------------

HEAD = (
    "row", "figure", "best known", "frozen + probe", "measured", "reach", "seeds", "test",
    "train s/1,000", "read s/1,000", "peak MiB", "trained on",
)  # fmt: skip
WIDTHS = (18, 34, 10, 14, 15, 12, 5, 6, 13, 12, 8, 11)


def table(found: Sequence[Record], names: Collection[str] = ()) -> str:
    """Every cell as text, or those of the named rows; what was not measured is a dash."""
    lines = [_line(HEAD), _line(["-" * width for width in WIDTHS])]
    lines += [_line(cells) for cells in rows(found) if not names or cells[0] in names]
    found = [one for one in found if not names or one["row"] in names]
    notes = [f"{one['row']}: {note}" for one in found for note in one["notes"]]
    commits = sorted({f"{one['commit']} {one['date'][:10]}" for one in found})
    lines += ["", f"measured at {', '.join(commits) or DASH}", *dict.fromkeys(notes)]
    return "\n".join(lines) + "\n"


def markdown(found: Sequence[Record]) -> str:
    """The same as a Markdown table with the sources, for docs/quality.md."""
    head = (*HEAD, "source")
    lines = [_marked(head), _marked(["---"] * len(head))]
    sources = [cell.source for cell in (*CELLS, *EXTRA)]
    pairs = zip(rows(found), sources, strict=True)
    lines += [_marked([*cells, source]) for cells, source in pairs]
    return "\n".join(lines) + "\n"


def rows(found: Sequence[Record]) -> Iterator[list[str]]:
    """The columns of HEAD, a row a cell."""
    for cell in (*CELLS, *EXTRA):
        own = [one for one in found if one["row"] == cell.row]
        yield [
            cell.row,
            cell.title,
            cell.best,
            _mean(cell, (one["frozen"] for one in own)),
            _mean(cell, (one["measured"] for one in own)),
            cell.reach,
            str(len(own)) if own else DASH,
            f"{own[-1]['test']:,}" if own else DASH,
            _average(_pace(one, "train") for one in own),
            _average(_pace(one, "read", "test") for one in own),
            _average((one["peak_mib"] for one in own), 0),
            ", ".join(sorted({_trained_on(one) for one in own})) or DASH,
        ]


def _trained_on(one: Record) -> str:
    """The GPU's name, which `quality.py` adds to the machine, or "CPU"."""
    _, _, gpu = one["machine"].partition(", Python ")[2].partition(", ")
    return gpu or "CPU"


def _mean(cell: Cell, sides: Iterable[Mapping[str, float]]) -> str:
    """The mean over seeds, with their standard deviation where there are several."""
    values = [side[cell.figure] for side in sides if cell.figure in side]
    if not values:
        return DASH
    factor, digits = (100, 2) if cell.percent else (1, 3)
    text = f"{factor * fmean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {factor * stdev(values):.{digits}f}"


def _pace(one: Record, what: str, of: str | None = None) -> float:
    """Seconds per 1,000 messages."""
    return 1000 * float(one[f"{what}_seconds"]) / max(int(one[of or what]), 1)


def _average(values: Iterable[float], digits: int = 1) -> str:
    kept = [value for value in values if value]
    return f"{fmean(kept):,.{digits}f}" if kept else DASH


def _line(cells: Sequence[str]) -> str:
    pairs = enumerate(zip(cells, WIDTHS, strict=True))
    return "  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in pairs).rstrip()


def _marked(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
