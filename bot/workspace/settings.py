"""`frontdesk.toml`, checked once when it is loaded; every complaint names the line.

The model classes below are the documentation of the file: a field is a key, a nested model is a
table. Nothing unknown is accepted, because a misspelt key would be a setting silently ignored.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self
from unicodedata import normalize
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bot.errors import BotError
from bot.scripts import SPACED
from bot.workspace.toml_lines import line_of
from bot.workspace.urls import is_private
from finetune.encoder import DEFAULT_ENCODER

Language = Literal["en", "zh"]


def _auto_or_count(value: object) -> object:
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError('should be "auto" or a whole number of at least 1')


def _auto_or_share(value: object) -> object:
    if value == "auto":
        return value
    if type(value) in (int, float) and 0 <= float(value) < 1:  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    raise ValueError('should be "auto" or a number from 0 up to, not including, 1')


MOST_CHARACTERS = 4_000
"""Of a message; what its entities are looked for in."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
AutoOrCount = Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_count)]
AutoOrShare = Annotated[Literal["auto"] | float, BeforeValidator(_auto_or_share)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EncoderSettings(_Table):
    """The pretrained encoder and the words it wants before a text (E5 wants `query: `)."""

    name: Text = DEFAULT_ENCODER
    query_prefix: str = ""
    passage_prefix: str = ""


class FinetuneSettings(_Table):
    """How `frontdesk finetune` trains; "auto" chooses by the data and the machine."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 7
    epochs: AutoOrCount = "auto"
    threads: AutoOrCount = "auto"
    method: Literal["top", "full", "lora", "adalora", "prefix", "adapter", "frozen"] = "top"
    adapt: bool = False
    tensorboard: bool = False
    wandb: str = ""


class EntitySettings(_Table):
    """A fact that customers state: how it is found, what its words mean, and how to ask for it.

    It is found in one way: by a `pattern`, in a list of `values`, or, if `learned`, by the model,
    as the entity type of its name. `value` says what its words are normalised to. What a pattern
    finds is `personal` unless told otherwise: it is masked in imported chats and in the log.

    `checked_by` ("validate" in the file) is the function of actions.py that a value must pass, and
    `invalid` what is said where it does not. A value that stood unstated for
    `expires_after_minutes` is forgotten, and one to `confirm` is read out before it is used.
    """

    ask: Text
    pattern: Text | None = None
    values: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    learned: bool = False
    value: Literal["date", "amount"] | None = None
    month_first: bool = False
    personal: bool = True
    checked_by: Name | None = Field(default=None, alias="validate")
    invalid: Text | None = None
    expires_after_minutes: Annotated[float, Field(gt=0)] | None = None
    confirm: bool = False

    @model_validator(mode="after")
    def _one_way_to_find_it(self) -> Self:
        ways = (self.pattern is not None) + bool(self.values) + self.learned
        if ways != 1:
            raise ValueError(
                "should have one of pattern, values and learned = true, "
                f"and has {('none', '', 'two', 'all three')[ways]}"
            )
        if self.pattern is not None:
            _check_pattern(self.pattern)
        if self.month_first and self.value != "date":
            raise ValueError('has month_first, which only goes with value = "date"')
        return self

    def find(self, text: str) -> str | None:
        """The first of its `mentions` in a message."""
        return next((value for _, value in self.mentions(text)), None)

    def mentions(self, text: str) -> Iterator[tuple[int, str]]:
        """Where in the NFKC form of a message it is mentioned, and the values, as the settings
        spell them where they are listed.

        Full-width letters and digits count as plain ones. Case matters in a pattern, not in a
        listed value. What is learned is found by the model, not here. Of a very long message only
        the beginning is read: a pattern such as an email address's takes the square of its length.
        """
        if self.learned:
            return
        text = _plain(text[:MOST_CHARACTERS])
        spelled = _spelled(self.values)
        for found in _finder(self.pattern, self.values).finditer(text):
            yield found.start(), spelled.get(found[0].casefold(), found[0])

    def value_of(self, found: str, today: date) -> str | None:
        """What found words mean, said on the day `today`: an ISO 8601 date, or an amount such as
        "1299.50 USD". None if they are not understood, or the settings do not ask for a value."""
        if self.value is None:
            return None
        from bot.entities.values import (
            normalised,  # compiles patterns for 0.1 s, and few bots need them
        )

        return normalised(found, self.value, today, month_first=self.month_first)


class ActionSettings(_Table):
    """Something to do or to look up before an answer is given: a `function` of actions.py, or a
    `url` that a POST of JSON goes to.

    `returns` are the names of what it gives back for the wordings. `headers` are those of the
    request, each with the environment variable that holds its value: no secret is in the file.
    """

    function: Name | None = None
    url: Text | None = None
    returns: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")], Name] = {}

    @model_validator(mode="after")
    def _one_thing_to_run(self) -> Self:
        if (self.function is None) == (self.url is None):
            raise ValueError(
                "should have one of function and url, and has "
                f"{'none' if self.url is None else 'both'}"
            )
        if self.url is not None:
            _check_url(self.url)
        elif self.headers:
            raise ValueError("has headers, which only go with a url")
        return self


class PrivacySettings(_Table):
    """What else is personal in chats: regular expressions, each under the name that replaces what
    it finds. With `mask_log` the log of the bot's own conversations is masked as it is written."""

    mask_log: bool = True
    patterns: dict[Name, Text] = {}

    @model_validator(mode="after")
    def _patterns_compile(self) -> Self:
        for pattern in self.patterns.values():
            _check_pattern(pattern)
        return self


class PhrasingSettings(_Table):
    """A language model that words what is quoted of the articles: the folder it lies in, from the
    workspace on; none, and the articles' own words are given."""

    model: str = ""


class Settings(_Table):
    """A whole `frontdesk.toml`.

    `max_wrong_answers` is the share of wrong answers the owner accepts; the thresholds of the
    dialogue are computed from it and never typed in by hand. `out_of_scope_share` is the share of
    live messages that are none of the bot's business, for which that is promised; "auto" takes
    that of the labelled chats, but never less than a tenth.
    """

    name: Text
    language: Language = "en"
    max_wrong_answers: Annotated[float, Field(gt=0, lt=1)] = 0.05
    out_of_scope_share: AutoOrShare = "auto"
    encoder: EncoderSettings = EncoderSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    privacy: PrivacySettings = PrivacySettings()
    phrasing: PhrasingSettings = PhrasingSettings()
    entities: dict[Name, EntitySettings] = {}
    actions: dict[Name, ActionSettings] = {}

    def personal_patterns(self) -> dict[str, re.Pattern[str]]:
        """What `masking.mask` is to replace for this workspace, by name: the patterns of its
        entities, but for those that are not `personal`, and those of [privacy]."""
        own = {
            name: entity.pattern
            for name, entity in self.entities.items()
            if entity.pattern is not None and entity.personal
        }
        return {
            name: _finder(pattern, ()) for name, pattern in (own | self.privacy.patterns).items()
        }


def load_settings(path: Path) -> Settings:
    """Read and check a settings file.

    Raises:
        BotError: the file is missing or wrong; `file:line: what; what to do`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return Settings.model_validate(tomllib.loads(text))
    except FileNotFoundError:
        raise BotError(f"{path} is missing; `frontdesk new DIR` makes a workspace") from None
    except UnicodeDecodeError:
        raise BotError(f"{path}:1: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        _raise_syntax(path, text, error)
    except ValidationError as error:
        _raise_first(path, text, error)


# --- entities ------------------------------------------------------------------------------------

# `\b` may not see "单TT-123" as one word. An apostrophe joins what is on both sides of it: there is
# no size S in "that's".
_APOSTROPHE = "['’]"
_BOUNDARY = rf"(?:(?<!{SPACED})(?={SPACED})|(?<={SPACED})(?!{SPACED}))"


def unlearnt(settings: Settings, types: Collection[str]) -> list[str]:
    """A sentence for each learned entity that is none of the model's entity types."""
    return [
        f'"entities.{name}" is learned, and the live model has not learnt it: nothing fills it; '
        f'mark entities of type "{name}" in the chats and run `frontdesk finetune`'
        for name, entity in settings.entities.items()
        if entity.learned and name not in types
    ]


def _check_url(url: str) -> None:
    if not is_private(url):
        raise ValueError("should have a url like https://HOST/... (or http:// on localhost)")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a password in its url; name an environment variable under headers")
    if re.search(r"[{}\s]", url):
        raise ValueError(
            "has braces or spaces in its url; what customers say goes in the body only"
        )


def _check_pattern(pattern: str) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"has a pattern that is no regular expression ({error})") from None
    if compiled.search("") is not None:
        raise ValueError("has a pattern that matches the empty text")


