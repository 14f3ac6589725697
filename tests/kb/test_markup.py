"""Markdown and HTML become the same blocks."""

import pytest

from kb.markup import blocks, first_heading, html_to_markdown, plain, split_front_matter


def texts(markdown: str) -> list[tuple[int, str]]:
    return [(block.level, block.text) for block in blocks(markdown)]


def test_headings_in_code_fences_are_not_headings() -> None:
    assert texts("# Real\n\n```\n# not one\n```\n") == [(1, "Real"), (0, "```\n# not one\n```")]


def test_underlined_and_decorated_headings() -> None:
    assert texts("Top\n===\n\n## The **bold** [link](x) ##") == [(1, "Top"), (2, "The bold link")]


def test_lists_and_tables_are_one_block() -> None:
    listing = "- one\n- two\n\n  more of two\n- three"
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert texts(f"{listing}\n\n{table}\n") == [(0, listing), (0, table)]


def test_windows_line_ends_are_lines() -> None:
    assert texts("# A\r\n\r\ntext\r\n") == [(1, "A"), (0, "text")]


def test_html_blocks_inside_markdown_are_read() -> None:
    html = "<div>\n<h2>Costs</h2>\n<ul><li>one<li>two</ul>\n</div>"
    assert texts(f"Before\n\n{html}\n\nAfter") == [
        (0, "Before"),
        (2, "Costs"),
        (0, "- one\n- two"),
        (0, "After"),
    ]


def test_first_heading() -> None:
    assert first_heading("text\n\n## second\n\n# First") == "First"
    assert first_heading("no heading") is None


@pytest.mark.parametrize(
    ("document", "header", "body"),
    [
        ("---\ntitle: A\n---\ntext", "title: A\n", "text"),
        ("---\r\ntitle: A\r\n---\r\ntext", "title: A\r\n", "text"),
        ("text\n---\nmore\n---\n", "", "text\n---\nmore\n---\n"),
        ("---\n---\n", "", ""),
        ("", "", ""),
    ],
)
def test_front_matter_is_split_off(document: str, header: str, body: str) -> None:
    assert split_front_matter(document) == (header, body)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ('See [the form](https://x.example/a_(b) "x").', "See the form."),
        ("![logo](x.png) and [policy][p]", "logo and policy"),
        ("| a | b |\n| --- | :-: |\n| 1 | 2 |", "a b\n1 2"),
        ("```sh\nrm -i *\n```", "rm -i *"),
        ("> quoted\n## heading", "quoted\nheading"),
        ("2 \\* 3 and a_b_c and 4 * 5", "2 * 3 and a_b_c and 4 * 5"),
        ('press <kbd>F5</kbd><br/>and <a href="x">go</a>', "press F5 and go"),
        ("write PWD<space>1234", "write PWD<space>1234"),
        ("  ", ""),
    ],
)
def test_plain(markdown: str, expected: str) -> None:
    assert plain(markdown) == expected


def test_an_html_page() -> None:
    page = html_to_markdown(
        """<!doctype html><html><head><title>Returns | Shop</title><style>p{}</style></head>
        <body><nav><a href="/">Home</a></nav><main><h1>Returns</h1>
        <p>Send it <b>back</b>&nbsp;&amp; wait.<br>Then relax.</p>
        <ol><li><p>Pack it</p></li><li>Post it<ul><li>at a shop</li></ul></li></ol>
        <table><tr><th>Country</th><th>Days</th></tr><tr><td>UK</td><td>2|3</td></tr></table>
        <pre>line 1
  line 2</pre></main><footer>© Shop</footer><script>alert("x < y")</script></body></html>"""
    )
    assert page.title == "Returns | Shop"
    assert page.text == (
        "# Returns\n\nSend it back & wait.\nThen relax.\n\n"
        "1. Pack it\n2. Post it\n   - at a shop\n\n"
        "| Country | Days |\n| --- | --- |\n| UK | 2\\|3 |\n\n"
        "```\nline 1\n  line 2\n```"
    )


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<nav>never closed <p>but text", "never closed\n\nbut text"),
        ("<main></main><p>outside", "outside"),
        ("<p>a<p>b<li>c<table><tr><td>d", "a\n\nb\n\n- c\n\n| d |\n| --- |"),
        ("</ul></td></h1>stray", "stray"),
        ("<h2><div>Deep</div></h2><li></li>text", "## Deep\n\ntext"),
        ("<p># no heading", "\\# no heading"),
        ("<" * 50 + "p", "<" * 50 + "p"),
        ("", ""),
    ],
)
def test_broken_html_keeps_its_text(html: str, expected: str) -> None:
    assert html_to_markdown(html).text == expected


def test_nesting_has_no_limit() -> None:
    assert html_to_markdown("<div>" * 20_000 + "deep").text == "deep"


def test_an_escaped_hash_stays_text() -> None:
    converted = html_to_markdown("<p># no heading</p>").text
    assert [block.level for block in blocks(converted)] == [0]
    assert plain(converted) == "# no heading"
