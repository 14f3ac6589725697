"""Templates proposed from what agents said, for a person to edit.

A proposal may be spoken as it stands only where agents said it again and again to different
customers. Where every use carries the facts of one chat (a name, a price, a day) the proposal is
a draft: the person sees what agents said, the customer never does. An intent that no agent's
reply answers is proposed as a draft too, so that none is forgotten.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from numpy.typing import NDArray

from finetune.conversation import OUT_OF_SCOPE
from finetune.text import normalise

if TYPE_CHECKING:
    from finetune.conversation import Conversation

FloatArray = NDArray[np.float32]
Encode = Callable[[Sequence[str]], FloatArray]
"""Texts in, unit vectors (n, d) out."""

SAME_MEANING = 0.9  # cosine from which two replies say the same
MIN_USES = 3  # a reply said less often is not worth a template
MIN_SHARE = 0.2  # a wording said in a smaller share of a template's uses is one chat's
MIN_SAID = 2  # a wording said once may be one chat's, whatever else means nearly the same
MAX_WORDINGS = 3
MAX_TEMPLATES = 200
MAX_REPLIES = 2000  # that are compared by meaning, the most frequent first


@dataclass(frozen=True, slots=True)
class ProposedTemplate:
    """A template to be, how often agents used it, and what a person should know about it."""

    id: str
    intents: tuple[str, ...]
    wordings: tuple[str, ...]
    uses: int
    draft: bool = False
    note: str = ""


@dataclass(slots=True)
class _Group:
    """Replies that are one: their wordings, and the intents of the messages they answered."""

    wordings: Counter[str] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)

    @property
    def uses(self) -> int:
        return self.wordings.total()

    def add(self, other: "_Group") -> None:
        self.wordings.update(other.wordings)
        self.intents.update(other.intents)


def propose_templates(
    conversations: Iterable["Conversation"], encode: Encode | None = None
) -> list[ProposedTemplate]:
    """Templates from the agents' replies, the most used first, then drafts for bare intents.

    Replies are one template where they name the same `template`; in chats that name none, where
    their normalised texts are equal or, with `encode`, their meanings are (cosine >= 0.9).
    """
    replies = list(_replies(conversations := list(conversations)))
    groups = _named(replies) or _alike(replies, encode)
    asked = _intent_counts(conversations)
    used = sorted(groups.items(), key=lambda item: (-item[1].uses, item[0]))
    frequent = [(name, group) for name, group in used if group.uses >= MIN_USES][:MAX_TEMPLATES]
    proposals = [_proposal(name, group, frequent) for name, group in frequent]
    return [*proposals, *_bare_intents(asked, proposals)]


# --- grouping ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reply:
    text: str
    template: str | None
    intents: tuple[str, ...]  # of the customer's turn before it


def _replies(conversations: Iterable["Conversation"]) -> Iterator[_Reply]:
    for chat in conversations:
        intents: tuple[str, ...] = ()
        for turn in chat.turns:
            if turn.speaker == "customer":
                intents = turn.intents
            elif text := _wording(turn.text):
                yield _Reply(text, turn.template, intents)


def _wording(text: str) -> str:
    """A reply on one line; its braces are no slots."""
    return " ".join(text.translate(_NO_SLOTS).split())


_NO_SLOTS = str.maketrans("{}", "()")


def _collect(keyed: Iterable[tuple[str, _Reply]]) -> dict[str, _Group]:
    groups: dict[str, _Group] = defaultdict(_Group)
    for key, reply in keyed:
        groups[key].wordings[reply.text] += 1
        groups[key].intents.update(reply.intents)
    return groups


def _named(replies: Iterable[_Reply]) -> dict[str, _Group]:
    return _collect((reply.template, reply) for reply in replies if reply.template)


def _alike(replies: Iterable[_Reply], encode: Encode | None) -> dict[str, _Group]:
    equal = _collect((key, reply) for reply in replies if (key := normalise(reply.text)))
    groups = sorted(equal.values(), key=lambda group: (-group.uses, max(group.wordings)))
    if encode is not None and len(groups) > 1:
        groups = _merge(groups[:MAX_REPLIES], encode)
    return _with_names(groups)


def _merge(groups: Sequence[_Group], encode: Encode) -> list[_Group]:
    """Each group joins the most used one that means the same, or leads a new one."""
    vectors = encode([_commonest(group.wordings) for group in groups])
    leaders: list[int] = []
    for place, vector in enumerate(vectors):
        alike = vectors[leaders] @ vector if leaders else np.zeros(0, np.float32)
        if alike.size and alike.max() >= SAME_MEANING:
            groups[leaders[int(alike.argmax())]].add(groups[place])
        else:
            leaders.append(place)
    return [groups[leader] for leader in leaders]


def _commonest(counts: Counter[str]) -> str:
    return min(counts, key=lambda text: (-counts[text], text))


def _with_names(groups: Iterable[_Group]) -> dict[str, _Group]:
    named: dict[str, _Group] = {}
    seen: Counter[str] = Counter()
    for group in groups:
        name = _name_of(_commonest(group.wordings))
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}_{seen[name]}"] = group
    return named


def _name_of(wording: str) -> str:
    """An id from a reply's first words; a Chinese character is half a word or so.

    >>> _name_of("It will be with you on Monday."), _name_of("不好意思哦，这两家店都没有您要的。")
    ('it_will_be_with_you', '不好意思哦这两家店都')
    """
    words = normalise(wording).split()[:5]
    name = "_".join(words)[: 40 if wording.isascii() or len(words) > 2 else 10]
    return name if any(map(str.isalpha, name)) else "reply"


# --- choosing what may be spoken -----------------------------------------------------------------

_ONE_CHATS_FACTS = (
    "what agents said carries facts of single chats, or none said it twice: "
    "write it with {slots}, then remove draft"
)


def _proposal(name: str, group: _Group, groups: Sequence[tuple[str, _Group]]) -> ProposedTemplate:
    wordings, draft = _choose(group)
    return ProposedTemplate(
        id=name,
        intents=_answered(group, groups),
        wordings=wordings,
        uses=group.uses,
        draft=draft,
        note=_ONE_CHATS_FACTS if draft else "",
    )


def _choose(group: _Group) -> tuple[tuple[str, ...], bool]:
    """The wordings to propose, and whether they are only a draft.

    Wordings without facts are preferred if they make up half of the uses; else the facts must be
    the same in nearly every use, which makes them the company's and not a customer's. And the
    wording must be no frame for facts, "on the left" in one chat and "on the right" in another.
    """
    plain = Counter({text: n for text, n in group.wordings.items() if not _facts(text)})
    facts: Counter[frozenset[str]] = Counter()
    for text, uses in group.wordings.items():
        facts[_facts(text)] += uses
    if plain.total() * 2 >= group.uses:
        chosen = plain
    else:
        same, uses = facts.most_common(1)[0]
        chosen = Counter({t: n for t, n in group.wordings.items() if _facts(t) == same})
        if uses < 0.8 * group.uses:
            return _best(group.wordings), True
    said, least = _said(chosen), max(MIN_SAID, MIN_SHARE * group.uses)
    spoken = Counter({text: n for text, n in chosen.items() if said[normalise(text)] >= least})
    if not spoken or _frames(_commonest(spoken), group.wordings) >= MIN_SHARE * group.uses:
        return _best(group.wordings), True
    return _best(spoken), False


def _said(wordings: Mapping[str, int]) -> Counter[str]:
    """How often each was said, up to case, numbers and punctuation."""
    said: Counter[str] = Counter()
    for text, uses in wordings.items():
        said[normalise(text)] += uses
    return said


def _frames(wording: str, counts: Mapping[str, int]) -> int:
    """How often other facts stood in the middle of the same wording."""
    return sum(uses for text, uses in counts.items() if _differ_inside(wording, text))


def _differ_inside(one: str, other: str) -> bool:
    """Whether two texts begin and end alike and differ by a few words between.

    >>> _differ_inside("It is on the left side of it.", "It is on the right side of it.")
    True
    """
    one, other = normalise(one), normalise(other)
    head = _shared(one, other)
    tail = _shared(one[head:][::-1], other[head:][::-1])
    return one != other and head >= 3 and head + tail >= 0.7 * max(len(one), len(other))


def _shared(one: str, other: str) -> int:
    """How many characters two texts share at their beginning."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _facts(text: str) -> frozenset[str]:
    """Words that look like facts: with a digit, or with a capital inside a sentence.

    >>> sorted(_facts("I found the Hilton Hotel for 44 credits. May I book it?"))
    ['44', 'Hilton', 'Hotel']
    """
    words = (word.group() for word in _INSIDE.finditer(text))
    capitals = {word for word in words if word[0].isupper() and word not in _ALWAYS_CAPITAL}
    return frozenset(capitals | set(re.findall(r"\w*\d[\w.,:]*\w|\d", text)))


