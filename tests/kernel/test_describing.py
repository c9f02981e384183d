import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from drawn_pages import SIDE, draw, split_of

from docsort.images.letterbox import letterbox
from docsort.images.reading import UnreadableImageError
from docsort.images.straightening import rotate_whole
from docsort.kernel import describing
from docsort.kernel.describing import describe_renders, describe_square
from docsort.kernel.descriptors import NUMBERS, describe
from docsort.kernel.kind import KernelKind
from docsort.kernel.parameters import KernelParameters
from docsort.stores import Store


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bytes of every square that is described, one entry each time."""
    seen: list[str] = []

    def counted(square: Any, straightened: bool) -> Any:
        seen.append(square.tobytes().hex())
        return describe_square(square, straightened)

    monkeypatch.setattr(describing, "describe_square", counted)
    return seen


def test_pages_are_described_in_the_order_asked_for(photos: list[str], parameters: KernelParameters) -> None:
    expected = np.stack([describe(draw(0, 3)), describe(draw(0, 0))])
    found = describe_renders([photos[3], photos[0]], parameters, None)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert np.array_equal(describe_renders(photos, parameters, None)[[3, 0]], found)


def test_a_page_that_lies_askew_is_laid_straight_first_unless_it_is_stored_so() -> None:
    page = cv2.resize(draw(1, 0), (4 * SIDE, 4 * SIDE), interpolation=cv2.INTER_CUBIC)
    askew = letterbox(rotate_whole(page, 8), 4 * SIDE)
    straight = describe_square(page, straightened=False)
    off = [np.linalg.norm(describe_square(askew, stored) - straight) for stored in (True, False)]
    assert off[1] < off[0] / 2


def test_what_was_described_is_not_described_again(
    photos: list[str], parameters: KernelParameters, tmp_path: Path, count: list[str]
) -> None:
    store = Store(tmp_path / "cache")
    first = describe_renders(photos[:3], parameters, store)
    again = describe_renders([*photos[3:], *photos[:3]], parameters, store)
    assert len(count) == len(set(count)) == 5
    np.testing.assert_array_equal(again[2:], first)
    describe_renders(photos[:1], parameters.model_copy(update={"straighten": False}), store)
    describe_renders(photos[:1], parameters.model_copy(update={"image_size": 32}), store)
    assert len(count) == 7  # laid out otherwise, described otherwise
    describe_renders(photos[:1], parameters, None)
    assert len(count) == 8  # nothing is cached without a store


def test_folds_that_ask_at_the_same_time_share_their_pages(
    drawn: Any, parameters: KernelParameters, tmp_path: Path, count: list[str]
) -> None:
    """The tasks of three folds, whose pages overlap, made side by side as a run of the folds makes them."""
    store, begin = Store(tmp_path), threading.Barrier(3, timeout=30)

    def make(fold: int) -> Any:
        split = split_of(fold, *drawn[1:], (0, 1, 2))
        begin.wait()
        return KernelKind().task("x", type(split)(**{**vars(split), "cache": store}), parameters, 1)

    with ThreadPoolExecutor(3) as threads:
        tasks = list(threads.map(make, range(3)))
    used = sum(len(part) for task in tasks for part in (task.plain, task.worn, task.probes))
    assert len(count) == len(set(count)) < used / 1.9
    alone = KernelKind().task("x", split_of(0, *drawn[1:], (0, 1, 2)), parameters, 1)
    assert alone.key() == tasks[0].key()


def test_an_unreadable_page_is_an_error_that_names_it(tmp_path: Path, parameters: KernelParameters) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match="x.jpg"):
        describe_renders([str(tmp_path / "x.jpg")], parameters, None)


def test_no_pages_give_no_rows(parameters: KernelParameters) -> None:
    assert describe_renders([], parameters, None).shape == (0, NUMBERS)
