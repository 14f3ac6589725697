"""What the bot would have done in chats that have happened, measured against what people did.

survey      which chats, what repeats         one look, nothing held
known       what repeats, encoded once        on disk
answering   a block of chats -> rows          alone, so anywhere
workers     here, in processes, on Ray        same results, same order
store       replays.db, a row a turn
tally       rows -> sums by chat
ledger      rows -> curves and times          on disk
intervals   sums -> figures, and how sure they are
figures     all of them, as one value
compare     two replays of the same turns
"""

from bot.replay.compare import Comparison, comparison
from bot.replay.engine import Request, replay
from bot.replay.store import ReplayRow, ReplayStore, Turn, turns
from bot.replay.summary import Figures, figures

__all__ = [
    "Comparison",
    "Figures",
    "ReplayRow",
    "ReplayStore",
    "Request",
    "Turn",
    "comparison",
    "figures",
    "replay",
    "turns",
]
