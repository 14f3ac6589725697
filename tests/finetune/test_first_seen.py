"""What came first under a key is what is given."""

from finetune.first_seen import FirstSeen

LARGEST = 2**63 - 1


def test_the_first_value_of_a_key_stays() -> None:
    seen = FirstSeen()
    assert seen.add(-LARGEST, value=LARGEST, place=1) == (LARGEST, 1)
    assert seen.add(-LARGEST, value=2, place=3) == (LARGEST, 1)
    assert seen.add(0, value=2, place=3) == (2, 3)
    assert len(seen) == 2


def test_each_remembers_its_own() -> None:
    one, other = FirstSeen(), FirstSeen()
    one.add(1, value=1, place=1)
    assert len(other) == 0
