"""frontdesk.toml: what is accepted, and the sentence for what is not."""

from pathlib import Path

import pytest

from bot.errors import BotError
from bot.settings import EntitySettings, Settings, line_of, load_settings


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "frontdesk.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def test_a_name_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, 'name = "Tern & Trail"')
    assert settings.name == "Tern & Trail"
    assert settings.language == "en"
    assert settings.max_wrong_answers == 0.05
    assert settings.encoder.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert settings.finetune.epochs == "auto"
    assert settings.entities == {}


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        name = "山行"
        language = "zh"
        max_wrong_answers = 0.1
        [encoder]
        name = "../encoder"
        query_prefix = "query: "
        passage_prefix = "passage: "
        [finetune]
        seed = 1
        epochs = 3
        threads = 2
        [entities.size]
        values = ["S", "M"]
        ask = "Which size?"
        """,
    )
    assert settings.encoder.query_prefix == "query: "
    assert (settings.finetune.epochs, settings.finetune.threads) == (3, 2)
    assert settings.entities["size"].values == ("S", "M")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ':1: "name" is missing; add it'),
        ('name = "x"\n\nlanguge = "zh"', ':3: "languge" is no setting (did you mean "language"?)'),
        ('name = "x"\ncolour = 1', ':2: "colour" is no setting; remove it'),
        ('name = ""', ':1: "name": string should have at least 1 character'),
        ("name = 5", ':1: "name": input should be a valid string; correct it'),
        ('name = "x"\nlanguage = "fr"', ":2: \"language\": input should be 'en' or 'zh'"),
        ('name = "x"\nmax_wrong_answers = 5', ':2: "max_wrong_answers": input should be less'),
        ('name = "x"\nmax_wrong_answers = nan', ':2: "max_wrong_answers": input should be'),
        ('name = "x"\n[finetune]\nseed = "7"', ':3: "finetune.seed": input should be a valid int'),
        (
            'name = "x"\n[finetune]\nepochs = 0',
            ':3: "finetune.epochs": should be "auto" or a whole',
        ),
        ('name = "x"\n[finetune]\nepochs = true', ':3: "finetune.epochs": should be "auto" or'),
        ('name = "x"\n[encoder]\nnmae = "y"', ':3: "encoder.nmae" is no setting (did you mean'),
        ('name = "x"\n[entities.a]\nvalues = ["b"]', ':2: "entities.a.ask" is missing; add it'),
        ('name = "x"\n[entities.a]\nask = "?"', ':2: "entities.a": should have either a pattern'),
        (
            'name = "x"\n[entities.a]\nask = "?"\nvalues = ["b"]\npattern = "c"',
            ':2: "entities.a": should have either a pattern or a list of values; correct it',
        ),
        ('name = "x"\n[entities.a]\nask = "?"\npattern = "("', ':2: "entities.a": has a pattern'),
        ('name = "x"\n[entities.a]\nask = "?"\npattern = "b*"', "matches the empty text"),
        ('name = "x"\n[entities."a b"]\nask = "?"\nvalues = ["b"]', ':2: "entities.a b": string'),
        ('name = "x"\nname = "y"', ":2: is not valid TOML"),
        ('name = "x', ":1: is not valid TOML"),
    ],
)
def test_a_complaint_names_the_line_and_the_remedy(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BotError) as error:
        load(tmp_path, text)
    assert complaint in str(error.value)
    assert "; " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BotError, match="is missing; `frontdesk new DIR`"):
        load_settings(tmp_path / "frontdesk.toml")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "frontdesk.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(BotError, match="is not UTF-8 text; save it as UTF-8"):
        load_settings(path)


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    assert load(tmp_path, '\ufeffname = "x"').name == "x"


def test_line_of_finds_dotted_and_quoted_keys() -> None:
    text = 'name = "x"\nencoder.name = "y"\n[entities."order_id"]\nask = "?"\n'
    assert line_of(text, ["encoder", "name"]) == 2
    assert line_of(text, ["entities", "order_id", "ask"]) == 4
    assert line_of(text, ["entities", "order_id", "pattern"]) == 3
    assert line_of(text, ["nowhere"]) == 1


ORDER = EntitySettings(ask="Which order?", pattern=r"\bTT-\d{6}\b")
SIZE = EntitySettings(ask="Which size?", values=("S", "XL", "Extra wide", "大号"))


@pytest.mark.parametrize(
    ("entity", "message", "found"),
    [
        (ORDER, "it is TT-123456, I think", "TT-123456"),
        (ORDER, "订单TT-123456还没到", "TT-123456"),
        (ORDER, "ＴＴ－１２３４５６", "TT-123456"),
        (ORDER, "TT-1234567", None),
        (ORDER, "ATT-123456", None),
        (SIZE, "size xl please", "XL"),
        (SIZE, "an s", "S"),
        (SIZE, "extra WIDE", "Extra wide"),
        (SIZE, "two sizes", None),
        (SIZE, "我要大号的", "大号"),
        (SIZE, "我要XL号", "XL"),
        (SIZE, "", None),
        (SIZE, "that's all", None),
        (SIZE, "that’s all", None),
        (SIZE, "it's an s", "S"),
        (SIZE, "S's sleeve", None),
        (SIZE, "size 's' please", "S"),
        (SIZE, "the customers' s", "S"),
    ],
)
def test_an_entity_is_found_in_a_message(
    entity: EntitySettings, message: str, found: str | None
) -> None:
    assert entity.find(message) == found
