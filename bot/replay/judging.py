"""Whether an answer would have been right, as far as the chat tells.

It tells where the customer's message is labelled, where the agent named a template, or where the
agent's words are a wording of one. The template of an answer is right when it is for one of the
labels, or the agent used it. Passages are wrong where no label is the bot's business; whether they
are right no chat can tell.
"""

from typing import TYPE_CHECKING

from bot.decision import Answer, Cite, Decision, Reading, Several
from bot.risk.trials import is_right
from finetune.conversation import OUT_OF_SCOPE
from finetune.corpus import Message
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.bot import Desk


class Judge:
    """What a desk's answers are judged by."""

    def __init__(self, desk: "Desk") -> None:
        self.labels = desk.model.labels
        self._threshold = desk.thresholds.intent
        self._templates = desk.templates
        self._wordings = {
            template.id: {normalise(wording) for wording in template.wordings}
            for template in desk.templates.spoken
        }
        self._known = {f"template:{name}" for name in desk.templates.by_id}.union(
            *self._wordings.values()
        )
        self._business = {*self.labels} - {OUT_OF_SCOPE}

    def trusts(self, intent: str, confidence: float) -> bool:
        """Whether an intent is of the business and clears its threshold."""
        known = intent != OUT_OF_SCOPE and self._threshold is not None
        return known and confidence >= (self._threshold or 0.0)

    def is_outside(self, message: Message) -> bool | None:
        """Whether none of the labels is an intent the model may find; None without a label."""
        return not message.gold & self._business if message.gold and self._business else None

    def hands_over(self, message: Message) -> bool:
        """Whether the template that the agent named hands over to a person."""
        named = self._templates.by_id.get(message.reply_key.removeprefix("template:"))
        return named is not None and named.kind == "handoff"

    def verdict(self, decision: Decision, message: Message) -> str | None:
        """`right` or `wrong`; None where the bot gives no answer or the chat does not tell."""
        if isinstance(decision, Several):
            verdicts = {self.verdict(part, message) for part in decision.parts} - {None}
            return "wrong" if "wrong" in verdicts else next(iter(verdicts), None)
        if isinstance(decision, Cite):
            return "wrong" if self.is_outside(message) else None
        if not isinstance(decision, Answer) or not self._tells(message):
            return None
        return "right" if self._right(decision.template, message) else "wrong"

    def intent_right(self, reading: Reading, message: Message) -> bool | None:
        """Whether the likeliest intent, which has a spoken template, is among the labels: what the
        threshold of intents was certified on."""
        top = reading.intents[0].name if reading.intents else OUT_OF_SCOPE
        if not message.gold or top == OUT_OF_SCOPE or not self._templates.by_intent(top):
            return None
        return top in message.gold

    def ranked_right(self, template: str, message: Message) -> bool | None:
        """Whether the ranker's best template is right: what the threshold of templates was
        certified on, for which every reply of an agent tells."""
        if not message.gold and not message.reply_key:
            return None
        return self._right(template, message)

    def _tells(self, message: Message) -> bool:
        return bool(message.gold) or message.reply_key in self._known

    def _right(self, template: str, message: Message) -> bool:
        record = {"reply": message.reply_key, "intents": message.gold}
        return is_right(self._templates, self._wordings, template, record)
