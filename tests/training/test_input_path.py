"""The choice of where pages come from: by what fits, else by what is measured."""

import threading
from typing import Any

import pandas as pd
import pytest
import torch

from docsort.models.backbones import build_model
from docsort.training import input_path
from docsort.training.input_path import (
    DEVICE_SHARE,
    InputPath,
    choose_input_path,
    decode_rate,
    fewest_workers,
    open_pages,
    training_rate,
)
from docsort.training.pages import ResidentPages, StreamedPages
from docsort.training.parameters import TrainingParameters

SIZE = 32


@pytest.fixture
def paths(renders: tuple[pd.DataFrame, pd.DataFrame]) -> list[str]:
    return [str(path) for path in renders[0]["path"]]


def _never() -> float:
    raise AssertionError("nothing had to be measured")


def _limit(monkeypatch: pytest.MonkeyPatch, memory: int, device: int = 0, spare: int = 0) -> None:
    monkeypatch.setattr(input_path, "memory_budget", lambda concurrent: memory)
    monkeypatch.setattr(input_path, "loader_workers_for", lambda device, cores, concurrent: spare)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda of: (device, device))


def test_pages_stay_where_they_fit_best(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    needed = len(paths) * SIZE * SIZE * 3
    for memory, device, expected in [
        (needed, DEVICE_SHARE * needed, "device"),
        (0, DEVICE_SHARE * needed, "device"),
        (needed, DEVICE_SHARE * needed - 1, "memory"),
        (needed - 1, 0, "streamed"),
    ]:
        _limit(monkeypatch, memory, device, spare=1)
        assert choose_input_path(paths, SIZE, "cuda:0", 1, _never).kind == expected
    _limit(monkeypatch, needed)
    assert choose_input_path(paths, SIZE, "cpu", 1, _never).kind == "memory"


def test_cores_that_all_train_measure_nothing(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, memory=0)
    way = choose_input_path(paths, SIZE, "cpu", 1, _never)
    assert way.as_record() == {"kind": "streamed", "loader_workers": 0, "mib": 0.1}
    assert way.sentence() == "streamed from disk, as they do not fit in memory (0 MiB), no loader processes"


def test_as_many_decode_as_keep_ahead_of_the_model(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, memory=0, spare=9)
    monkeypatch.setattr(input_path, "decode_rate", lambda paths, size, threads: {1: 100.0, 9: 500.0}[threads])
    way = choose_input_path(paths, SIZE, "cuda:0", 1, lambda: 200.0)
    assert way.loader_workers == 4  # 250 a second wanted, and each beyond the first is worth 50
    assert way.as_record()["decode_per_s"] == (100.0, 500.0)
    assert way.sentence().endswith(
        "4 loader processes; one thread decodes 100 pages/s, all to spare 500/s, the model takes 200/s"
    )


@pytest.mark.parametrize(("wanted", "workers"), [(1, 1), (100, 1), (101, 2), (150, 2), (151, 3), (300, 5), (301, 5)])
def test_fewest_workers_that_suffice_or_all(wanted: float, workers: int) -> None:
    assert fewest_workers(100, 300, 5, wanted) == workers
    assert fewest_workers(100, 90, 5, wanted) in (1, 5)  # where more are no faster


def test_pages_to_measure_come_from_all_over_the_list(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    threads = set()

    def decode(path: Any, size: int) -> None:
        seen.append(path)
        threads.add(threading.get_ident())

    monkeypatch.setattr(input_path, "decode_page", decode)
    assert decode_rate(list(range(480)), SIZE, 2) > 0  # type: ignore[arg-type]
    assert sorted(seen) == list(range(0, 480, 10))
    assert len(threads) <= 2
    seen.clear()
    decode_rate([1, 2, 3], SIZE, 1)  # type: ignore[list-item]
    assert len(seen) == 24


def test_measuring_a_model_leaves_it_and_the_generator_alone() -> None:
    recipe = TrainingParameters(
        backbone="lcnet_035",
        pretrained=False,
        image_size=SIZE,
        epochs=1,
        patience=1,
        batch_size=4,
        learning_rate={"scratch": 0.1, "pretrained": 0.1},
        drop_rate=0.5,
        precision="bf16",
    )
    net = build_model("lcnet_035", 3, SIZE, drop_rate=0.5)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    assert training_rate(net, recipe, "cpu") > 0
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize("kind", ["memory", "streamed"])
def test_the_chosen_way_is_opened(paths: list[str], kind: Any) -> None:
    pages = open_pages(paths, SIZE, "cpu", InputPath(kind, 0, 0.1))
    assert isinstance(pages, {"memory": ResidentPages, "streamed": StreamedPages}[kind])
    assert len(pages) == len(paths)
