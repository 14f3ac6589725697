"""An article is the unit a company writes and a citation names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Article:
    """One help article or one question with its answer.

    >>> Article("returns", "Returns", "Within 30 days.", source="kb/returns.md:1").id
    'returns'
    """

    id: str
    """The record's own id, or the file's path below the folder, without its suffix."""
    title: str
    """The title; of a question with its answer, the question."""
    text: str
    """The body as Markdown (HTML has been turned into Markdown)."""
    source: str
    """Where it can be read: its URL where the record names one, else `file:line`."""
    faq: bool = False
    """True for a question with its answer, which stays one passage unless it is long."""
