"""Whether a value may fill a slot, beyond being found in the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checked:
    """A value as it is accepted, normalised perhaps, or the `complaint` about it."""

    value: str
    complaint: str | None = None


Check = Callable[[str, str], Checked]
"""From the name of a slot and a value for it to what becomes of the value."""


def accept(_: str, value: str) -> Checked:
    """Any value, as it is.

    >>> accept("size", "XL")
    Checked(value='XL', complaint=None)
    """
    return Checked(value)
