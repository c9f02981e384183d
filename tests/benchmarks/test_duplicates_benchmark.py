"""What the benchmark plants is what it says, and what it counts is what it found."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from docsort.images.dihedral import apply_turn

PAGE = np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def bench(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("duplicates")


def test_a_turned_copy_is_one_of_the_seven_other_turns(bench: ModuleType) -> None:
    turned = bench.make_copy(PAGE, "turned", np.random.default_rng(1))
    assert sum(np.array_equal(turned, apply_turn(PAGE, turn)) for turn in range(1, 8)) == 1


def test_a_cropped_copy_is_a_part_of_the_page_a_twentieth_smaller(bench: ModuleType) -> None:
    cropped = bench.make_copy(PAGE, "cropped", np.random.default_rng(1))
    assert cropped.shape == (76, 57, 3)
    windows = np.lib.stride_tricks.sliding_window_view(PAGE, cropped.shape)
    assert (windows.reshape(-1, *cropped.shape) == cropped).all(axis=(1, 2, 3)).any()


def test_found_missed_and_false_pairs_are_told_apart(bench: ModuleType) -> None:
    photos = pd.DataFrame({"image_id": ["a", "b", "n", "c1", "c2"], "source": [None, None, None, "a", "b"]})
    photos["kind"] = [None, None, None, "turned", "turned"]
    planted = pd.DataFrame({"ID": ["n"], "other": ["a"]})
    found = [("a", "c1"), ("a", "n"), ("c1", "n"), ("a", "b")]  # n, a and c1 are one page; a and b are not
    duplicates = pd.DataFrame(found, columns=["image_id", "other_id"])
    figures = bench.judge(duplicates, photos, planted)
    assert figures["recall"] == {"turned": 0.5}
    assert (figures["planted_recall"], figures["false_pairs"], figures["pairs"]) == (1.0, 1, 10)
