"""Files become articles, and bad ones one sentence each."""

import csv
import json
from pathlib import Path

import pytest

from kb.article import Article
from kb.errors import KBError
from kb.readers import read_articles


def folder(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = tmp_path / "kb" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tmp_path / "kb"


def only(tmp_path: Path, name: str, content: str | bytes) -> Article:
    (article,) = read_articles(folder(tmp_path, {name: content})).articles
    return article


def complaint(tmp_path: Path, name: str, content: str | bytes) -> str:
    """The sentence about a file, without the folder in front."""
    kb = folder(tmp_path, {name: content})
    with pytest.raises(KBError) as caught:
        read_articles(kb)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{kb}/", "")


def test_the_order_is_that_of_the_paths_and_ids_are_paths(tmp_path: Path) -> None:
    kb = folder(
        tmp_path,
        {
            "b.md": "b",
            "a/z.txt": "z",
            "a/.hidden.md": "h",
            ".git/x.md": "x",
            "logo.png": b"\x89PNG",
        },
    )
    result = read_articles(kb)
    assert [article.id for article in result.articles] == ["a/z", "b"]
    assert result.ignored == ["logo.png"]
    assert result.bad == []


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert read_articles(folder(tmp_path, {".keep": ""})).articles == []


def test_a_single_file_can_be_read(tmp_path: Path) -> None:
    kb = folder(tmp_path, {"returns.md": "# Returns\n\ntext"})
    assert read_articles(kb / "returns.md").articles[0].id == "returns"


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.md", "---\ntitle: From the header\n---\n# Heading\n\ntext", "From the header"),
        ("a.markdown", "# Heading *one*\n\ntext", "Heading *one*"),
        ("my-first_article.md", "text", "My first article"),
        ("a.html", "<title>Page | Shop</title><h1>Heading</h1>text", "Heading"),
        ("a.HTM", "<title>Page</title><p>text", "Page"),
        ("opening hours.txt", "\ufefftext", "Opening hours"),
    ],
)
def test_titles(tmp_path: Path, name: str, content: str, title: str) -> None:
    article = only(tmp_path, name, content)
    assert article.title == title
    assert "text" in article.text
    assert article.source.endswith(f"{name}:1")


def test_front_matter_is_not_text_and_may_name_a_url(tmp_path: Path) -> None:
    article = only(tmp_path, "a.md", "---\nurl: https://x.example\ntags: [a]\n---\n\nBody")
    assert (article.text, article.source) == ("Body", "https://x.example")


def test_records(tmp_path: Path) -> None:
    lines = [
        {"id": "q1", "question": "How long?", "answer": "Two days."},
        {"id": 7, "title": "Tents", "text": "# Care\n\nDry them.", "url": "https://x.example"},
        {"question": "怎么退货？", "answer": "七天内。", "views": 3},
        {"question": "怎么退货？", "answer": "去门店。"},
    ]
    content = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    kb = folder(tmp_path, {"faq.jsonl": "\ufeff" + content})
    first, second, third, fourth = read_articles(kb).articles
    assert first == Article("q1", "How long?", "Two days.", f"{kb}/faq.jsonl:1", faq=True)
    assert (second.id, second.source, second.faq) == ("7", "https://x.example", False)
    assert third.id.startswith("faq#")
    assert fourth.id == f"{third.id}-2"


