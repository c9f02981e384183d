import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from docsort.training import planning
from docsort.training.parameters import TrainingParameters
from docsort.training.planning import Job, measure_speed, plan_epochs, tell_members

JOB = Job(folds=5, renders=1600, damaged=400, held_out=120, test=200)


def _network(**changes: Any) -> TrainingParameters:
    given = {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "patience": 1,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
        "page_steps": 20_000,
        "device": "cpu",
    }
    return TrainingParameters.model_validate({**given, **changes})


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that learns from 100 pages a second."""
    monkeypatch.setattr(planning, "measure_speed", lambda parameters: 100.0)


def _used() -> float:
    return time.time() - psutil.Process().create_time()


def test_few_renders_are_gone_through_more_often_than_many() -> None:
    few, many = Job(5, 800, 200, 60, 0), Job(5, 8000, 2000, 600, 0)
    epochs = [plan_epochs({"main": _network()}, job, 8, None)["epochs"]["main"] for job in (few, many)]
    assert epochs == [20, 2]


def test_epochs_that_are_given_are_kept_and_no_network_trains_less_than_one() -> None:
    plan = plan_epochs({"a": _network(epochs=7), "b": _network(page_steps=10)}, JOB, 8, None)
    assert plan["epochs"] == {"a": 7, "b": 1}
    assert plan["page_steps"] == {"a": 14_000, "b": 2000}


def test_a_time_limit_cuts_all_networks_by_one_share(speed: None) -> None:
    networks = {"a": _network(), "b": _network(page_steps=40_000)}
    free = plan_epochs(networks, JOB, 8, _used() + 1e6)
    assert (free["epochs"], free["cut"]) == ({"a": 10, "b": 20}, 1.0)
    # 60,000 page-steps in five folds take 3,000 s and more
    cut = plan_epochs(networks, JOB, 8, _used() + 2000)
    assert 0.3 < cut["cut"] < 0.6
    assert cut["epochs"]["b"] == pytest.approx(2 * cut["epochs"]["a"], abs=1)
    assert plan_epochs(networks, JOB, 8, 1.0)["epochs"] == {"a": 1, "b": 1}


def test_folds_that_leave_a_worker_idle_frozen_networks_and_reading_take_time_too(
    speed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def share(job: Job, workers: int) -> float:
        work = SimpleNamespace(concurrent=lambda device: workers)
        monkeypatch.setattr(planning, "executor", lambda: work)
        return float(plan_epochs({"main": _network()}, job, 8, _used() + 700)["cut"])

    one = share(JOB, 1)
    assert share(JOB, 5) == pytest.approx(one, rel=0.02)
    assert share(JOB, 2) == pytest.approx(one * 5 / 6, rel=0.02)  # three rounds of two for five folds
    assert share(replace(JOB, frozen=1), 1) < 0.95 * one
    wanted_s = 10 * 5 * (2000 + 120 / planning.FORWARD) / 100  # ten epochs in five folds
    assert share(replace(JOB, read=200), 1) == pytest.approx(one - 200 * planning.READ_S / wanted_s, rel=0.02)


@pytest.mark.parametrize("age", [1, 7200])
def test_a_limit_that_one_epoch_does_not_keep_is_told_before(
    age: int, speed: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    born = time.time() - age
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(create_time=lambda: born))
    plan_epochs({"main": _network()}, JOB, 8, _used() + 700)
    assert "Expected `time_limit`" not in caplog.text
    plan = plan_epochs({"main": _network()}, JOB, 8, _used() + 100)
    assert plan["epochs"] == {"main": 1}
    assert "Expected `time_limit` to leave time for an epoch of each network, but it would take about" in caplog.text


def test_what_is_trained_is_told_before(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="docsort")
    tell_members("quick", 5, {"main": "network", "look": "kernel"})
    plan = plan_epochs({"main": _network()}, JOB, 8, None)
    said = (
        f"main: lcnet_035 at 32 pixels, {plan['epochs']['main']} epochs, {plan['page_steps']['main']} page-steps a fold"
    )
    assert caplog.messages == ["Preset quick, 5 folds; members: main (network), look (kernel)", said]


def test_speed_is_measured_on_the_device() -> None:
    assert measure_speed(_network(epochs=1)) > 0
