"""Random numbers that depend on what they are for, never on order, worker or wall clock.

A seed is derived from (root seed, purpose, item) by SHA-256, as in big_vision's and JAX's fold-in idiom: drawing one
item's numbers can never shift another's, so the same inputs give the same bytes with any number of workers.
"""

import hashlib

import numpy as np


def derive_seed(root: int, purpose: str, *item: object) -> int:
    """A seed in [0, 2**63) for one purpose and one item.

    The parts are joined by a separator that cannot occur in their text, so ("a", "bc") and ("ab", "c") differ.
    """
    text = "\x1f".join(str(part).replace("\x1f", "\x1f\x1f") for part in (root, purpose, *item))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive_rng(root: int, purpose: str, *item: object) -> np.random.Generator:
    """A generator of its own for one purpose and one item."""
    return np.random.default_rng(derive_seed(root, purpose, *item))