# A word that neither begins the text nor follows the end of a sentence.
_INSIDE = re.compile(r"(?<=[^\W\d_][ ,'\"(])['\"]?[^\W\d_]\w*|(?<=[,;\"'] )[^\W\d_]\w*")
_ALWAYS_CAPITAL = frozenset({"I", "OK"})


def _best(counts: Counter[str]) -> tuple[str, ...]:
    """The most used wordings that differ by more than punctuation and case."""
    different: dict[str, str] = {}
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        different.setdefault(normalise(text), text)
    return tuple(different.values())[:MAX_WORDINGS]


def _answered(group: _Group, groups: Sequence[tuple[str, _Group]]) -> tuple[str, ...]:
    """The intents a reply answers: a good part of its uses, and of the replies to the intent."""
    totals: Counter[str] = Counter()
    for _, other in groups:
        totals.update(other.intents)
    return tuple(
        intent
        for intent, uses in group.intents.most_common()
        if intent != OUT_OF_SCOPE and uses >= 0.3 * group.uses and uses >= 0.2 * totals[intent]
    )


# --- intents without a reply ---------------------------------------------------------------------


def _intent_counts(conversations: Iterable["Conversation"]) -> Counter[str]:
    turns = (turn for chat in conversations for turn in chat.turns)
    return Counter(intent for turn in turns for intent in turn.intents if intent != OUT_OF_SCOPE)


