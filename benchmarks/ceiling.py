"""How much of what a version gets wrong on a test split is the label's fault.

    python benchmarks/ceiling.py                              the table, from verdicts/*.csv
    python benchmarks/ceiling.py snips --models DIR --sheet sheet.jsonl
    python benchmarks/ceiling.py snips --models DIR --answers first.txt second.txt

Two readers get the sheet: messages with two readings each, the label's and another, not told which
is which nor what the other reader says. They answer a line a message: its key, and A, B, either or
neither. What they say is kept by digest in `verdicts/`, without the messages. `--models` is the
folder of `quality.py --models`: the version is trained there if need be, with seed 7.

Nothing is chosen by this: it is for after a recipe's figures are final.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _disputes
from benchmarks._disputes import Dispute, Judged
from benchmarks._training import Job, Trained, train
from finetune.conversation import OUT_OF_SCOPE

SETS: dict[str, Callable[[Trained], list[Dispute]]] = {
    "banking77": _disputes.of_intents,
    "clinc150": _disputes.of_intents,
    "cais": _disputes.of_intents,
    "snips": _disputes.of_entities,
}
VERDICTS = Path(__file__).parent / "verdicts"
SEED = 7


def main() -> None:
    """Write a sheet, take in answers, or print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", nargs="?", choices=SETS)
    parser.add_argument("--models", type=Path, metavar="DIR")
    parser.add_argument("--sheet", type=Path, metavar="FILE")
    parser.add_argument("--answers", type=Path, nargs=2, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.set is None:
        _print_table()
        return
    if arguments.models is None or not (arguments.sheet or arguments.answers):
        parser.error("a set needs --models and one of --sheet and --answers")
    job = Job(SEED, None, arguments.models, lambda *_: None)
    disputes = SETS[arguments.set](train(job, arguments.set))
    if arguments.sheet:
        _disputes.write_sheet(disputes, arguments.sheet)
    else:
        VERDICTS.mkdir(exist_ok=True)
        first, second = map(_disputes.read_answers, arguments.answers)
        path = VERDICTS / f"{arguments.set}.csv"
        _disputes.write_verdicts(disputes, (first, second), path)


def _print_table() -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("set", *_row([], 0))
    for name in SETS:
        path = VERDICTS / f"{name}.csv"
        if path.is_file():
            found = _row(list(_disputes.read_verdicts(path)), _tested(name))
            table.add_row(name, *found.values())
    Console(width=120).print(table)


def _row(judged: Sequence[Judged], tested: int) -> dict[str, str]:
    """What the verdicts say, by the heading of each column. A message whose label neither reader
    would give is lost to a reader who is always right, and half of those left open are."""
    disputed = [one for one in judged if not one.control]
    controls = [one for one in judged if one.control]
    wrong, open_ = (sum(getattr(one, kind) for one in disputed) for kind in ("wrong", "open"))
    share = 100 / max(tested, 1)
    return {
        "test": f"{tested:,}",
        "disputed": str(len(disputed)),
        "label wrong": str(wrong),
        "open": str(open_),
        "label right": str(len(disputed) - wrong - open_),
        "controls wrong": f"{sum(one.wrong for one in controls)} of {len(controls)}",
        "open controls": str(sum(one.open for one in controls)),
        "readers agree": f"{100 * _agreement(disputed):.0f} %",
        "right, messages": f"{100 - share * len(disputed):.2f}",
        "ceiling": f"{100 - share * (wrong + open_ / 2):.2f}",
    }


def _agreement(judged: Sequence[Judged]) -> float:
    return sum(one.first == one.second for one in judged) / max(len(judged), 1)


def _tested(name: str) -> int:
    """The test messages in scope."""
    from benchmarks._datasets import DATASETS

    chats: Any = DATASETS[name].chats()
    return sum(c.split == "test" and OUT_OF_SCOPE not in c.turns[0].intents for c in chats)


if __name__ == "__main__":
    main()
