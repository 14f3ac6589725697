"""What was read lately is not read again."""

from collections.abc import Sequence

import pytest

from kb.recent import Recent


class Shelf:
    """Gives each number's square, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def read(self, keys: Sequence[int]) -> dict[int, int]:
        self.asked.append(list(keys))
        return {key: key * key for key in keys if key >= 0}


def test_only_what_is_new_is_read() -> None:
    shelf = Shelf()
    recent = Recent(shelf.read, 10)
    assert recent.get([3, 2]) == [9, 4]
    assert recent.get([2, 5, 3]) == [4, 25, 9]
    assert recent.get([5, 5]) == [25, 25]
    assert shelf.asked == [[3, 2], [5]]


def test_when_too_much_is_kept_all_is_forgotten() -> None:
    shelf = Shelf()
    recent = Recent(shelf.read, 20, weight=lambda square: square)
    recent.get([3, 4])  # 25
    assert recent.get([3]) == [9]  # nothing new: it is still there
    assert recent.get([3, 1]) == [9, 1]
    recent.get([4])
    assert shelf.asked == [[3, 4], [3, 1], [4]]


def test_a_key_that_nobody_has_is_an_error() -> None:
    recent = Recent(Shelf().read, 10)
    with pytest.raises(KeyError):
        recent.get([2, -1])
    assert recent.get([2]) == [4]
