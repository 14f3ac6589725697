"""Articles are cut by structure."""

import random
import re
from pathlib import Path

import pytest

from kb.article import Article
from kb.passages import LONGEST, SHORTEST, Passage, size, split
from kb.readers import read_articles


def cut(text: str, title: str = "Title", *, faq: bool = False) -> list[Passage]:
    return split(Article("a", title, text, "kb/a.md:1", faq=faq))


def words(count: int, word: str = "word") -> str:
    return " ".join(f"{word}{i}" for i in range(count))


def test_passages_keep_their_heading_path() -> None:
    text = "# Title\n\nIntro.\n\n## Returns\n\nOne.\n\n### Abroad\n\nTwo.\n\n## Costs\n\nThree."
    assert [(p.headings, p.text) for p in cut(text)] == [
        ((), "Intro."),
        (("Returns",), "One."),
        (("Returns", "Abroad"), "Two."),
        (("Costs",), "Three."),
    ]


def test_the_encoder_sees_title_headings_and_plain_text() -> None:
    (passage,) = cut("## Abroad\n\nSee **[here](x)**.", "Returns")
    assert passage.embedding_text == "Returns\nAbroad\nSee here."
    assert passage.text == "See **[here](x)**."


def test_a_courtesy_is_no_passage_of_its_own() -> None:
    """It would be found for every question that the title answers, and answer none."""
    opening = "Thank you for reading our help pages. We hope this helps you."
    text = f"{opening}\n\n## At the counter\n\nOne.\n\n## By post\n\nTwo.\n\n## Thanks\n\nWelcome!"
    assert [(p.headings, p.text) for p in cut(text, "Returns")] == [
        (("At the counter",), f"{opening}\n\nOne."),
        (("By post",), "Two.\n\nWelcome!"),
    ]
    chinese = "感谢您的阅读。欢迎光临茶铺！\n\n## 门店\n\n在钱塘路八号。"
    assert [p.headings for p in cut(chinese, "退货")] == [("门店",)]


def test_an_article_of_courtesies_alone_is_a_passage() -> None:
    assert [p.text for p in cut("Welcome!\n\n## Hello\n\nHi there.")] == ["Welcome!\n\nHi there."]


def test_a_question_and_its_answer_are_one_passage() -> None:
    (passage,) = cut("# First\n\ndo this\n\n# Then\n\ndo that", "How?", faq=True)
    assert passage.headings == ()
    assert passage.embedding_text.startswith("How?\nFirst")


def test_a_long_answer_is_cut_and_every_piece_keeps_the_question() -> None:
    pieces = cut("\n\n".join(words(90) for _ in range(5)), "How?", faq=True)
    assert len(pieces) > 1
    assert {piece.title for piece in pieces} == {"How?"}


def test_lists_and_tables_stay_whole_while_they_fit() -> None:
    listing = "\n".join(f"- {words(10)}" for _ in range(12))
    assert [p.text for p in cut(f"{words(150)}\n\n{listing}\n\n{words(150)}")][1] == listing


def test_pieces_of_a_long_table_repeat_its_head() -> None:
    head = "| Country | Days |\n| --- | --- |"
    rows = [f"| country {i} | {words(5)} |" for i in range(100)]
    pieces = cut("\n".join([head, *rows]))
    assert len(pieces) > 1
    assert all(piece.text.startswith(head) for piece in pieces)
    assert sum(piece.text.count("| country") for piece in pieces) == 100


def test_a_short_last_piece_joins_the_one_before() -> None:
    pieces = cut(f"{words(190)}\n\n{words(20)}")
    assert len(pieces) == 1
    assert all(size(piece.text) >= SHORTEST for piece in pieces)


@pytest.mark.parametrize(
    ("sentence", "end", "joint"),
    [("Parcel {} weighs approx. two kilograms or so, see e.g. the label", "!", "  "),
     ("第{}个包裹在七天之内退款到原来的账户", "。", "")],
)  # fmt: skip
def test_a_long_paragraph_is_cut_between_sentences(sentence: str, end: str, joint: str) -> None:
    pieces = cut(joint.join(sentence.format(i) + end for i in range(80)))
    assert len(pieces) > 2
    for piece in pieces:
        assert SHORTEST <= size(piece.text) <= LONGEST + SHORTEST
        assert piece.text.startswith(sentence[:1])
        assert piece.text.endswith(end)


@pytest.mark.parametrize("text", [words(3000), "退" * 3000, "x" * 100_000, "😀" * 5000, "-" * 5000])
def test_one_huge_sentence_is_cut_somewhere(text: str) -> None:
    assert all(size(piece.text) <= LONGEST + SHORTEST for piece in cut(text))


def test_the_same_text_twice_under_one_heading_is_one_passage() -> None:
    text = words(180)
    assert len(cut(f"{text}\n\n{text}")) == 1


def test_ids_are_stable_and_depend_on_article_headings_and_text() -> None:
    one, other = cut("## A\n\nsame\n\n## B\n\nsame")
    assert one.id == cut("## A\n\nsame")[0].id == 523458890112742
    assert one.id != other.id
    assert 0 <= one.id < 2**53


def test_an_article_of_headings_only_is_still_found() -> None:
    assert [p.text for p in cut("# One\n\n## Two")] == ["One\nTwo"]


def test_size_counts_two_characters_without_spaces_as_one_word() -> None:
    assert size("Order 7 now") == 3
    assert size("怎么退货呢") == 3
    assert size("用iPhone付款") == 3


def test_no_word_is_lost_or_moved() -> None:
    rng = random.Random(7)
    joints = [" ", ". ", "! ", "\n", "\n\n", "\n- ", "。", "？", ", ", " (", '" ']
    for _ in range(50):
        written = [f"w{i}" for i in range(rng.randrange(1, 1500))]
        text = "".join(word + rng.choice(joints) for word in written)
        text += "end"  # or a last dash would make a heading of the line above
        assert [w for p in cut(text) for w in re.findall(r"w\d+", p.text)] == written


@pytest.mark.parametrize("name", ["workspaces/duckduckgo-help", "retrieval/bank-faqs"])
def test_real_articles_are_cut_into_readable_pieces(shared: Path, name: str) -> None:
    for article in read_articles(shared / name / "kb").articles:
        pieces = split(article)
        assert pieces
        assert all(size(piece.text) <= LONGEST + SHORTEST for piece in pieces)
        if size(article.text) <= SHORTEST and article.faq:
            assert [piece.text for piece in pieces] == [article.text]
