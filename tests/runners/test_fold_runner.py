"""FoldRunner: order, side by side, and what happens to the other nodes when one fails."""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from errands import echo
from fake_workers import FakeWorker, die, fail
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner
from kedro.utils import load_obj
from threadpoolctl import threadpool_info, threadpool_limits

from docsort.cli import DEFAULT_RUNNER
from docsort.errors import InputError, StoppedError, WorkerError
from docsort.runners import FoldRunner
from docsort.work import local
from docsort.work.executor import run
from docsort.work.local import LocalExecutor


@pytest.fixture(autouse=True)
def _two_workers(own_workers: LocalExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "2")


def catalog() -> DataCatalog:
    return DataCatalog({"start": MemoryDataset(1)})


def fan(functions: dict[str, Callable[[int], Any]]) -> Pipeline:
    """Nodes that all read `start` and do not wait for each other."""
    return Pipeline([node(function, "start", f"out_{name}", name=name) for name, function in functions.items()])


def threads() -> int:
    """Of the library for linear algebra."""
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


class LongFold:
    """A node that keeps a worker busy for a minute, and notes that it got to its end."""

    def __init__(self) -> None:
        self.ended = 0
        self.__name__ = "long_fold"

    def __call__(self, x: int) -> int:
        run(time.sleep, 60)
        self.ended += 1
        return x


def test_nodes_start_in_the_order_of_the_pipeline() -> None:
    started: list[str] = []
    names = ["e", "b", "d", "a", "c"]
    pipeline = fan({name: lambda x, name=name: started.append(name) or x for name in names})  # type: ignore[misc]
    FoldRunner(max_workers=1).run(pipeline, catalog())
    assert started == [n.name for n in pipeline.nodes] == sorted(names)


def test_nodes_that_do_not_wait_for_each_other_run_side_by_side() -> None:
    barrier = threading.Barrier(2)
    FoldRunner(max_workers=2).run(fan({name: lambda x: barrier.wait(20) + x for name in "ab"}), catalog())


def test_result_is_that_of_the_sequential_runner() -> None:
    pipeline = Pipeline(
        [
            *(node(lambda x, i=i: x + i, "start", f"fold_{i}", name=f"fold_{i}") for i in range(5)),
            node(lambda *folds: list(folds), [f"fold_{i}" for i in range(5)], "joined", name="join"),
            node(sum, "joined", "total", name="total"),
        ]
    )
    runs = [runner.run(pipeline, catalog()) for runner in (SequentialRunner(), FoldRunner(), FoldRunner(max_workers=1))]
    assert [run["total"].load() for run in runs] == [1 + 2 + 3 + 4 + 5] * 3


def test_a_node_with_nothing_beside_it_runs_in_the_main_thread() -> None:
    threads: list[threading.Thread] = []
    FoldRunner(max_workers=2).run(fan({"a": lambda x: threads.append(threading.current_thread()) or x}), catalog())
    assert threads == [threading.main_thread()]


def test_the_first_error_ends_the_other_folds_at_once_and_is_the_one_raised(caplog: pytest.LogCaptureFixture) -> None:
    run(abs, 1)  # the pool is warm, so that the long folds are under way when the other fails
    long = LongFold()

    def fail(_: int) -> None:
        time.sleep(1)
        raise InputError("Expected a good page, but got a bad one.")

    began: list[int] = []
    pipeline = fan({"a": long, "b": fail, "c": long, "d": began.append})
    with caplog.at_level(logging.INFO), pytest.raises(InputError, match="Expected a good page"):
        FoldRunner(max_workers=2).run(pipeline, catalog())
    assert long.ended == 0
    assert not began
    assert [record.message for record in caplog.records if record.message.startswith("Failed")] == ["Failed: b"]


def test_what_a_failed_run_left_between_two_tasks_starts_no_more_and_the_next_run_works() -> None:
    """As the threads that wait for the members of a fold, when Ctrl-C ends the node that started them."""
    go, ended = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def linger() -> None:
        go.wait(20)
        try:
            run(time.sleep, 60)
        except StoppedError as error:
            errors.append(error)
        ended.set()

    def start_and_fail(_: int) -> None:
        threading.Thread(target=linger, daemon=True).start()
        raise InputError("Expected a good page, but got a bad one.")

    with pytest.raises(InputError, match="Expected a good page"):
        FoldRunner().run(fan({"a": start_and_fail}), catalog())
    go.set()
    assert ended.wait(20)
    assert len(errors) == 1
    FoldRunner().run(fan({"a": lambda x: run(abs, x)}), catalog())


def test_a_run_ends_in_each_of_a_hundred_races_of_nodes_that_submit_and_nodes_that_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "PoolWorker", FakeWorker)
    random.seed(0)
    ends: list[BaseException | None] = []

    def work(x: int) -> int:
        for function in random.choices([echo, echo, echo, die, fail], k=4):
            run(function)
        return x

    def go() -> None:
        try:
            FoldRunner(max_workers=3).run(fan(dict.fromkeys("abcdef", work)), catalog())
        except (ValueError, WorkerError) as error:
            ends.append(error)
        else:
            ends.append(None)

    for number in range(100):
        thread = threading.Thread(target=go, daemon=True)
        thread.start()
        thread.join(20)
        assert len(ends) == number + 1, "it hangs"
    assert {type(end) for end in ends} == {ValueError, WorkerError}  # and never what the others died of


def test_a_failed_run_says_how_to_go_on(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = Pipeline(
        [
            node(lambda x: x, "start", "middle", name="first"),
            node(lambda x: x / 0, "middle", "end", name="second"),
        ]
    )
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        FoldRunner().run(pipeline, catalog())
    assert "1 of 2 steps are finished; the same command with --only-missing-outputs" in caplog.text


@pytest.fixture
def _listens_to_ctrl_c() -> Iterator[None]:
    """A shell that starts the tests in the background makes Python deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_listens_to_ctrl_c")
def test_ctrl_c_ends_the_workers_and_is_not_swallowed() -> None:
    run(abs, 1)
    main = threading.main_thread().ident
    assert main is not None
    long = LongFold()

    def interrupt(x: int) -> int:
        time.sleep(1)
        signal.pthread_kill(main, signal.SIGINT)
        return x

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        FoldRunner(max_workers=2).run(fan({"a": long, "b": interrupt}), catalog())
    assert long.ended == 0


def test_kedro_finds_the_runner_by_its_path_and_hands_it_the_runner_params() -> None:
    runner = load_obj(DEFAULT_RUNNER, "kedro.runner")(max_workers=3, is_async=False)
    assert isinstance(runner, FoldRunner)
    assert runner._max_workers == 3
    assert FoldRunner()._max_workers == 2


@pytest.mark.parametrize("workers", [0, "x", 1.5])
def test_no_workers_at_all_is_refused(workers: Any) -> None:
    with pytest.raises(InputError, match="Expected max_workers of --runner-params to be a whole number of at least 1"):
        FoldRunner(max_workers=workers)


def test_nodes_compute_by_one_thread_each_alone_or_side_by_side() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    found: dict[str, int] = {}

    def count(name: str) -> Callable[[int], int]:
        return lambda x: found.setdefault(name, threads())

    with threadpool_limits(limits=2):
        assert threads() == 2
        FoldRunner().run(fan({"a": count("a"), "b": count("b")}), catalog())
        FoldRunner().run(fan({"alone": count("alone")}), catalog())
        assert threads() == 2
    assert found == {"a": 1, "b": 1, "alone": 1}
