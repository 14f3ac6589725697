"""What happened to the model versions, one event a line in `models/history.jsonl`.

Lines are only ever added, each by one write, so several processes may add at once and a killed one
leaves at most half a line, which is passed over. Who switches writes the event first and switches
then: an event may be of a switch that did not come about, but no switch is without its event.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

FILE = "history.jsonl"
Switch = Literal["live", "forced", "used", "rollback"]
"""A version went live because it passed the gate, because it was forced although it did not,
because a person chose it, or because a person went back to it."""
SWITCHES = get_args(Switch)


@dataclass(frozen=True, slots=True)
class Event:
    """`at` is ISO 8601 in UTC; `facts` are what else the line says, such as the verdict."""

    at: str
    event: str
    version: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def record(
    models: Path, event: Literal["published", "gate"] | Switch, version: str, **facts: Any
) -> None:
    """Add an event: a version appeared, was compared with the live one, or went live. Returns when
    it is on disk; raises OSError when it cannot be."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"at": at, "event": event, "version": version, **facts}
    text = json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
    handle = os.open(models / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        _write(handle, ("\n" if _is_torn(handle) else "") + text)
        os.fsync(handle)
    finally:
        os.close(handle)


def events(models: Path) -> list[Event]:
    """All events, the oldest first; none where nothing was recorded."""
    try:
        lines = (models / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return list(_parsed(lines))


def verdict_on(models: Path, version: str) -> Mapping[str, Any] | None:
    """The latest verdict of the gate on a version, as `finetune.gate.Verdict.as_json`."""
    verdict: Mapping[str, Any] | None = None
    for event in events(models):
        if event.version == version and event.event in ("gate", "published"):
            verdict = event.facts.get("verdict")  # none of one that only now has this name
    return verdict


def lives(models: Path, live: str | None) -> list[str]:
    """The versions that going back passes through, the one live now (`live`) last.

    Going back takes the last ones away, so that going back again goes further back.
    """
    stack: list[str] = []
    for event in events(models):
        if event.event == "published":  # a name that was free again: not the version that was live
            stack = [name for name in stack if name != event.version]
        elif event.event == "rollback" and event.version in stack:
            while stack[-1] != event.version:
                stack.pop()
        elif event.event in SWITCHES and stack[-1:] != [event.version]:
            stack.append(event.version)
    if stack[-2:-1] == [live]:
        stack.pop()  # the last switch was recorded and did not come about
    elif live is not None and stack[-1:] != [live]:
        stack.append(live)  # switched by other means
    return stack


def waiting(models: Path) -> set[str]:
    """The versions that were published and never went live since."""
    found: set[str] = set()
    for event in events(models):
        if event.event == "published":
            found.add(event.version)
        elif event.event in SWITCHES:
            found.discard(event.version)
    return found


def _parsed(lines: list[bytes]) -> Iterator[Event]:
    for line in lines:
        try:
            facts = json.loads(line)
            yield Event(facts.pop("at"), facts.pop("event"), facts.pop("version"), facts)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # half a line, or one of a later release


def _is_torn(handle: int) -> bool:
    """Whether the file ends inside a line."""
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def _write(handle: int, text: str) -> None:
    """All of it in one write, which the system does not mix with others'; the rest, where a disk
    is nearly full, raises."""
    content = text.encode()
    while content:
        content = content[os.write(handle, content) :]
