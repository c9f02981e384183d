import pytest

from docsort_sample.randomness import derive_rng


def test_the_numbers_of_a_seed_purpose_and_item_never_change() -> None:
    # Other numbers would be other pages: every figure that was measured on a drawn sample would be of other data.
    assert derive_rng(0, "sample", "train", 7).integers(1_000_000, size=4).tolist() == [291106, 777123, 202578, 398423]


@pytest.mark.parametrize("other", [(1, "page", "a"), (0, "file", "a"), (0, "page", "b"), (0, "page")])
def test_another_seed_purpose_or_item_gives_other_numbers(other: tuple[int, str, str]) -> None:
    assert derive_rng(*other).random() != derive_rng(0, "page", "a").random()


def test_parts_cannot_run_into_each_other() -> None:
    texts = [("a", "bc"), ("ab", "c"), ("a\x1fb", "c"), ("a", "b\x1fc"), ("a", "b", "c")]
    assert len({derive_rng(0, *text).random() for text in texts}) == len(texts)