@cache
def _finder(pattern: str | None, values: tuple[str, ...]) -> re.Pattern[str]:
    if pattern is not None:
        aware = re.sub(r"\\.", lambda two: _BOUNDARY if two[0] == r"\b" else two[0], pattern)
        return re.compile(aware)
    longest_first = sorted(values, key=len, reverse=True)
    return re.compile("|".join(_whole_words(longest_first)))


@lru_cache(maxsize=64)
def _plain(text: str) -> str:
    """The NFKC form of a message, which each entity looks for itself in."""
    return normalize("NFKC", text)


@cache
def _spelled(values: tuple[str, ...]) -> Mapping[str, str]:
    """How the settings spell each value, by its folded form."""
    return {value.casefold(): value for value in values}


def _whole_words(values: Sequence[str]) -> Iterator[str]:
    """One pattern for all values whose ends are letters or digits alike. Only the values ignore
    case: folding the case of the word class as well takes half a second."""

    def ends(value: str) -> tuple[bool, bool]:
        return bool(re.match(SPACED, value[0])), bool(re.match(SPACED, value[-1]))

    for begins, stops in dict.fromkeys(map(ends, values)):
        alike = "|".join(re.escape(value) for value in values if ends(value) == (begins, stops))
        before = f"(?<!{SPACED})(?<!{SPACED}{_APOSTROPHE})" if begins else ""
        after = f"(?!{_APOSTROPHE}?{SPACED})" if stops else ""
        yield f"{before}(?i:{alike}){after}"


