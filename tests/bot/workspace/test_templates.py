"""templates.yaml: what is accepted, the sentence for what is not, and filling slots."""

from pathlib import Path

import pytest

from bot.errors import BotError
from bot.workspace.templates import Template, Templates, fill, load_templates, slot_names

ENTITIES = {"order_id", "day"}


def load(tmp_path: Path, text: str) -> Templates:
    path = tmp_path / "templates.yaml"
    path.write_text(text, encoding="utf-8")
    return load_templates(path, ENTITIES)


FILE = """\
templates:
  - id: order_status
    intents: [order/status, order/late]
    title: Where my order is
    wordings:
      - "Order {order_id} comes on {day}."
      - "You get {order_id} soon."
  - id: hello
    intents:
      - greeting
    kind: smalltalk
    wordings: ["Hello!", "您好！"]
  - id: refund
    intents: [order/late]
    draft: true
    wordings: ["Write here what to answer."]
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    templates = load(tmp_path, FILE)
    assert templates.by_id["order_status"] == Template(
        id="order_status",
        intents=("order/status", "order/late"),
        kind="answer",
        title="Where my order is",
        slots=("order_id", "day"),
        wordings=("Order {order_id} comes on {day}.", "You get {order_id} soon."),
    )
    assert templates.by_id["hello"].wordings == ("Hello!", "您好！")
    assert templates.by_id["hello"].title == "greeting"
    assert len(templates) == len(list(templates)) == 3


def test_templates_are_found_by_intent(tmp_path: Path) -> None:
    templates = load(tmp_path, FILE)
    assert [template.id for template in templates.by_intent("order/status")] == ["order_status"]
    assert templates.by_intent("unheard of") == ()


def test_a_draft_is_listed_but_never_spoken(tmp_path: Path) -> None:
    templates = load(tmp_path, FILE)
    assert templates.by_id["refund"].draft
    assert "refund" not in [template.id for template in templates.spoken]
    assert [template.id for template in templates.by_intent("order/late")] == ["order_status"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "templates: []\n", "templates:\n"])
def test_no_templates_are_no_error(tmp_path: Path, text: str) -> None:
    assert len(load(tmp_path, text)) == 0


def test_words_that_yaml_takes_for_other_things_stay_text(tmp_path: Path) -> None:
    text = "templates:\n  - id: 7\n    intents: [yes, 1.0]\n    wordings: [no]\n"
    template = load(tmp_path, text).by_id["7"]
    assert (template.intents, template.wordings) == (("yes", "1.0"), ("no",))


def test_slots_may_name_more_than_the_wordings_do(tmp_path: Path) -> None:
    text = "templates:\n  - id: a\n    slots: [day, order_id]\n    wordings: ['See you {day}.']\n"
    assert load(tmp_path, text).by_id["a"].slots == ("day", "order_id")


FLOW = """
templates:
  - id: cancel
    intents: [cancel]
    confirm: Shall I cancel {order_id}?
    action: cancel_order
    wordings: ["Cancelled; {amount} comes back to you."]
    failure: ["I could not cancel {order_id} for {day}."]
