"""Perceptual hashes of all eight dihedral turns, and the pairs of images at a small Hamming distance.

The hash is the 64-bit DCT hash of Zauner (2010, "Implementation and benchmarking of perceptual image hash functions"):
the signs, against their median, of the 8×8 lowest frequencies of a 32×32 grey copy. The copy is square, so laying the
page down another way only transposes the frequencies and flips signs: one transform gives the hashes of all eight
turns.

It is a sieve, not a judge: pages of one form with different text are often as close as copies of one page. What passes
is looked at by `docsort.cleaning.alignment`.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS

SIDE = 32
FREQUENCIES = 8
BLOCK = 256
"""Rows compared at once: 256 rows against 5,000 hashes are 10 MB."""

_BIT_VALUES = np.uint64(1) << np.arange(63, -1, -1, dtype=np.uint64)


def hash_turns(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes of a grey image (H, W) laid down in each of the eight turns: (8,), entry k being that of turn k."""
    small = cv2.resize(grey.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small)[:FREQUENCIES, :FREQUENCIES]
    turned = np.stack([_turn_frequencies(low, turn) for turn in TURNS]).reshape(len(TURNS), -1)
    above = turned > np.median(turned[:, 1:], axis=1, keepdims=True)
    return np.asarray((above * _BIT_VALUES).sum(axis=1), dtype=np.uint64)


def _turn_frequencies(low: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """The frequencies of the turned image. Mirroring negates the odd frequencies along the axis; a quarter-turn
    counter-clockwise is a transposition followed by turning upside down."""
    signs = np.where(np.arange(FREQUENCIES) % 2, np.float32(-1), np.float32(1))
    turned = low * signs if turn >= 4 else low
    for _ in range(turn % 4):
        turned = turned.T * signs[:, None]
    return turned


def hashes_to_text(hashes: NDArray[np.uint64]) -> str:
    """Eight hashes as 16 hexadecimal digits each, parted by spaces."""
    return " ".join(f"{int(value):016x}" for value in hashes)


def hashes_from_text(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The inverse for N images: (N, 8)."""
    values = [[int(word, 16) for word in text.split()] for text in texts]
    return np.array(values, dtype=np.uint64).reshape(len(values), len(TURNS))


def hamming(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many of the 64 bits differ, element by element, 0 to 64."""
    distance: NDArray[np.uint8] = np.bitwise_count(left ^ right)
    return distance


def near_pairs(
    hashes: NDArray[np.uint64], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of N images whose pages are at most `limit` bits apart in some turn, from hashes (N, 8).

    Returns (i, j, distance, turn), each (P,), i < j, ascending. The image i as it is, is nearest to image j laid down
    in `turn`; on equal distance the lowest turn is named. Time grows with N²: 5,000 images take under a second.
    """
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(hashes), BLOCK):
        rows = hashes[start : start + BLOCK, :1]
        best = hamming(rows, hashes[None, start:, 0])
        turns = np.zeros(best.shape, dtype=np.int8)
        for turn in TURNS[1:]:
            distance = hamming(rows, hashes[None, start:, turn])
            nearer = distance < best
            best[nearer] = distance[nearer]
            turns[nearer] = turn
        near = np.triu(best <= limit, k=1)
        i, j = np.nonzero(near)
        found.append(np.stack([i + start, j + start, best[near], turns[near]]).astype(np.int64))
    pairs = np.concatenate(found, axis=1) if found else np.zeros((4, 0), dtype=np.int64)
    return pairs[0], pairs[1], pairs[2], pairs[3]