# --- complaints ----------------------------------------------------------------------------------

_REMEDIES = {
    "extra_forbidden": "remove it or correct its spelling",
    "missing": "add it",
    "string_too_short": "write something there or remove the key",
}


def _raise_syntax(path: Path, text: str, error: tomllib.TOMLDecodeError) -> NoReturn:
    what, _, place = str(error).partition(" (at ")
    named = re.search(r"line (\d+)", place)
    line = named[1] if named else len(text.splitlines())  # else it says "at end of document"
    raise BotError(f"{path}:{line}: is not valid TOML ({what}); correct that line") from None


def _raise_first(path: Path, text: str, error: ValidationError) -> NoReturn:
    problem = error.errors()[0]
    keys = [str(key) for key in problem["loc"] if key != "[key]"]
    line = line_of(text, keys)
    raise BotError(f"{path}:{line}: {_complaint(keys, dict(problem))}") from None


def _complaint(keys: Sequence[str], problem: dict[str, Any]) -> str:
    kind, key = problem["type"], ".".join(keys)
    remedy = _REMEDIES.get(kind, "correct it")
    if kind == "extra_forbidden":
        return f'"{key}" is no setting{_suggestion(keys)}; {remedy}'
    if kind == "missing":
        return f'"{key}" is missing; {remedy}'
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f'"{key}": {_lower_first(message)}; {remedy}'


def _suggestion(keys: Sequence[str]) -> str:
    close = get_close_matches(keys[-1], _known_keys(keys[:-1]), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def _known_keys(table: Sequence[str]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {
        "": Settings,
        "encoder": EncoderSettings,
        "finetune": FinetuneSettings,
        "privacy": PrivacySettings,
        "phrasing": PhrasingSettings,
        "entities": EntitySettings,
        "actions": ActionSettings,
    }
    fields = tables[table[0] if table else ""].model_fields
    return [field.alias or name for name, field in fields.items()]


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]
