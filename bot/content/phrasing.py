"""An answer worded by a language model on disk, from sentences that were chosen for it; optional.

The one place in `bot` that imports torch, and only where `[phrasing] model` names a folder. The
model is given the sentences and the question, decodes greedily, and what it writes is checked
sentence by sentence (bot/content/checking.py). Where too little stands, it takes too long or it
fails, there is no phrased answer, and the sentences themselves are the reply; what the owner can
mend is said once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.console import say
from bot.content.checking import content_terms, kept
from bot.content.sentences import sentences
from bot.decision import Cite, Decision
from bot.errors import BotError
from bot.own_sentences import Language

MOST_TOKENS = 160
"""Of an answer."""
MOST_SECONDS = 10.0
LEAST = 0.3
"""The share of the sentences' words that must be left in what stands, for it to be an answer."""

_PROMPTS: dict[Language, str] = {
    "en": (
        "Answer the customer's question in one to three short sentences. Use only what these"
        " sentences say, in their words.\n\n{sentences}\n\nQuestion: {question}\nAnswer:"
    ),
    "zh": (
        "请用一到三句简短的话回答客户的问题，只使用以下句子里的内容和用词。\n\n{sentences}\n\n"
        "问题：{question}\n回答："
    ),
}

Phrased = tuple[tuple[str, int], ...]
"""Sentences, each with the place of the sentence that it was made from."""


@dataclass(frozen=True, slots=True)
class Phraser:
    """A causal language model and its tokenizer, open."""

    model: Any
    tokenizer: Any
    seconds: float = MOST_SECONDS
    complaints: set[str] = field(default_factory=set)

    @classmethod
    def open(cls, folder: Path) -> "Phraser":
        """The model in a folder, in the layout of transformers, with safetensors weights; nothing
        is fetched and no code of the folder is run.

        Raises:
            BotError: there is none, or it is damaged.
        """
        if not (folder / "config.json").is_file():
            raise BotError(f'"phrasing.model": {folder} holds no language model; {_REMEDY}')
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            )
        except Exception as error:  # each architecture and each file format has errors of its own
            what = " ".join(str(error).split())[:200]
            raise BotError(
                f'"phrasing.model": {folder} cannot be opened ({what}); {_REMEDY}'
            ) from error
        return cls(model.eval(), tokenizer)

    def phrased(self, decision: Decision, question: str, language: Language) -> Decision:
        """A citation with the model's wording, where that stands; any other decision as it is."""
        if not isinstance(decision, Cite) or not decision.quotes or decision.phrased:
            return decision
        chosen = [quote.text for quote in decision.quotes]
        return replace(decision, phrased=self.phrase(question, chosen, language))

    def phrase(self, question: str, chosen: Sequence[str], language: Language) -> Phrased:
        """What stands of the model's answer; empty where it is too little, or took too long."""
        written = self._tried(_prompt(question, chosen, language))
        stands = _without_repeats(kept(written, chosen))
        there = content_terms(" ".join(chosen))
        left = content_terms(" ".join(sentence for sentence, _ in stands))
        return stands if stands and len(left) >= LEAST * len(there) else ()

    def _tried(self, prompt: str) -> str:
        """The model's answer, "" where it fails: the sentences are there without it."""
        try:
            return self._written(prompt)
        except Exception as error:  # each architecture has errors of its own
            what = " ".join(str(error).split())[:200]
            self._complain(f"failed ({type(error).__name__}: {what})")
            return ""

    def _complain(self, what: str) -> None:
        if what not in self.complaints:
            self.complaints.add(what)
            say(f'"phrasing.model" {what}; the articles\' own sentences are the answer instead')

    def _written(self, prompt: str) -> str:
        """The model's answer in whole sentences, "" where it was not done in time."""
        import torch

        started = time.monotonic()
        given = self.tokenizer(self._in_its_form(prompt), return_tensors="pt")["input_ids"]
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and given.shape[1] + MOST_TOKENS > room:
            self._complain(f"reads {room} tokens at most, and an answer needed more")
            return ""
        with torch.inference_mode():
            made = self.model.generate(
                given,
                attention_mask=torch.ones_like(given),
                do_sample=False,
                max_new_tokens=MOST_TOKENS,
                max_time=self.seconds,
                pad_token_id=self.tokenizer.eos_token_id,
            )
        if time.monotonic() - started >= self.seconds:
            self._complain(f"took longer than {self.seconds:g} s")
            return ""
        answer = made[0, given.shape[1] :]
        text: str = self.tokenizer.decode(answer, skip_special_tokens=True)
        return text.strip() if len(answer) < MOST_TOKENS else _finished(text)

    def _in_its_form(self, prompt: str) -> str:
        """The prompt as a message, where the model was taught to answer messages."""
        if not self.tokenizer.chat_template:
            return prompt
        message = [{"role": "user", "content": prompt}]
        form: str = self.tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=True
        )
        return form


def _finished(text: str) -> str:
    """An answer that was cut short, without the sentence that it was cut in."""
    ends = [end for _, end in sentences(text)]
    return text[: ends[-2]].strip() if len(ends) > 1 else ""


def _without_repeats(stands: Sequence[tuple[str, int]]) -> Phrased:
    """Each thing said once, whatever the model says over and over."""
    terms = [content_terms(sentence) for sentence, _ in stands]
    return tuple(one for place, one in enumerate(stands) if terms[place] not in terms[:place])


_REMEDY = (
    "give the folder of a causal model saved by transformers (config.json, a tokenizer,"
    " model.safetensors), or remove [phrasing]"
)


def _prompt(question: str, chosen: Sequence[str], language: Language) -> str:
    """Both are put in at once: a question is never read as part of the form."""
    parts = {"sentences": "\n".join(f"- {one}" for one in chosen), "question": question[:500]}
    return _PROMPTS[language].format(**parts)
