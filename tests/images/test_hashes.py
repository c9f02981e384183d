import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS, apply_turn
from docsort.images.hashes import BLOCK, hamming, hash_turns, hashes_from_text, hashes_to_text, near_pairs

Pages = list[NDArray[np.uint8]]


def grey(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(np.ascontiguousarray(page), cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize("turn", TURNS)
def test_one_transform_gives_the_hash_of_the_page_turned_pixel_by_pixel(pages: Pages, turn: int) -> None:
    for page in pages:
        turned = hash_turns(grey(apply_turn(page, turn)))[0]
        assert hamming(hash_turns(grey(page))[turn], turned) == 0


def test_a_copy_stays_near_and_another_page_is_far(pages: Pages) -> None:
    hashes = np.stack([hash_turns(grey(page)) for page in pages])
    for page, own in zip(pages, hashes, strict=True):
        small = cv2.resize(page, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        bright = np.clip(small.astype(float) * 0.9 + 12, 0, 255).astype(np.uint8)
        assert hamming(hash_turns(grey(bright))[0], own[0]) <= 4
    i, j = np.triu_indices(len(pages), 1)
    assert np.median(hamming(hashes[i, 0], hashes[j, 0])) > 16


def test_hashes_survive_being_written_as_text(pages: Pages) -> None:
    hashes = np.stack([hash_turns(grey(page)) for page in pages])
    texts = [hashes_to_text(row) for row in hashes]
    assert all(len(text) == 8 * 16 + 7 for text in texts)
    assert np.array_equal(hashes_from_text(texts), hashes)
    assert hashes_from_text([]).shape == (0, 8)


def test_hamming_counts_bits_as_python_does() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 2**64, (2, 100), dtype=np.uint64)
    expected = [(int(a) ^ int(b)).bit_count() for a, b in zip(left, right, strict=True)]
    assert hamming(left, right).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 2, 40, BLOCK + 30])
def test_the_search_in_blocks_finds_what_two_loops_find(count: int) -> None:
    rng = np.random.default_rng(count)
    hashes = rng.integers(0, 2**64, (count, 8), dtype=np.uint64)
    limit = 20
    expected = []
    for i in range(count):
        for j in range(i + 1, count):
            distances = np.bitwise_count(hashes[i, 0] ^ hashes[j])
            if distances.min() <= limit:
                expected.append((i, j, int(distances.min()), int(distances.argmin())))
    assert list(zip(*(part.tolist() for part in near_pairs(hashes, limit)), strict=True)) == expected


def test_the_turn_that_is_found_lays_the_other_page_as_the_first(pages: Pages) -> None:
    for turn in TURNS:
        other = apply_turn(pages[0], turn)
        _, _, distance, found = near_pairs(np.stack([hash_turns(grey(pages[0])), hash_turns(grey(other))]), 64)
        assert distance.tolist() == [0]
        assert np.array_equal(apply_turn(other, int(found[0])), pages[0])


def test_a_blank_page_has_a_hash() -> None:
    assert hash_turns(np.full((50, 40), 255, dtype=np.uint8)).shape == (8,)
