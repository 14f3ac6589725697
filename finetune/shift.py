"""Has traffic moved away from the calibration chats? A test that is rarely wrong when it says so.

A promise about wrong answers is one about messages like those it was certified on. The scores of a
log's messages are compared with those of the calibration messages; chats, not messages, are
shuffled between the two, so that long chats raise no false alarm.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.errors import FinetuneError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
FEWEST_CHATS = 20  # on either side; below, nothing can be said


@dataclass(frozen=True, slots=True)
class Shift:
    """Whether a shift was `noticed`. `distance` is that of Kolmogorov and Smirnov, 0 to 1,
    `p_value` how often chats that all come from one source are as far apart. `lower` says that the
    log's scores are the lower ones, `enough` that there were chats enough to tell."""

    noticed: bool
    distance: float
    p_value: float
    lower: bool
    enough: bool
    chats: int


def shift(
    calibration: FloatArray,
    calibration_chats: IntArray,
    log: FloatArray,
    log_chats: IntArray,
    false_alarm: float = 0.01,
    shuffles: int = 999,
    seed: int = 7,
) -> Shift:
    """Compare the scores of a log with those that thresholds were certified on.

    A permutation test of the greatest distance between the two distributions, over chats (Good
    2005; Winkler et al. 2014 on exchangeable blocks). Chats being exchangeable when nothing has
    changed, it raises a false alarm with probability `false_alarm` at most.

    Args:
        calibration, log: (n,) and (m,) scores of messages, on one scale.
        calibration_chats, log_chats: a number for each message's chat, of each side its own.

    Raises:
        FinetuneError: false_alarm is not between 0 and 1, or arrays differ in length.
    """
    if not 0 < false_alarm < 1:
        raise FinetuneError(f"false_alarm is {false_alarm}; it must lie between 0 and 1")
    if len(calibration) != len(calibration_chats) or len(log) != len(log_chats):
        raise FinetuneError("a shift is looked for with one chat a score; the lengths differ")
    ours, theirs = (np.unique(c, return_inverse=True)[1] for c in (calibration_chats, log_chats))
    first, second = int(ours.max(initial=-1)) + 1, int(theirs.max(initial=-1)) + 1
    if min(first, second) < FEWEST_CHATS:
        return Shift(False, 0.0, 1.0, False, False, second)
    scores = np.concatenate([calibration, log])
    order = np.argsort(scores, kind="stable")
    chats = np.concatenate([ours, theirs + first])[order]
    ends = np.flatnonzero(np.diff(scores[order], append=np.inf) > 0)  # of each run of equal scores
    in_log = np.arange(first + second) >= first
    distance = _distance(in_log[chats], ends)
    rng = np.random.default_rng(seed)
    as_far = sum(
        _distance(rng.permutation(in_log)[chats], ends) >= distance - 1e-12 for _ in range(shuffles)
    )
    p_value = (1 + as_far) / (1 + shuffles)
    lower = float(np.mean(log)) < float(np.mean(calibration))
    return Shift(p_value <= false_alarm, distance, p_value, lower, True, second)


def _distance(in_log: npt.NDArray[np.bool_], ends: IntArray) -> float:
    """The greatest gap between the two empirical distributions of ranked messages."""
    log = np.cumsum(in_log)
    rest = np.arange(1, len(in_log) + 1) - log
    if not log[-1] or not rest[-1]:
        return 0.0
    return float(np.abs(log[ends] / log[-1] - rest[ends] / rest[-1]).max())


def sentence(found: Shift, false_alarm: float = 0.01) -> str:
    """What to tell the owner; empty where nothing was noticed."""
    if not found.noticed:
        return ""
    way = "less" if found.lower else "more"
    return (
        f"the messages of these {found.chats:,} chats are not like those the thresholds were made "
        f"on (they are read {way} surely; such a difference comes by chance in at most "
        f"{false_alarm:.0%} of the cases), so the promise about wrong answers may not hold: "
        "fine-tune again with newer chats"
    )
