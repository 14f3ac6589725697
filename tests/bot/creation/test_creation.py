"""`create` makes a whole workspace or none."""

import json
from pathlib import Path

import pytest

from bot.creation import create
from bot.errors import BotError
from bot.workspace import open_workspace
from bot.workspace.settings import EntitySettings, Settings
from finetune.errors import FinetuneError
from kb.errors import KBError

CHATS = Path(__file__).parents[4] / "shared" / "data" / "workspaces"
real = pytest.mark.skipif(not CHATS.exists(), reason="the public data sets are not here")


def write_chats(path: Path, text: str = "Where is it?") -> Path:
    turns = [{"speaker": "customer", "text": text}, {"speaker": "agent", "text": "On its way."}]
    lines = [json.dumps({"id": f"{path.stem}-{n}", "turns": turns}) for n in range(3)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_article(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# Hours\n\nWe open at nine.\n")
    return path


def test_without_anything_an_example_is_made(tmp_path: Path) -> None:
    made = create(tmp_path / "bot")
    workspace = open_workspace(tmp_path / "bot")
    templates = workspace.load_templates()
    assert (made.chats, made.articles, made.templates) == (60, 5, len(templates))
    assert workspace.settings.name == "Harbour Books"
    assert templates.by_intent("order_status")[0].slots == ("order_number",)


def test_the_settings_it_writes_are_the_defaults(tmp_path: Path) -> None:
    create(tmp_path / "bot", name='A "B" \\ 山')
    order = EntitySettings(ask="What is your order number?", pattern=r"\b[A-Z]{2}-\d{5,6}\b")
    assert open_workspace(tmp_path / "bot").settings == Settings(
        name='A "B" \\ 山', entities={"order_number": order}
    )


def test_files_folders_and_workspaces_are_copied(tmp_path: Path) -> None:
    one = write_chats(tmp_path / "one.jsonl")
    write_chats(tmp_path / "folder" / "two.jsonl")
    write_chats(tmp_path / "other" / "chats" / "three.jsonl")
    write_article(tmp_path / "other" / "kb" / "deep" / "hours.md")
    page = write_article(tmp_path / "page.md")
    made = create(
        tmp_path / "my-bot",
        chats=[one, tmp_path / "folder", tmp_path / "other"],
        articles=[tmp_path / "other", page],
    )
    root = tmp_path / "my-bot"
    copies = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert copies == [
        "chats/one.jsonl",
        "chats/three.jsonl",
        "chats/two.jsonl",
        "frontdesk.toml",
        "kb/deep/hours.md",
        "kb/page.md",
        "templates.yaml",
    ]
    assert (made.chats, made.articles, made.templates, made.drafts) == (9, 2, 1, 0)
    assert open_workspace(root).settings.name == "My Bot"


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    paths = [write_chats(tmp_path / name / "chats.jsonl", name) for name in ("a", "b")]
    paths[1].write_text(paths[1].read_text().replace("chats-", "more-"))
    made = create(tmp_path / "bot", chats=paths)
    assert made.chats == 6
    assert (tmp_path / "bot" / "chats" / "chats-2.jsonl").read_text() == paths[1].read_text()


def test_copies_of_read_only_files_can_be_written(tmp_path: Path) -> None:
    source = write_chats(tmp_path / "chats.jsonl")
    source.chmod(0o400)
    create(tmp_path / "bot", chats=[source])
    assert (tmp_path / "bot" / "chats" / "chats.jsonl").stat().st_mode & 0o200


def test_articles_alone_are_enough(tmp_path: Path) -> None:
    made = create(tmp_path / "bot", articles=[write_article(tmp_path / "hours.md")])
    assert (made.chats, made.articles, made.templates) == (0, 1, 0)


def test_chinese_chats_make_a_chinese_bot(tmp_path: Path) -> None:
    chats = write_chats(tmp_path / "chats.jsonl", "我的订单什么时候能到？已经等了一个星期了。")
    create(tmp_path / "bot", chats=[chats])
    assert open_workspace(tmp_path / "bot").settings.language == "zh"
    create(tmp_path / "other", chats=[chats], language="en")
    assert open_workspace(tmp_path / "other").settings.language == "en"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我的订单什么时候能到？已经等了一个星期了。", "zh"),
        ("我買了「の」牌的鞋子，訂單什麼時候會到？已經等了一個星期了。", "zh"),
        ("注文した靴はいつ届きますか？もう一週間待っています。", "en"),
        ("주문한 신발은 언제 도착하나요? 일주일을 기다렸습니다.", "en"),
    ],
)
def test_it_is_told_where_the_default_encoder_does_not_read_the_chats(
    tmp_path: Path, text: str, language: str
) -> None:
    chats = write_chats(tmp_path / "chats.jsonl", text)
    told = create(tmp_path / "bot", chats=[chats]).notes
    assert open_workspace(tmp_path / "bot").settings.language == language
    assert ["reads English only" in note for note in told] == [True]
    assert create(tmp_path / "other", chats=[chats], encoder="some/encoder").notes == ()


