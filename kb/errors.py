"""The errors of this package. `str(error)` is always one full sentence a person can act on.

KBError          an article, a query file or a vector that cannot be used
└── NoIndex      no index that can be trusted: missing, damaged, or made for another encoder
"""


class KBError(Exception):
    """Something given to the knowledge base cannot be used."""


class NoIndex(KBError):
    """There is no usable index; the sentence names the command that makes one."""
