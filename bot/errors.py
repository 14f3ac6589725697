"""The errors of the bot: one clear sentence each, `file:line: what is wrong; what to do`.

BotError
├── NoModel    no usable model version (exit code 3)
└── NoIndex    no usable index (exit code 3)
"""


class BotError(Exception):
    """Something the person at the keyboard can mend; `str(error)` says what and how."""


class NoModel(BotError):
    """There is no model version to answer with."""


class NoIndex(BotError):
    """There is no index of the articles to search."""
