from pathlib import Path

import numpy as np
import pytest

from docsort.images.page_format import PageFormat
from docsort.members.pages import PhotoPages, RenderPages, decoding_threads


def test_cores_that_train_do_not_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "16")
    assert decoding_threads("cpu", concurrent=16) == 1
    assert decoding_threads("cpu", concurrent=1) == 1
    assert decoding_threads("cuda:0", concurrent=2) == 7
    assert decoding_threads("cuda:0", concurrent=16) == 1


def test_a_photo_is_seen_as_its_render_of_its_own_shape(tmp_path: Path) -> None:
    whole, rng = PageFormat(60, False, letterboxed=False), np.random.default_rng(0)
    photos = [rng.integers(0, 255, shape, dtype=np.uint8) for shape in ((80, 120, 3), (50, 20, 3))]
    paths = [tmp_path / f"{number}.jpg" for number in range(2)]
    for path, photo in zip(paths, photos, strict=True):
        path.write_bytes(whole.stored(photo, 90))
    renders, pages = RenderPages([str(path) for path in paths]), PhotoPages(photos, False, 90)
    assert [photo.shape for photo in renders.photos([0, 1], whole)] == [(40, 60, 3), (50, 20, 3)]
    for rows in ([0, 1], [1]):
        for rendered, seen in zip(renders.photos(rows, whole), pages.photos(rows, whole), strict=True):
            np.testing.assert_array_equal(rendered, seen)
    np.testing.assert_array_equal(pages.take([1]).photos([0], whole)[0], pages.photos([1], whole)[0])
