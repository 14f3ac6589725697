"""The owner's own functions: `actions.py` in the workspace, and nothing else, is run as code.

    def known_order(value):             # validate = "known_order"
        if value not in ORDERS:
            raise ValueError("I can't find that order.")
        return value.upper()

    def order_status(slots):            # function = "order_status", returns = ["status"]
        return {"status": ORDERS[slots["order_id"]]}

A function may take a second argument, `key`: text that is the same whenever the same request is run
again, so that nothing is done twice.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from bot.errors import BotError

Function = Callable[..., Any]
_MODULE = "frontdesk_actions"


def load_functions(path: Path, named: Mapping[str, str]) -> Mapping[str, Function]:
    """The functions of a file by name; `named` maps each that is needed to the setting naming it.

    A file that no setting needs is not read.

    Raises:
        BotError: the file is missing or cannot be run, or a function is missing or takes something
            else; `file:line: what; what to do`.
    """
    if not named:
        return {}
    module = _run(path, next(iter(named.values())))
    return {name: _function(path, module, name, setting) for name, setting in named.items()}


def place_of(error: BaseException, path: Path) -> str:
    """What an error of the owner's code is and where, without its text, which may hold anything.

    >>> place_of(KeyError("secret"), Path("actions.py"))
    'KeyError'
    """
    line = _line_in(error.__traceback__, path)
    kind = type(error).__name__
    return f"{kind} at {path.name}:{line}" if line else kind


def _run(path: Path, setting: str) -> ModuleType:
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    vars(module).update(print=_print, input=_no_input)
    try:
        code = compile(path.read_bytes(), str(path), "exec")
        sys.modules[_MODULE] = module  # dataclasses look their module up there
        exec(code, vars(module))  # the owner's own file, like the settings that name it
    except FileNotFoundError:
        raise BotError(f'{path} is missing, and "{setting}" needs it; write it') from None
    except SyntaxError as error:
        raise BotError(f"{path}:{error.lineno or 1}: {error.msg}; correct that line") from None
    except (Exception, SystemExit) as error:  # whatever the owner's code may raise
        line, kind = _line_in(error.__traceback__, path) or 1, type(error).__name__
        what = " ".join(str(error).split())
        raise BotError(f"{path}:{line}: {kind} when it is loaded ({what}); correct it") from None
    return module


def _print(*values: object, **how: Any) -> None:
    """What the owner's code prints must not stand among the answers on standard output."""
    how.setdefault("file", sys.stderr)
    print(*values, **how)


def _no_input(_prompt: object = "") -> str:
    """Standard input is the customers'; an action has its slots."""
    raise RuntimeError("an action may not read standard input")


def takes_key(function: Function) -> bool:
    return "key" in inspect.signature(function).parameters


def _function(path: Path, module: ModuleType, name: str, setting: str) -> Function:
    found: Any = vars(module).get(name)
    if not callable(found):
        raise BotError(f'{path}:1: has no function {name}, which "{setting}" names; write it')
    line = _first_line(found)
    if inspect.iscoroutinefunction(found):
        raise BotError(f"{path}:{line}: {name} is async; write it with def alone")
    is_action = setting.endswith(".function")
    try:
        key = {"key": ""} if is_action and takes_key(found) else {}
        inspect.signature(found).bind("", **key)
    except (TypeError, ValueError):
        wanted = "slots, or slots and key" if is_action else "value"
        raise BotError(f"{path}:{line}: {name} should take {wanted}; correct that line") from None
    function: Function = found
    return function


def _first_line(function: Function) -> int:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if code else 1


def _line_in(trace: TracebackType | None, path: Path) -> int | None:
    """The innermost line of `path` that an error went through."""
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
