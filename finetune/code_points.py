"""Characters as numbers, for hashing many texts at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def code_points(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The code point of every character of texts that follow each other (n,); half a surrogate pair
    counts as one.

    >>> code_points(["a", "好"]).tolist()
    [97, 22909]
    """
    written = "".join(texts).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(written, np.uint32).astype(np.uint64)
