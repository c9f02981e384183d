"""The choice of where pages come from, by what fits."""

from dataclasses import asdict
from typing import Any

import pandas as pd
import pytest
import torch

from docsort.models.page_batches import ResidentPages, StreamedPages
from docsort.training import input_path
from docsort.training.input_path import DEVICE_SHARE, InputPath, choose_input_path, open_pages

SIZE = 32


@pytest.fixture
def paths(renders: tuple[pd.DataFrame, pd.DataFrame]) -> list[str]:
    return [str(path) for path in renders[0]["path"]]


def _limit(monkeypatch: pytest.MonkeyPatch, memory: int, device: int = 0) -> None:
    monkeypatch.setattr(input_path, "memory_budget", lambda concurrent: memory)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda of: (device, device))


def test_pages_stay_where_they_fit_best(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 48 * SIZE * SIZE * 3
    for memory, device, expected in [
        (needed, DEVICE_SHARE * needed, "device"),
        (0, DEVICE_SHARE * needed, "device"),
        (needed, DEVICE_SHARE * needed - 1, "memory"),
        (needed - 1, 0, "streamed"),
    ]:
        _limit(monkeypatch, memory, device)
        assert choose_input_path(48, SIZE, "cuda:0", 1).kind == expected
    _limit(monkeypatch, needed)
    assert choose_input_path(48, SIZE, "cpu", 1).kind == "memory"


def test_the_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, memory=0)
    way = choose_input_path(1000, SIZE, "cpu", 1)
    assert asdict(way) == {"kind": "streamed", "threads": 1, "mib": 2.9}
    assert way.sentence() == "streamed from disk, as they do not fit in memory (3 MiB)"


@pytest.mark.parametrize("kind", ["memory", "streamed"])
def test_the_chosen_way_is_opened(paths: list[str], kind: Any) -> None:
    pages = open_pages(paths, SIZE, "cpu", InputPath(kind, 1, 0.1))
    assert isinstance(pages, {"memory": ResidentPages, "streamed": StreamedPages}[kind])
    assert len(pages) == len(paths)
