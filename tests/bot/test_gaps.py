"""What to fix next, of a replay and of the live log of the bakery."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from bot.asked import Asked
from bot.clusters import clusters, spread
from bot.decision import Scored
from bot.gaps import fault, gaps
from bot.key_terms import KeyTerms, terms
from bot.templates import Template, Templates
from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
SetThresholds = Callable[..., None]


def test_probe(frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds) -> None:
    set_thresholds(trained_workspace, intent=0.9, passage=0.6)
    w = trained_workspace.root
    print(frontdesk("replay", trained_workspace.chats, "-w", w))
    c, o, e = frontdesk("gaps", "-w", w)
    print(c, o, e)
    print(frontdesk("gaps", "-w", w, "--json"))
    assert 0