def test_a_made_up_id_outlives_a_moved_line(tmp_path: Path) -> None:
    line = '{"question": "How long?", "answer": "Two days."}\n'
    before = only(tmp_path, "faq.jsonl", line).id
    kb = folder(tmp_path, {"faq.jsonl": '{"question": "New?", "answer": "Yes."}\n' + line})
    assert read_articles(kb).articles[1].id == before


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(tmp_path: Path, delimiter: str) -> None:
    kb = folder(tmp_path, {"x": ""})
    with (kb / "faq.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([["ID", "Question", "Answer"], ["1", "多久?", "Two\nlines, and; more"]])
        writer.writerows([[], ["2", "Long?", "x" * 200_000]])
    first, second = read_articles(kb).articles
    assert first == Article("1", "多久?", "Two\nlines, and; more", f"{kb}/faq.csv:2", faq=True)
    assert (second.source, len(second.text)) == (f"{kb}/faq.csv:5", 200_000)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.md", b"ok\n\xff\xfe", "a.md:1: byte 3 (line 2) is not UTF-8 text"),
        ("a.txt", b"\x00\x01", "a.txt:1: this is not text (it holds a zero byte)"),
        ("a.md", "---\na: b: c\n---\n", "a.md:1: the front matter (line 2) is not YAML"),
        ("a.md", "---\ntitle: A\n---\n  \n", "a.md:1: the article is empty"),
        ("a.html", "<p> </p>", "a.html:1: the article is empty"),
        ("a.jsonl", '\n{"question": ', "a.jsonl:2: this line is not JSON"),
        ("a.jsonl", b'{"a": "\xff"}', "a.jsonl:1: byte 7 (line 1) is not UTF-8"),
        ("a.jsonl", "[1]", "a.jsonl:1: this line is not a JSON object"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: "),
        ("a.jsonl", '{"question": "a"}', 'a.jsonl:1: an article needs "question" and "answer"'),
        ("a.jsonl", '{"title": "a", "text": " "}', 'a.jsonl:1: "text" is empty'),
        ("a.jsonl", '{"title": 1, "text": "a"}', 'a.jsonl:1: "title" must be text, not 1'),
        ("a.jsonl", '{"title": "a", "text": "a", "id": [1]}', 'a.jsonl:1: "id" must be text'),
        ("a.jsonl", '{"title": "a", "text": "a", "url": 1}', 'a.jsonl:1: "url" must be text'),
        ("a.csv", "question,answer\na,b\nc,d,e\n", "a.csv:3: this row has 3 cells under 2"),
        ("a.csv", 'question,answer\na,"b\n\nc,d\n', "a.csv:2: this row is not CSV"),
        ("a.csv", "name\nx\n", 'a.csv:2: an article needs "question" and "answer"'),
        ("a.csv", b"question,answer\na,\xff\n", "a.csv:2: this row is not UTF-8 text"),
        ("a.csv", "question,answer\na\n", "a.csv:2: an article needs"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, name: str, content: str | bytes, expected: str
) -> None:
    assert complaint(tmp_path, name, content).startswith(expected)


def test_two_articles_of_one_id(tmp_path: Path) -> None:
    kb = folder(tmp_path, {"a.html": "<p>one", "a.md": "two"})
    with pytest.raises(KBError) as caught:
        read_articles(kb)
    assert str(caught.value) == (
        f"{kb}/a.md:1: the article id 'a' is already used at {kb}/a.html:1; give one another id."
    )


def test_skip_bad_counts_and_goes_on(tmp_path: Path) -> None:
    good = '{"id": "%s", "question": "a", "answer": "b"}\n'
    content = good % "1" + "broken\n" + good % "1" + good % "2"
    kb = folder(tmp_path, {"a.md": b"\xff", "faq.jsonl": content})
    result = read_articles(kb, skip_bad=True)
    assert [article.id for article in result.articles] == ["1", "2"]
    assert [why.split(": ")[0].rsplit("/", 1)[1] for why in result.bad] == [
        "a.md:1",
        "faq.jsonl:2",
        "faq.jsonl:3",
    ]


def test_a_csv_goes_on_after_a_bad_row(tmp_path: Path) -> None:
    rows = 'question,answer\na,b\nc,"d"e\nf,g\n'
    result = read_articles(folder(tmp_path, {"a.csv": rows}), skip_bad=True)
    assert [article.title for article in result.articles] == ["a", "f"]
    assert len(result.bad) == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KBError, match="there is no such folder"):
        read_articles(tmp_path / "kb")


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("workspaces/duckduckgo-help", 225),
        ("workspaces/abcd-guidelines", 55),
        ("retrieval/stackfaq", 719),
        ("retrieval/bank-faqs", 1764),
    ],
)
def test_real_articles(shared: Path, name: str, count: int) -> None:
    result = read_articles(shared / name / "kb")
    assert (len(result.articles), result.bad, result.ignored) == (count, [], [])