def _bare_intents(
    asked: Mapping[str, int], proposals: Iterable[ProposedTemplate]
) -> Iterator[ProposedTemplate]:
    proposals = list(proposals)
    answered = {intent for proposal in proposals for intent in proposal.intents}
    taken = {proposal.id for proposal in proposals}
    for intent, messages in sorted(asked.items(), key=lambda item: (-item[1], item[0])):
        if intent not in answered:
            yield ProposedTemplate(
                id=f"answer_{intent}" if intent in taken else intent,
                intents=(intent,),
                wordings=(f"Write here what to answer to {intent}.",),
                uses=0,
                draft=True,
                note=f"{messages} messages ask this; write the reply, then remove draft",
            )


# --- writing -------------------------------------------------------------------------------------

_HEADER = """\
# What the bot may say in its own words. A template answers its intents with one of its wordings;
# a {slot} in a wording is filled with the [entities.slot] of frontdesk.toml. A template with
# "draft: true" is never spoken: edit it and remove that line.
# Keys: id, intents, kind (answer, smalltalk, handoff), title, slots, wordings, draft.
"""


def write_templates(path: Path, proposals: Sequence[ProposedTemplate]) -> None:
    """Write proposals as a `templates.yaml` that loads, each with a comment on its use."""
    if not proposals:
        path.write_text(f"{_HEADER}templates: []\n", encoding="utf-8")
        return
    entries = "\n".join(_entry(proposal) for proposal in proposals)
    path.write_text(f"{_HEADER}templates:\n{entries}", encoding="utf-8")


def _entry(proposal: ProposedTemplate) -> str:
    notes = [f"used {proposal.uses} times"] if proposal.uses else []
    comment = "; ".join([*notes, *([proposal.note] if proposal.note else [])])
    lines = [
        f"  # {comment}",
        f"  - id: {_quoted(proposal.id)}",
        f"    intents: [{', '.join(map(_quoted, proposal.intents))}]",
        *(["    draft: true"] if proposal.draft else []),
        "    wordings:",
        *(f"      - {_quoted(wording)}" for wording in proposal.wordings),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text as a YAML scalar on one line, bare where that is safe."""
    if re.fullmatch(r"[A-Za-z_][\w/-]*", text, re.ASCII) and yaml.safe_load(text) == text:
        return text
    quoted = yaml.safe_dump(text, allow_unicode=True, default_style='"', width=10**6)
    # The library escapes what is beyond 16 bits, emoji among it.
    return re.sub(r"(?<!\\)\\U([0-9A-F]{8})", lambda m: chr(int(m[1], 16)), quoted.strip())
