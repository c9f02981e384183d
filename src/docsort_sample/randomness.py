"""Random numbers that depend on what they are for, never on order, worker or wall clock."""

import hashlib

import numpy as np


def derive_rng(root: int, purpose: str, *item: object) -> np.random.Generator:
    """A generator of its own for one purpose and one item of a root seed.

    The parts are joined by a separator that cannot occur in their text, so ("a", "bc") and ("ab", "c") differ.
    """
    text = "\x1f".join(str(part).replace("\x1f", "\x1f\x1f") for part in (root, purpose, *item))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1)
