"""frontdesk.toml: what is accepted, and the sentence for what is not."""

from datetime import date
from pathlib import Path

import pytest

from bot.errors import BotError
from bot.workspace.settings import EntitySettings, Settings, load_settings, unlearnt
from bot.workspace.toml_lines import line_of


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "frontdesk.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def test_a_name_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, 'name = "Tern & Trail"')
    assert settings.name == "Tern & Trail"
    assert settings.language == "en"
    assert settings.max_wrong_answers == 0.05
    assert settings.out_of_scope_share == "auto"
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
        out_of_scope_share = 0.25
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
        validate = "in_stock"
        invalid = "We have S and M."
        expires_after_minutes = 30
        confirm = true
        [actions.reserve]
        url = "https://shop.example/reserve"
        returns = ["until"]
        timeout_seconds = 2.5
        retries = 1
        headers = { Authorization = "SHOP_TOKEN" }
        [actions.look_up]
        function = "look_up"
        """,
    )
    size, reserve = settings.entities["size"], settings.actions["reserve"]
    assert (size.checked_by, size.invalid) == ("in_stock", "We have S and M.")
    assert (size.expires_after_minutes, size.confirm) == (30, True)
    assert (reserve.returns, reserve.timeout_seconds, reserve.retries) == (("until",), 2.5, 1)
    assert reserve.headers == {"Authorization": "SHOP_TOKEN"}
    assert settings.actions["look_up"].timeout_seconds == 5
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
        (
            'name = "x"\nout_of_scope_share = 1',
            ':2: "out_of_scope_share": should be "auto" or a number from 0 up to, not',
        ),
        ('name = "x"\nout_of_scope_share = true', ':2: "out_of_scope_share": should be "auto" or'),
        ('name = "x"\nout_of_scope_share = nan', ':2: "out_of_scope_share": should be "auto" or'),
        ('name = "x"\n[finetune]\nseed = "7"', ':3: "finetune.seed": input should be a valid int'),
        (
            'name = "x"\n[finetune]\nepochs = 0',
            ':3: "finetune.epochs": should be "auto" or a whole',
        ),
        ('name = "x"\n[finetune]\nepochs = true', ':3: "finetune.epochs": should be "auto" or'),
        ('name = "x"\n[encoder]\nnmae = "y"', ':3: "encoder.nmae" is no setting (did you mean'),
        ('name = "x"\n[entities.a]\nvalues = ["b"]', ':2: "entities.a.ask" is missing; add it'),
        (
            'name = "x"\n[entities.a]\nask = "?"',
            ':2: "entities.a": should have one of pattern, values and learned = true, and has',
        ),
        (
            'name = "x"\n[entities.a]\nask = "?"\nvalues = ["b"]\npattern = "c"',
            "one of pattern, values and learned = true, and has two; correct it",
        ),
        (
            'name = "x"\n[entities.a]\nask = "?"\nvalues = ["b"]\npattern = "c"\nlearned = true',
            "one of pattern, values and learned = true, and has all three; correct it",
        ),
        ('name = "x"\n[entities.a]\nask = "?"\nlearned = false', "and has none; correct it"),
        (
            'name = "x"\n[entities.a]\nask = "?"\nlearned = true\nvalue = "time"',
            ":5: \"entities.a.value\": input should be 'date' or 'amount'; correct it",
        ),
        (
            'name = "x"\n[entities.a]\nask = "?"\nlearned = true\nmonth_first = true',
            'has month_first, which only goes with value = "date"; correct it',
        ),
        ('name = "x"\n[entities.a]\nask = "?"\npattern = "("', ':2: "entities.a": has a pattern'),
        ('name = "x"\n[entities.a]\nask = "?"\npattern = "b*"', "matches the empty text"),
        ('name = "x"\n[entities."a b"]\nask = "?"\nvalues = ["b"]', ':2: "entities.a b": string'),
        (
            'name = "x"\n[entities.a]\nask = "?"\nvalues = ["b"]\nvalidat = "c"',
            ':5: "entities.a.validat" is no setting (did you mean "validate"?)',
        ),
        (
            'name = "x"\n[entities.a]\nask = "?"\nvalues = ["b"]\nexpires_after_minutes = 0',
            ':5: "entities.a.expires_after_minutes": input should be greater than 0',
        ),
        ('name = "x"\n[actions.a]\nretries = 1', ':2: "actions.a": should have one of function'),
        (
            'name = "x"\n[actions.a]\nfunction = "f"\nurl = "https://x.example"',
            "should have one of function and url, and has both",
        ),
        (
            'name = "x"\n[actions.a]\nurl = "http://x.example"',
            "should have a url like https://HOST/...",
        ),
        (
            'name = "x"\n[actions.a]\nurl = "file:///etc/passwd"',
            "should have a url like https://HOST/...",
        ),
        (
            'name = "x"\n[actions.a]\nurl = "https:///orders"',
            "should have a url like https://HOST/...",
        ),
        (
            'name = "x"\n[actions.a]\nurl = "https://me:secret@x.example"',
            "has a password in its url; name an environment variable under headers",
        ),
        ('name = "x"\n[actions.a]\nurl = "https://x.example/{order}"', "has braces or spaces in"),
        (
            'name = "x"\n[actions.a]\nfunction = "f"\nheaders = { X = "Y" }',
            "has headers, which only go with a url",
        ),
        (
            'name = "x"\n[actions.a]\nfunction = "f"\ntimeout_seconds = 600',
            ':4: "actions.a.timeout_seconds": input should be less than or equal to 60',
        ),
        ('name = "x"\n[actions.a]\nfunction = "f"\ntimeout = 6', 'did you mean "timeout_seconds"'),
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


def test_a_learned_entity_is_left_to_the_model(tmp_path: Path) -> None:
    settings = load(tmp_path, 'name = "x"\n[entities.city]\nlearned = true\nask = "Where?"')
    assert settings.entities["city"].find("to Lisbon") is None


def test_an_entity_that_the_model_has_not_learnt_is_named(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        name = "x"
        [entities.city]
        learned = true
        ask = "Where?"
        [entities.size]
        values = ["S", "M"]
        ask = "Which size?"
        """,
    )
    assert unlearnt(settings, ["city"]) == []
    assert unlearnt(settings, []) == [
        '"entities.city" is learned, and the live model has not learnt it: nothing fills it; '
        'mark entities of type "city" in the chats and run `frontdesk finetune`'
    ]


WEDNESDAY = date(2026, 3, 4)


def test_words_have_the_value_that_the_settings_ask_for() -> None:
    day = EntitySettings(ask="When?", learned=True, value="date")
    assert day.value_of("next friday", WEDNESDAY) == "2026-03-13"
    assert day.value_of("some day", WEDNESDAY) is None
    american = EntitySettings(ask="When?", learned=True, value="date", month_first=True)
    assert american.value_of("3/4/2026", WEDNESDAY) == "2026-03-04"
    price = EntitySettings(ask="How much?", pattern=r"\$\d+", value="amount")
    assert price.value_of("$12", WEDNESDAY) == "12 USD"
    assert ORDER.value_of("TT-123456", WEDNESDAY) is None
