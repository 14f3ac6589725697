"""How strongly a map back to the encoder before training is drawn to the identity.

    python benchmarks/alignment.py --models DIR

BANKING77 is trained twice as in the row `search` of benchmarks/quality.py (what DIR holds of it is
not trained again); then StackFAQ's answers are searched with the vectors of each, led back by maps
of several strengths, made of some or all of the answers' sentences. Figures are of the half of the
threads that the weight of the fusion was chosen on, so `kb.alignment.STRENGTH` may be chosen by
them; the other half is the row's.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks._searching import STACKFAQ, answers_alone
from benchmarks._training import Job, train
from benchmarks.search import judge, make
from bot.alignment import sentences
from kb.alignment import STRENGTH, fit
from kb.evaluation import read_queries
from kb.search import WEIGHT

STRENGTHS = (1.0, 3.0, 10.0, 30.0)
SENTENCES = (250, 1000, None)
MEASURES = ("r@1", "mrr@10", "ndcg@10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    job = Job(7, None, args.models, lambda *_: None)
    answers = answers_alone()
    queries = read_queries(STACKFAQ / "queries.jsonl")
    texts = sentences(answers)
    drawn = np.random.default_rng(0).permutation(len(texts))
    known = [passage.embedding_text for passage in answers]
    print(f"{'trained':16}{'sentences':>10}{'strength':>10}" + "".join(f"{m:>9}" for m in MEASURES))
    for label, articles in (("without answers", []), ("with answers", known)):
        trained = train(job, "banking77", articles)
        asked = trained.model.encode([query.text for query in queries])
        own = trained.model.encode(texts, "passage")
        before = trained.base.encode(texts, "passage")
        with TemporaryDirectory() as folder:
            encode = trained.model.encode
            index = make(Path(folder), answers, lambda some: encode(some, "passage"))  # noqa: B023

            def line(count: str, strength: str) -> None:
                row = judge(index, queries, asked, WEIGHT, 0)  # noqa: B023
                cells = "".join(f"{100 * row[measure]:9.2f}" for measure in MEASURES)
                print(f"{label:16}{count:>10}{strength:>10}{cells}", flush=True)  # noqa: B023

            line("-", "none")
            for count in SENTENCES:
                some = drawn[:count]
                for strength in STRENGTHS:
                    index.align(fit(own[some], before[some], strength))
                    line(str(len(some)), f"{strength:g}")
            index.close()
    print(f"kb.alignment.STRENGTH is {STRENGTH:g}")


if __name__ == "__main__":
    main()