"""
ACTIONS = {"cancel_order": ("amount",)}


def load_flow(tmp_path: Path, text: str) -> Templates:
    path = tmp_path / "templates.yaml"
    path.write_text(text, encoding="utf-8")
    return load_templates(path, ENTITIES, ACTIONS)


def test_a_flow_needs_what_it_says_before_and_after_but_not_what_its_action_returns(
    tmp_path: Path,
) -> None:
    [flow] = load_flow(tmp_path, FLOW)
    assert flow.slots == ("order_id", "day")
    assert (flow.confirm, flow.action) == ("Shall I cancel {order_id}?", "cancel_order")
    assert flow.failure == ("I could not cancel {order_id} for {day}.",)


def test_a_flow_may_confirm_in_the_bots_own_words_or_not_at_all(tmp_path: Path) -> None:
    for written, read in [("true", ""), ("false", None)]:
        [flow] = load_flow(tmp_path, FLOW.replace("Shall I cancel {order_id}?", written))
        assert flow.confirm == read


@pytest.mark.parametrize(
    ("instead_of", "write", "complaint"),
    [
        (
            "action: cancel_order",
            "action: cancel",
            ':6: "cancel" is no action; add [actions.cancel] to frontdesk.toml or use one of: c',
        ),
        ("    action: cancel_order\n", "", ':7: "cancel" has no action that could fail; remove it'),
        ("confirm:", "kind: handoff\n    confirm:", ':7: "cancel" is no answer; remove the action'),
        (
            "{amount}",
            "{moon}",
            ':7: "cancel" needs {moon}, which nothing fills; add it to the retu',
        ),
        ("cancel {order_id}?", "cancel {amount}?", ':5: "cancel" needs {amount}, which only co'),
        ("for {day}", "for {amount}", ':8: "cancel" needs {amount}, which only comes of'),
        ("confirm:", "slots: [day]\n    confirm:", ':5: "cancel" lacks {order_id} in its slots'),
        ("confirm: Shall I cancel {order_id}?", "confirm: [a]", ':5: "confirm" should be text'),
    ],
)
def test_a_mistake_in_a_flow_is_told_with_its_line(
    tmp_path: Path, instead_of: str, write: str, complaint: str
) -> None:
    assert instead_of in FLOW
    with pytest.raises(BotError) as error:
        load_flow(tmp_path, FLOW.replace(instead_of, write, 1))
    assert f"templates.yaml{complaint}" in str(error.value)


ONE = "templates:\n  - id: a\n    wordings: [Yes]\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            ONE + "  - id: a\n    wordings: [No]\n",
            ':4: "a" is also the id of the template at line 2',
        ),
        (
            ONE + "    intent: [b]\n",
            ':4: "intent" is no key of a template; use one of: id, intents',
        ),
        (ONE + "    id: b\n", ':4: "id" stands there twice; keep one of them'),
        (ONE + "    kind: joke\n", ':4: "joke" is no kind of template; use one of: answer, small'),
        (ONE + "    title:\n", ':4: "title" is empty; write it or remove it'),
        (ONE + "    intents: b\n", ':4: "intents" should be a list; start each entry with "- "'),
        (ONE + "    draft: maybe\n", ':4: "draft" should be true or false; write one of the two'),
        ("templates:\n  - wordings: [Yes]\n", ':2: a template has no id; add "id:"'),
        ("templates:\n  - id: a\n", ':2: "a" says nothing; give it wordings'),
        ("templates:\n  - id: a\n    wordings: []\n", ':3: "a" says nothing; give it wordings'),
        ("templates:\n  - id: a\n    wordings: ['']\n", ':3: "wordings" is empty; write it or'),
        (
            "templates:\n  - id: a\n    wordings:\n      - Fine.\n      - 'On {moon}.'\n",
            ':5: "a" needs {moon}, which nothing fills; add [entities.moon] to frontdesk.toml',
        ),
        (
            "templates:\n  - id: a\n    slots: [moon]\n    wordings: [Yes]\n",
            ':3: "a" needs {moon}, which nothing fills',
        ),
        (
            "templates:\n  - id: a\n    slots: []\n    wordings: ['On {day}.']\n",
            ':3: "a" lacks {day} in its slots; add it there',
        ),
        (
            "templates:\n  - id: a\n    wordings:\n      - Yes: we do.\n",
            ':4: "wordings" should be text; put text with : # { in quotes',
        ),
        (
            "templates:\n  - id: a\n    wordings:\n      - {day} is fine.\n",
            ":4: is not valid YAML",
        ),
        ("templates:\n  - just words\n", ":2: a template should be keys with values; write it as"),
        ("- id: a\n", ":1: the file should be keys with values; write it as key: value"),
        ("replies: []\n", ':1: "replies" is no key of the file; use one of: templates'),
        ("templates: {a: b}\n", ':1: "templates" should be a list'),
        ("templates: [*nowhere]\n", ":1: is not valid YAML"),
        ("templates: \x07\n", ":1: is not valid YAML"),
    ],
)
def test_a_complaint_names_the_line_and_the_remedy(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BotError) as error:
        load(tmp_path, text)
    assert f"templates.yaml{complaint}" in str(error.value)
    assert "; " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BotError, match='is missing; write one with the line "templates: '):
        load_templates(tmp_path / "templates.yaml", ENTITIES)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "templates.yaml"
    path.write_bytes(b"templates: \xff")
    with pytest.raises(BotError, match="is not UTF-8 text"):
        load_templates(path, ENTITIES)


def test_slots_are_filled() -> None:
    assert fill("{order_id} on {day}, {order_id}!", {"order_id": "7", "day": "Monday"}) == (
        "7 on Monday, 7!"
    )
    assert fill("订单{order_id}已发出。", {"order_id": "7"}) == "订单7已发出。"


@pytest.mark.parametrize("value", ["{day}", "{0.__class__}", r"\g<1>", "%s", "{", ""])
def test_what_the_customer_wrote_is_inert(value: str) -> None:
    assert fill("It is {order_id}.", {"order_id": value, "day": "secret"}) == f"It is {value}."


def test_other_braces_are_text() -> None:
    assert slot_names("{} { day } {1} {a-b} {day}") == ("day",)
    assert fill("{} { day } {1}", {}) == "{} { day } {1}"


def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("{day}", {})
