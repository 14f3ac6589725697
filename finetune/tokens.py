"""Text to token ids, and token ids to padded batches; shared by training and serving."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TokenIds = NDArray[np.int64]
MAX_CHARACTERS_PER_TOKEN = 40


def load_tokenizer(text: str, max_tokens: int) -> "Tokenizer":
    """A tokenizer from its JSON that truncates at `max_tokens` and never pads.

    Raises ValueError where the text is no tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"not a tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def token_ids(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[TokenIds]:
    """Ids of each text. What lies far beyond the truncation is cut before it is tokenised."""
    encodings = tokenizer.encode_batch_fast(encodable(tokenizer, texts))
    return [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]


def encodable(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[str]:
    """The texts as a tokenizer may have them: cut far beyond its truncation, where it has one, and
    with a "?" for half a surrogate pair, which a terminal may pass on and which is no Unicode."""
    longest = (tokenizer.truncation or {}).get("max_length")
    limit = None if longest is None else MAX_CHARACTERS_PER_TOKEN * int(longest)
    return [text[:limit].encode("utf-8", "replace").decode() for text in texts]


def pad(rows: Sequence[TokenIds], pad_id: int) -> tuple[TokenIds, TokenIds]:
    """Right-padded ids and mask, both (n, longest row)."""
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    mask = (np.arange(lengths.max(initial=1)) < lengths[:, None]).astype(np.int64)
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask.astype(bool)] = np.concatenate(rows)
    return ids, mask


def batches_by_length(
    lengths: Sequence[int], max_rows: int, max_tokens: int
) -> Iterator[NDArray[np.int64]]:
    """Indices grouped so that rows of like length share a batch of bounded size.

    A batch holds at most `max_rows` rows and about `max_tokens` tokens, padding included.
    """
    order = np.argsort(np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while (
            stop < len(order)
            and stop - start < max_rows
            and lengths[order[stop]] * (stop - start + 1) <= max_tokens
        ):
            stop += 1
        yield order[start:stop]
        start = stop