def test_a_label_that_seems_to_mean_out_of_scope_is_named(tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labels = ("Out-of-Scope", "oos", "scope/oos", "pay")
    labelled.write_text(
        "".join(f'{{"text": "hi {name}", "intent": "{name}"}}\n' for name in labels)
    )
    notes = create(tmp_path / "bot", chats=[labelled]).notes
    assert [note for note in notes if '"oos"' in note] == [
        '"Out-of-Scope" is taken for a request like others; if it marks what is not your business, '
        'call it "oos" in chats/'
    ]


def test_what_is_no_transcript_is_imported(tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text('{"text": "Mail me at mia@example.com", "label": "contact", "n": 1}\n')
    made = create(tmp_path / "bot", chats=[labelled, write_chats(tmp_path / "chats.jsonl")])
    lines = (tmp_path / "bot" / "chats" / "labelled.jsonl").read_text().splitlines()
    assert [json.loads(line)["turns"] for line in lines] == [
        [{"speaker": "customer", "text": "Mail me at [email]", "intents": ["contact"]}]
    ]
    assert made.chats == 4
    assert made.notes == (
        f"{labelled}: 1 conversations imported from jsonl "
        "(read: label as intent; not read: n; masked: 1 email)",
    )


def test_what_an_import_has_to_be_told_is_said_with_the_command_to_tell_it(tmp_path: Path) -> None:
    table = tmp_path / "export.csv"
    table.write_text("Gespräch;Nachricht\n1;Wo bleibt mein Paket?\n", encoding="windows-1252")
    with pytest.raises(BotError) as error:
        create(tmp_path / "bot", chats=[table])
    assert str(error.value) == (
        f"{table}: is not UTF-8; it may be windows-1252: say so with --encoding windows-1252, "
        f"or save it as UTF-8 (options of `frontdesk chats import {table}`: run that first, "
        "then name the file that it writes)"
    )
    assert not (tmp_path / "bot").exists()


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    before = (tmp_path / "bot").stat().st_ino
    create(tmp_path / "bot")
    assert (tmp_path / "bot").stat().st_ino == before


@pytest.mark.parametrize("name", ["frontdesk.toml", "notes.txt"])
def test_what_is_there_is_never_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(BotError, match="choose"):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_bad_line_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    chats = write_chats(tmp_path / "chats.jsonl")
    chats.write_text(chats.read_text() + '\n{"id": "x"}\n')
    with pytest.raises(FinetuneError, match=r"chats.jsonl:4: .*--skip-bad"):
        create(tmp_path / "bot", chats=[chats])
    assert [path.name for path in tmp_path.iterdir()] == ["chats.jsonl"]
    made = create(tmp_path / "bot", chats=[chats], skip_bad=True)
    assert made.chats == 3
    assert any("chats.jsonl:4" in note for note in made.notes)


def test_a_bad_article_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    articles = tmp_path / "articles.jsonl"
    articles.write_text("{\n")
    with pytest.raises(KBError, match=r"articles.jsonl:1"):
        create(tmp_path / "bot", articles=[articles])
    assert not (tmp_path / "bot").exists()


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(BotError, match="nowhere does not exist; --chats takes files and folders"):
        create(tmp_path / "bot", chats=[tmp_path / "nowhere"])
    with pytest.raises(BotError, match="nowhere does not exist; --articles takes"):
        create(tmp_path / "bot", articles=[tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BotError, match="empty is empty; name the files with --chats"):
        create(tmp_path / "bot", chats=[tmp_path / "empty"])


@real
def test_real_chats_of_customers_alone(tmp_path: Path) -> None:
    made = create(tmp_path / "bot", chats=[CHATS / "multidogo-airline" / "chats"])
    assert (made.chats, made.templates, made.drafts) == (2404, 11, 11)


@real
def test_real_two_sided_chats_and_articles(tmp_path: Path) -> None:
    made = create(
        tmp_path / "bot", chats=[CHATS / "star"], articles=[CHATS / "duckduckgo-help" / "kb"]
    )
    assert (made.chats, made.articles) == (4319, 225)
    templates = open_workspace(tmp_path / "bot").load_templates()
    assert templates.by_id["hello"].wordings == ("Hello, how can I help?",)
    assert templates.by_id["weather_inform_forecast"].draft
    assert not any("Hilton" in text for one in templates.spoken for text in one.wordings)
