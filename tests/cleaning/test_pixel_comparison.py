from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from docsort.cleaning import pixel_comparison as comparison
from docsort.cleaning.pixel_comparison import measure_agreement
from docsort.images.reading import UnreadableImageError


def write(folder: Path, count: int) -> list[str]:
    paths = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        blocks = rng.integers(0, 2, (20, 14), dtype=np.uint8) * 200
        page = cv2.resize(blocks, (280, 400), interpolation=cv2.INTER_NEAREST)
        paths.append(str(folder / f"{seed}.png"))
        Image.fromarray(page).save(paths[-1])
    return paths


def test_each_pair_gets_its_own_agreement_in_the_order_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "CHUNK", 3)
    paths = write(tmp_path, 6)
    pairs = [(0, 1, 0), (2, 2, 0), (5, 0, 3), (1, 1, 0), (4, 4, 1)] * 5
    agreements = measure_agreement(paths, pairs)
    assert agreements.shape == (len(pairs),)
    assert np.array_equal(agreements, np.tile(agreements[:5], 5))
    assert agreements[[1, 3]].min() > 0.99
    assert agreements[[0, 2, 4]].max() < 0.5


def test_without_pairs_nothing_is_decoded() -> None:
    assert measure_agreement(["does not exist.png"], []).shape == (0,)


def test_a_file_that_has_gone_since_is_an_error(tmp_path: Path) -> None:
    paths = write(tmp_path, 2)
    Path(paths[1]).unlink()
    with pytest.raises(UnreadableImageError, match=r"1.png: cannot be opened"):
        measure_agreement(paths, [(0, 1, 0)])
