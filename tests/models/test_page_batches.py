from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from docsort.errors import InputError
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.models import page_batches as pages_module
from docsort.models.page_batches import ResidentPages, StreamedPages, fits, memory_budget

ROWS = [np.array([3, 1, 4]), np.array([1, 5, 9, 2])]


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Ten renders of 32 pixels a side."""
    rng, found = np.random.default_rng(0), [str(tmp_path / f"{number}.png") for number in range(10)]
    for path in found:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    return found


@pytest.mark.parametrize("size", [32, 24])
def test_resident_and_streamed_pages_are_the_same(paths: list[str], size: int) -> None:
    resident = list(ResidentPages(paths, size).batches(ROWS))
    streamed = list(StreamedPages(paths, size).batches(ROWS))
    for kept, read, rows in zip(resident, streamed, ROWS, strict=True):
        assert torch.equal(kept, read)
        expected = [letterbox(read_rgb(paths[row]), size).transpose(2, 0, 1) for row in rows]
        np.testing.assert_array_equal(kept.numpy(), np.stack(expected))


def test_threads_give_the_same_pages_pass_after_pass(paths: list[str]) -> None:
    alone, together = StreamedPages(paths, 32), StreamedPages(paths, 32, threads=3)
    for rows in (ROWS, ROWS[::-1]):
        pairs = list(zip(alone.batches(rows), together.batches(rows), strict=True))
        assert not torch.equal(pairs[0][0][:2], pairs[1][0][:2])
        assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.gpu
@pytest.mark.parametrize(("device", "pinned"), [("cuda", False), ("cpu", True)])
def test_pages_on_a_gpu_and_pages_that_leave_for_it_are_the_same(paths: list[str], device: str, pinned: bool) -> None:
    plain = ResidentPages(paths, 32).batches(ROWS)
    for expected, kept in zip(plain, ResidentPages(paths, 32, device, pinned=pinned).batches(ROWS), strict=True):
        assert kept.device.type == device
        assert kept.is_pinned() == pinned
        assert torch.equal(kept.cpu(), expected)


def test_batches_are_channels_last_in_memory(paths: list[str]) -> None:
    for batch in ResidentPages(paths, 32).batches(ROWS):
        assert batch.is_contiguous(memory_format=torch.channels_last)


def test_pages_fit_as_uint8() -> None:
    assert fits(1, 10, 300)
    assert not fits(1, 10, 299)
    assert fits(94_200, 224, 15 * 10**9)
    assert not fits(94_200, 456, 15 * 10**9)


def test_budget_keeps_to_the_containers_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(pages_module, "LIMIT_FILES", (limit,))
    limit.write_text("8000000\n")
    assert memory_budget(concurrent=2) == 1_000_000
    limit.write_text("max\n")
    assert memory_budget(concurrent=2) > 1_000_000


def test_unreadable_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.jpg: not a picture but text"):
        ResidentPages([str(tmp_path / "broken.jpg")], 32)
