"""A language model may word an answer, and nothing but what the sentences say gets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.bot import Bot
from bot.content.phrasing import Phraser
from bot.decision import Cite, Evidence, Quote, Thresholds, Unknown
from bot.errors import BotError
from bot.live import open_desk
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace, open_workspace

CHOSEN = ("An order can be cancelled until it is packed.", "Refunds go to the card you paid with.")
QUESTION = "can I cancel?"


@pytest.fixture(scope="module")
def tiny_gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal model of random weights, as transformers saves it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("tiny-gpt")
    words = ["<end>", "?", *sorted({word for text in CHOSEN for word in text.split()})]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast: Any = PreTrainedTokenizerFast  # untyped
    fast(tokenizer_object=tokenizer, eos_token="<end>", unk_token="?").save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(words),
        n_embd=16,
        n_layer=1,
        n_head=2,
        n_positions=512,
        bos_token_id=0,
        eos_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Any = GPT2LMHeadModel(config)
    quiet: Any = logging.disable_progress_bar
    quiet()
    model.save_pretrained(folder)
    return folder


def writing(text: str, **given: Any) -> Phraser:
    """A phraser whose model writes this, whatever it is asked."""

    class Writing(Phraser):
        def _written(self, prompt: str) -> str:
            given.setdefault("prompts", []).append(prompt)
            return text

    return Writing(SimpleNamespace(), SimpleNamespace())


def test_a_real_model_is_opened_and_writes_the_same_each_time(
    tiny_gpt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.content.phrasing._finished", lambda text: text)  # it never stops
    phraser = Phraser.open(tiny_gpt)
    written = phraser._written("An order can be")
    assert written
    assert written == Phraser.open(tiny_gpt)._written("An order can be")


def test_what_random_weights_write_is_not_said(tiny_gpt: Path) -> None:
    assert Phraser.open(tiny_gpt).phrase(QUESTION, CHOSEN, "en") == ()


def test_an_answer_that_took_too_long_is_none(
    tiny_gpt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replace(Phraser.open(tiny_gpt), seconds=0.0)._written("An order can be") == ""
    assert '"phrasing.model" took longer than 0 s;' in capsys.readouterr().err


def test_a_question_longer_than_the_model_reads_has_no_answer(
    tiny_gpt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Phraser.open(tiny_gpt)._written("order " * 500) == ""
    assert "reads 512 tokens at most, and an answer needed more" in capsys.readouterr().err


def test_what_stands_is_said_with_its_source() -> None:
    written = "Your order can be cancelled until it is packed. We then send you a free moon rock."
    assert writing(written).phrase(QUESTION, CHOSEN, "en") == (
        ("Your order can be cancelled until it is packed.", 0),
    )


@pytest.mark.parametrize("written", ["", "I am a helpful robot.", "Refunds take 99 days by card."])
def test_where_too_little_stands_there_is_no_wording(written: str) -> None:
    assert writing(written).phrase(QUESTION, CHOSEN, "en") == ()


def test_what_the_model_says_over_and_over_is_said_once() -> None:
    found = writing(f"{CHOSEN[0]} {CHOSEN[1]} " * 8).phrase(QUESTION, CHOSEN, "en")
    assert found == ((CHOSEN[0], 0), (CHOSEN[1], 1))


def test_a_model_that_never_stops_is_cut_at_its_last_whole_sentence(tiny_gpt: Path) -> None:
    class Endless:
        config = SimpleNamespace()

        def generate(self, given: Any, **limits: Any) -> Any:
            import torch

            return torch.zeros((1, given.shape[1] + limits["max_new_tokens"]), dtype=torch.int64)

    tokenizer = Phraser.open(tiny_gpt).tokenizer
    spoken = SimpleNamespace(
        decode=lambda *_, **__: f"{CHOSEN[0]} Refunds go to the card you",
        eos_token_id=0,
        chat_template=None,
    )

    class Speaking:
        def __call__(self, *given: Any, **options: Any) -> Any:
            return tokenizer(*given, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(spoken, name)

    assert Phraser(Endless(), Speaking())._written("order") == CHOSEN[0]


def test_a_model_that_fails_is_told_of_once_and_the_sentences_stand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Failing(Phraser):
        def _written(self, prompt: str) -> str:
            assert prompt
            raise RuntimeError("index out of range\nin self")

    phraser = Failing(SimpleNamespace(), SimpleNamespace())
    assert [phraser.phrase(QUESTION, CHOSEN, "en") for _ in range(2)] == [(), ()]
    assert capsys.readouterr().err == (
        '"phrasing.model" failed (RuntimeError: index out of range in self);'
        " the articles' own sentences are the answer instead\n"
    )


def test_the_question_is_put_in_and_never_read_as_part_of_the_prompt() -> None:
    prompts: list[str] = []
    writing("", prompts=prompts).phrase("{sentences} {0} %s", CHOSEN, "zh")
    assert prompts[0].count(CHOSEN[0]) == 1
    assert "{sentences} {0} %s" in prompts[0]
    assert "只使用" in prompts[0]


def test_only_a_citation_is_worded_anew() -> None:
    unknown = Unknown("uncertain", Evidence("unknown"))
    assert writing(CHOSEN[0]).phrased(unknown, QUESTION, "en") is unknown
    quotes = tuple(Quote(0, 0, 1, text) for text in CHOSEN)
    cite = Cite((), Evidence("passage-certain"), quotes=quotes)
    found = writing(" ".join(CHOSEN)).phrased(cite, QUESTION, "en")
    assert isinstance(found, Cite)
    assert found.phrased == ((CHOSEN[0], 0), (CHOSEN[1], 1))


# --- in a workspace ------------------------------------------------------------------------------


def test_the_reply_and_the_log_have_the_models_words(trained_workspace: Workspace) -> None:
    desk = open_desk(trained_workspace, lambda *_: None)
    passages = Thresholds(passage=0.0, max_wrong=1e-9)
    phraser = writing("Your voucher is valid for three years. It flies.")
    with SessionLog.open(trained_workspace.database) as log:
        bot = Bot(replace(desk, thresholds=passages, phraser=phraser), log, channel="test")
        exchange = bot.respond("how long is a gift voucher valid")
        [turn] = log.turns(exchange.session)
    assert "Your voucher is valid for three years. [1]" in exchange.reply
    assert "flies" not in exchange.reply
    [phrased] = turn["evidence"]["phrased"]
    assert phrased["text"] == "Your voucher is valid for three years."


@pytest.mark.parametrize("what", ["missing", "no weights", "damaged"])
def test_a_folder_that_is_no_model_is_one_sentence_at_the_start(
    what: str,
    tiny_gpt: Path,
    trained_workspace: Workspace,
    frontdesk: Callable[..., tuple[int, str, str]],
) -> None:
    folder = trained_workspace.root / "language-model"
    if what != "missing":
        folder.mkdir()
        for path in tiny_gpt.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        weights = folder / "model.safetensors"
        weights.unlink() if what == "no weights" else weights.write_bytes(b"not weights")
    settings = trained_workspace.root / "frontdesk.toml"
    settings.write_text(settings.read_text() + '\n[phrasing]\nmodel = "language-model"\n')
    code, out, err = frontdesk("--workspace", trained_workspace.root, "chat", stdin=b"hello\n")
    assert (code, out) == (2, "")
    complaint = err.strip().splitlines()[-1]
    assert complaint.startswith('frontdesk: "phrasing.model": ')
    assert str(folder) in complaint
    assert "or remove [phrasing]" in complaint


def test_no_model_is_opened_where_none_is_named(trained_workspace: Workspace) -> None:
    assert open_desk(trained_workspace, lambda *_: None).phraser is None


def test_a_folder_is_looked_for_from_the_workspace_on(
    tiny_gpt: Path, trained_workspace: Workspace
) -> None:
    (trained_workspace.root / "lm").symlink_to(tiny_gpt)
    settings = trained_workspace.root / "frontdesk.toml"
    settings.write_text(settings.read_text() + '\n[phrasing]\nmodel = "lm"\n')
    desk = open_desk(open_workspace(trained_workspace.root), lambda *_: None)
    assert isinstance(desk.phraser, Phraser)


def test_bad_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BotError, match=r"cannot be opened .*give the folder of a causal model"):
        Phraser.open(tmp_path)
