"""Whether a second passage is cited beside the best one."""

import pytest

from bot.content.citing import cited
from kb.passages import Passage
from kb.search import Hit


def hits(**scores: float) -> list[Hit]:
    """Passages with these scores; those of one article begin with its name."""
    return [
        Hit(Passage(n, name, name.split("_")[0], (), "", ""), score, score, score)
        for n, (name, score) in enumerate(scores.items())
    ]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (hits(tents=0.6, packs=0.59, boots=0.5, stoves=0.4, ropes=0.3), ["tents", "packs"]),
        (hits(tents=0.6, packs=0.47, boots=0.45, stoves=0.4, ropes=0.3), ["tents"]),
        # what an encoder calls far is measured against what it finds at all
        (hits(tents=0.86, packs=0.85, boots=0.82, stoves=0.81, ropes=0.80), ["tents", "packs"]),
        (hits(tents=0.86, packs=0.83, boots=0.82, stoves=0.81, ropes=0.80), ["tents"]),
        (hits(tents_1=0.6, tents_2=0.3, boots=0.3, stoves=0.2, ropes=0.1), ["tents_1", "tents_2"]),
        (hits(tents=0.6), ["tents"]),
        ([], []),
    ],
)
def test_another_article_is_cited_only_where_it_is_as_close(
    found: list[Hit], names: list[str]
) -> None:
    assert [hit.passage.article for hit in cited(found)] == names
