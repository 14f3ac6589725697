"""The vectors of a fine-tuned encoder, led back to where they were before its training.

Training on chats moves every vector, those of articles on other matters too, and finds them less
well. What an index holds shows the way back: for texts x of it, of which the encoder as it was
before gives y, ridge regression shrunk towards the identity,

    A = argmin |XA - Y|² + STRENGTH |A - I|² = I + (X'X + STRENGTH I)⁻¹ X'(Y - X)

(a linear map between two spaces of vectors, as in Mikolov et al. 2013, arXiv:1309.4168). Few texts
leave the vectors nearly as they are.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from kb.vectors import FloatArray, unit

STRENGTH = 3.0
"""In texts. Chosen on the half of StackFAQ's threads that the weight of the fusion was."""
_AT_ONCE = 8192  # vectors


def fit(own: FloatArray, before: FloatArray, strength: float = STRENGTH) -> FloatArray:
    """The map (d, d) that leads unit vectors (n, d) of some texts to what they were `before`."""
    own, before = own.astype(np.float64), before.astype(np.float64)
    identity = np.eye(own.shape[1])
    step = np.linalg.solve(own.T @ own + strength * identity, own.T @ (before - own))
    return (identity + step).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Aligned:
    """How vectors (n, d) that were not led back are compared with a query that was.

    The cosine of pA and q is the product of p and Aq over the length of pA, so the vectors stay as
    they are; `scales` (n,) are those lengths, inverted.
    """

    map: FloatArray
    scales: FloatArray
    name: str

    @classmethod
    def of(cls, map_: FloatArray, vectors: FloatArray) -> "Aligned":
        """For an index with these vectors, in its order."""
        starts = range(0, len(vectors), _AT_ONCE)
        led = [vectors[start : start + _AT_ONCE] @ map_ for start in starts]
        lengths = np.concatenate(
            [np.zeros(0, np.float32), *(np.linalg.norm(p, axis=1) for p in led)]
        )
        name = hashlib.sha256(map_.tobytes()).hexdigest()
        return cls(map_, 1 / np.maximum(lengths, 1e-9).astype(np.float32), name)

    def lead(self, vector: FloatArray) -> FloatArray:
        """The unit vector (d,) of a query, led back."""
        return unit(vector @ self.map)

    def probe(self, query: FloatArray) -> FloatArray:
        """What a query (d,) that was led back is to vectors that were not."""
        found: FloatArray = self.map @ query
        return found
