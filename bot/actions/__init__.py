"""Actions: what is done or looked up before an answer is given.

An action is a function of the workspace's actions.py or an HTTP endpoint. It is given the slots as
text and gives back text for the wordings. It has its time, is tried again where the owner allows
it, and whatever goes wrong is an `Outcome` with a failure: never an exception, never an answer.

    wait before attempt n > 1:  0.2 s * 2 ** (n - 2), at most 2 s
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.actions.owner_code import Function, load_functions, place_of, takes_key
from bot.actions.validation import Checked
from bot.decision import Answer, Decision, Outcome, Part, Several, parts_of
from bot.errors import ActionFailed, BotError, TryAgain

if TYPE_CHECKING:
    from bot.workspace.settings import ActionSettings, EntitySettings, Settings

AT_ONCE = 8
"""Runs of a workspace's actions that may be under way; those that hang count, too."""
LONGEST_VALUE = 2000
"""Characters of one value that an action returns; more is a failure."""
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 2.0


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions and the checks of a workspace, ready to be run."""

    settings: Mapping[str, ActionSettings] = field(default_factory=dict)
    entities: Mapping[str, EntitySettings] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    path: Path = Path("actions.py")
    sleep: Callable[[float], None] = time.sleep
    under_way: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def check(self, slot: str, value: str) -> Checked:
        """A value as the `validate` function of its entity accepts it, or the complaint.

        Raises:
            BotError: the function failed, or gave back no text.
        """
        entity = self.entities.get(slot)
        if entity is None or entity.checked_by is None:
            return Checked(value)
        try:
            accepted = self.functions[entity.checked_by](value)
        except ValueError as refusal:
            return Checked(value, str(refusal) or entity.invalid or "")
        except Exception as error:  # whatever the owner's code may raise
            raise BotError(f"{entity.checked_by} failed: {place_of(error, self.path)}") from error
        if not isinstance(accepted, str) or not accepted:
            raise BotError(
                f"{self.path}: {entity.checked_by} should return the value as text or raise a "
                f"ValueError, and returned {type(accepted).__name__}; correct it"
            )
        return Checked(accepted)

    def run(self, name: str, slots: Mapping[str, str], key: str) -> Outcome:
        """Run an action until it succeeds or may be tried no more."""
        action, started = self.settings[name], time.perf_counter()
        returned, failure, attempt = dict[str, str](), None, 0
        for attempt in range(1, action.retries + 2):
            self.sleep(_wait(attempt))
            try:
                found = self._within(action, lambda: self._call(action, slots, key))
                returned, failure = _returned(found, action.returns), None
            except ActionFailed as error:
                failure = str(error)
                if isinstance(error, TryAgain):
                    continue
            break
        ms = round(1000 * (time.perf_counter() - started), 3)
        return Outcome(name, returned, failure, attempt, ms)

    def are_idle(self) -> bool:
        """Whether each run has ended; one that hangs never does."""
        taken = [self.under_way.acquire(blocking=False) for _ in range(AT_ONCE)]
        if any(taken):
            self.under_way.release(sum(taken))
        return all(taken)

    def _call(self, action: ActionSettings, slots: Mapping[str, str], key: str) -> Any:
        if action.function is None:
            from bot.actions.endpoint import post  # urllib.request, which few bots need

            return post(action, slots, key)
        function = self.functions[action.function]
        try:
            return function(dict(slots), **({"key": key} if takes_key(function) else {}))
        except Exception as error:  # whatever the owner's code may raise
            raise TryAgain(place_of(error, self.path)) from None

    def _within(self, action: ActionSettings, call: Callable[[], Any]) -> Any:
        """The result of a call that has the action's time. It goes on in its thread if it does not
        end; a function that is still at work is not started again beside itself."""
        if not self.under_way.acquire(blocking=False):
            raise ActionFailed(f"{AT_ONCE} earlier runs have not ended")
        done: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

        def work() -> None:
            try:
                done.put((True, call()))
            except BaseException as error:  # handed to the thread that waits
                done.put((False, error))
            finally:
                self.under_way.release()

        threading.Thread(target=work, name="action", daemon=True).start()
        try:
            succeeded, result = done.get(timeout=action.timeout_seconds)
        except queue.Empty:
            late = ActionFailed if action.function else TryAgain
            raise late(f"did not end within {action.timeout_seconds:g} s") from None
        if succeeded:
            return result
        if isinstance(result, ActionFailed):
            raise result
        raise ActionFailed(type(result).__name__)


def open_actions(settings: Settings, path: Path) -> Actions:
    """The actions and checks that the settings name; `path` is the workspace's actions.py.

    Raises:
        BotError: what they name is not there; `file:line: what; what to do`.
    """
    checks = {
        entity.checked_by: f"entities.{name}.validate"
        for name, entity in settings.entities.items()
        if entity.checked_by
    }
    runs = {
        action.function: f"actions.{name}.function"
        for name, action in settings.actions.items()
        if action.function
    }
    functions = load_functions(path, checks | runs)
    return Actions(settings.actions, settings.entities, functions, path)


def require_environment(actions: Mapping[str, ActionSettings]) -> None:
    """Raises BotError for a header's environment variable that is not set."""
    for name, action in actions.items():
        for header, variable in action.headers.items():
            if not os.environ.get(variable):
                raise BotError(
                    f"actions.{name} sends {header} from the environment variable {variable}, "
                    "which is not set; set it before the chat"
                )


def acts(decision: Decision) -> bool:
    """Whether a decision has an action that has not been run."""
    return any(_is_due(part) for part in parts_of(decision))


def carry_out(decision: Decision, actions: Actions, turn: str) -> Decision:
    """The decision with the outcomes of its actions, run in order.

    `turn` names the turn: the key of an action is the same whenever the turn is tried again, and no
    other request's.
    """
    if isinstance(decision, Several):
        parts = tuple(_carried_out(part, actions, turn) for part in decision.parts)
        return replace(decision, parts=parts)
    return _carried_out(decision, actions, turn)


def _is_due(part: Part) -> bool:
    return isinstance(part, Answer) and part.action is not None and part.outcome is None


def _carried_out(part: Part, actions: Actions, turn: str) -> Part:
    if not isinstance(part, Answer) or part.action is None or part.outcome is not None:
        return part
    meanings = part.evidence.meanings
    given = {slot: meanings.get(slot, words) for slot, words in part.slots.items()}
    # A session's number may come again where a log is begun anew; a request with all that not.
    request = json.dumps([turn, part.action, sorted(given.items())])
    key = f"{turn}-{hashlib.sha256(request.encode()).hexdigest()[:16]}"
    return replace(part, outcome=actions.run(part.action, given, key))


def _wait(attempt: int) -> float:
    return min(_FIRST_WAIT * 2 ** (attempt - 2), _LONGEST_WAIT) if attempt > 1 else 0.0


def _returned(found: Any, names: tuple[str, ...]) -> dict[str, str]:
    """What is declared of a result, as text. What says False has failed, whatever is declared."""
    if found is False:
        raise ActionFailed("returned False")
    if not names:
        return {}
    if not isinstance(found, Mapping):
        raise ActionFailed(f"returned {type(found).__name__} and no names with values")
    return {name: _text(name, found.get(name)) for name in names}


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ActionFailed(f'returned no text or number for "{name}"')
    text = str(value)
    if not text or len(text) > LONGEST_VALUE:
        raise ActionFailed(f'returned {"nothing" if not text else "too much"} for "{name}"')
    return text
