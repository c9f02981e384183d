from itertools import product

import numpy as np
import pytest

from docsort.seeding import derive_rng, derive_seed


def test_the_same_purpose_and_item_give_the_same_seed() -> None:
    assert derive_seed(7, "render", "photo.jpg", 3) == derive_seed(7, "render", "photo.jpg", 3)


def test_every_part_matters() -> None:
    seeds = [derive_seed(root, purpose, item) for root, purpose, item in product((0, 1), ("a", "b"), ("x", "y"))]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), (("a", "b", "c"), ("a", "bc")), (("a\x1fb",), ("a", "b")), (("a", ""), ("a",))],
)
def test_parts_cannot_run_into_each_other(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert derive_seed(0, *one) != derive_seed(0, *other)


def test_seeds_fit_signed_64_bits_and_spread_over_them() -> None:
    seeds = np.array([derive_seed(0, "spread", k) for k in range(2000)], dtype=object)
    assert min(seeds) >= 0
    assert max(seeds) < 2**63
    assert abs(np.mean(seeds / 2**63) - 0.5) < 0.03


def test_drawing_one_item_never_shifts_another() -> None:
    alone = derive_rng(3, "item", 1).random(5)
    derive_rng(3, "item", 0).random(1000)
    assert np.array_equal(derive_rng(3, "item", 1).random(5), alone)


def test_a_seed_is_the_same_on_every_machine_and_in_every_process() -> None:
    # Written down once: a change would silently redraw every sample, fold and render.
    assert derive_seed(0, "folds") == 2610269317979099472
