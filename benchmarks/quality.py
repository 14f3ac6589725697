"""What issue 3 asks for, measured: every task on its data's own test split, beside the best known.

    python benchmarks/quality.py [ROW ...] [--seeds N] [--list]
    python benchmarks/quality.py banking77 --save quality.jsonl      a row at a time, over hours
    python benchmarks/quality.py --from quality.jsonl [--markdown]   the table, nothing is run

Needs `../shared/data` and, for Chinese, `../shared/models`.

Each row runs in a process of its own, so that its peak memory is its own. Trainings are kept in
one folder for all rows of a run (`--models DIR` keeps them for the next), so BANKING77 is trained
once for itself, for the answered share and for search. `--limit N` thins every split to N chats:
one epoch tries the plumbing, and its figures never enter the table of full runs.
"""

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import _table

ROOT = Path(__file__).resolve().parents[1]
FIRST_SEED = 7


def main(words: Sequence[str] | None = None) -> None:
    """Run rows, or print the table of those that ran."""
    arguments = _parser().parse_args(words)
    if arguments.list:
        print("\n".join(_rows()))
    elif arguments.one:
        _one(arguments)
    elif arguments.source:
        _print(arguments, arguments.source)
    else:
        with TemporaryDirectory() as folder:
            saved = arguments.save or Path(folder) / "records.jsonl"
            for words_ in _runs(arguments, arguments.models or Path(folder), saved):
                subprocess.run([sys.executable, __file__, *words_], check=True, cwd=ROOT)
            _print(arguments, saved)


def _parser() -> argparse.ArgumentParser:
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run (default: all)")
    parser.add_argument("--seeds", type=int, help="how many seeds (default: the row's own)")
    parser.add_argument("--list", action="store_true", help="the names of the rows")
    parser.add_argument("--save", type=Path, metavar="FILE", help="append the records there")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="source", help="only the table")
    parser.add_argument("--markdown", action="store_true", help="with sources, for the docs")
    parser.add_argument("--models", type=Path, metavar="DIR", help="keep the trainings there")
    parser.add_argument("--limit", type=int, metavar="N", help="so many chats a split")
    parser.add_argument("--one", type=int, metavar="SEED", help=argparse.SUPPRESS)
    return parser


def _rows() -> list[str]:
    from benchmarks._rows import ROWS

    return list(ROWS)


def _runs(arguments: argparse.Namespace, models: Path, saved: Path) -> Iterator[list[str]]:
    """The words of each process to start: a row at a seed."""
    from benchmarks._rows import ROWS

    limit = [] if arguments.limit is None else ["--limit", str(arguments.limit)]
    where = ["--models", str(models.resolve()), "--save", str(saved.resolve()), *limit]
    for name in arguments.rows or ROWS:
        if name not in ROWS:
            raise SystemExit(f'"{name}" is no row; --list names them')
        for number in range(arguments.seeds or ROWS[name].seeds):
            yield [name, "--one", str(FIRST_SEED + number), *where]


def _one(arguments: argparse.Namespace) -> None:
    """One row at one seed, into the file. What cannot be trained yet leaves a note, no figure."""
    from benchmarks._rows import ROWS
    from benchmarks._training import Job, Outcome
    from finetune.errors import FinetuneError

    (name,) = arguments.rows
    job = Job(arguments.one, arguments.limit, arguments.models, _report)
    print(f"{name}, seed {job.seed}", flush=True)
    try:
        outcome = ROWS[name].run(job)
    except FinetuneError as error:
        outcome = Outcome({}, notes=(str(error),))
    _table.append(arguments.save, _table.record(name, job.seed, job.limit, outcome, _about()))
    print(json.dumps({"measured": outcome.measured, "frozen": outcome.frozen}), flush=True)


def _report(stage: str, done: int, total: int) -> None:
    if done == total or done % 500 == 0:
        print(f"  {stage}: {done} of {total}", flush=True)


def _about() -> dict[str, str]:
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "commit": found.stdout.strip() or "no commit",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}{_gpu()}",
    }


def _gpu() -> str:
    import torch

    return f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""


def _print(arguments: argparse.Namespace, saved: Path) -> None:
    found = _table.load(saved, arguments.limit)
    text = _table.markdown(found) if arguments.markdown else _table.table(found, arguments.rows)
    print(text, end="")


if __name__ == "__main__":
    main()
