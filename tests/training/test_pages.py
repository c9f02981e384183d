import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from docsort.errors import InputError
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.training import pages as pages_module
from docsort.training.pages import (
    ResidentPages,
    StreamedPages,
    fits,
    loader_workers_for,
    memory_budget,
    one_ahead,
)

ROWS = [np.array([3, 1, 4]), np.array([1, 5, 9, 2])]


@pytest.fixture
def paths(renders: tuple[pd.DataFrame, pd.DataFrame]) -> list[str]:
    return [str(path) for path in renders[0]["path"]]


@pytest.mark.parametrize("size", [32, 24])
def test_resident_and_streamed_pages_are_the_same(paths: list[str], size: int) -> None:
    resident = list(ResidentPages(paths, size).batches(ROWS))
    streamed = list(StreamedPages(paths, size).batches(ROWS))
    for kept, read, rows in zip(resident, streamed, ROWS, strict=True):
        assert torch.equal(kept, read)
        expected = [letterbox(read_rgb(paths[row]), size).transpose(2, 0, 1) for row in rows]
        np.testing.assert_array_equal(kept.numpy(), np.stack(expected))


@pytest.mark.slow
def test_loader_processes_give_the_same_pages_pass_after_pass(paths: list[str]) -> None:
    alone, with_workers = StreamedPages(paths, 32), StreamedPages(paths, 32, loader_workers=2)
    for rows in (ROWS, ROWS[::-1]):
        pairs = zip(alone.batches(rows), with_workers.batches(rows), strict=True)
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


def test_one_is_made_ahead_while_the_last_is_used() -> None:
    begun: list[int] = []
    second = threading.Event()

    def make(item: torch.Tensor) -> torch.Tensor:
        begun.append(int(item))
        if item == 2:
            second.set()
        return item * 10

    made = one_ahead(make, torch.arange(1, 5))
    assert next(made) == 10
    assert second.wait(timeout=10)
    assert 4 not in begun
    assert [int(value) for value in made] == [20, 30, 40]
    assert list(one_ahead(make, [])) == []


def test_what_fails_ahead_is_raised() -> None:
    def fail(item: torch.Tensor) -> torch.Tensor:
        raise InputError("no such page")

    with pytest.raises(InputError, match="no such page"):
        list(one_ahead(fail, torch.arange(2)))


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
    with pytest.raises(InputError, match=r"broken\.jpg: not a whole image"):
        ResidentPages([str(tmp_path / "broken.jpg")], 32)


def test_cores_that_train_do_not_decode() -> None:
    assert loader_workers_for("cpu", cores=16, concurrent=16) == 0
    assert loader_workers_for("cuda:0", cores=16, concurrent=2) == 7
    assert loader_workers_for("cuda:0", cores=2, concurrent=2) == 1
