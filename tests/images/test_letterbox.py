import numpy as np
import pytest

from docsort.images.letterbox import letterbox


@pytest.mark.parametrize(("height", "width"), [(60, 40), (40, 60), (7, 300), (1, 1), (500, 499), (33, 64)])
def test_the_page_keeps_its_shape_in_the_middle_of_a_white_square(height: int, width: int) -> None:
    square = letterbox(np.zeros((height, width, 3), dtype=np.uint8), 64)
    assert square.shape == (64, 64, 3)
    rows, columns = np.nonzero(square[..., 0] == 0)
    high, wide = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert max(high, wide) == 64
    assert abs(high - max(1, 64 * height / max(height, width))) <= 1
    assert abs(wide - max(1, 64 * width / max(height, width))) <= 1
    assert abs(rows.min() - (63 - rows.max())) <= 1
    assert abs(columns.min() - (63 - columns.max())) <= 1
    inside = np.zeros((64, 64), dtype=bool)
    inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    assert (square[~inside] == 255).all()


def test_an_image_of_the_right_size_is_untouched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(letterbox(image, 64), image)


def test_shrinking_keeps_the_mean_brightness() -> None:
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert abs(letterbox(image, 64).mean() - image.mean()) < 0.6
