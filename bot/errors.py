"""The errors of the bot: one clear sentence each, `file:line: what is wrong; what to do`.

BotError
├── NoModel    no usable model version (exit code 3)
├── NoIndex    no usable index (exit code 3)
└── NoSession  no such conversation in the log

ActionFailed    never seen: it becomes the outcome of an action
└── TryAgain
"""


class BotError(Exception):
    """Something the person at the keyboard can mend; `str(error)` says what and how."""


class NoModel(BotError):
    """There is no model version to answer with."""


class NoIndex(BotError):
    """There is no index of the articles to search."""


class NoSession(BotError):
    """The log has no conversation of that number."""


class ActionFailed(Exception):
    """An action did not do what it should; `str(error)` says why in a few words."""


class TryAgain(ActionFailed):
    """An action failed in a way that may be over in a moment."""
