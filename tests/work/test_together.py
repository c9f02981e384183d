"""Two or three processes that do one piece of work."""

import logging
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from errands import fail_at, place, place_together

from docsort.work.executor import run, stop_work
from docsort.work.progress import Began
from docsort.work.together import ProcessGroupError, run_together

pytestmark = pytest.mark.usefixtures("own_workers")


def test_each_knows_its_rank_and_the_first_answers_for_all(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        rank, word, pid = run_together(place, ("page",), 3)
    assert (rank, word) == (0, "page")
    assert pid != os.getpid()
    assert sorted(caplog.messages) == ["page 0", "page 1", "page 2"]
    assert len({record.process for record in caplog.records}) == 3


def test_what_they_report_and_log_goes_through_the_worker_that_started_them(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []
    with caplog.at_level(logging.WARNING):
        assert run(place_together, "page", 2, on_event=heard.append)[0] == 0
    assert heard[0] == Began()
    assert sorted(heard[1:]) == sorted(caplog.messages) == ["page 0", "page 1"]


@pytest.mark.parametrize("failing", [0, 1])
def test_all_end_when_one_fails(tmp_path: Path, failing: int) -> None:
    with pytest.raises(
        ProcessGroupError, match=f"2 processes to run fail_at together, but number {failing} failed: no more memory"
    ):
        run_together(fail_at, (failing, tmp_path), 2)
    pids = [int(file.name.partition(" ")[2]) for file in tmp_path.glob("[01] *")]
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_they_end_with_the_worker_that_started_them(tmp_path: Path) -> None:
    from docsort.work.executor import executor

    task = executor().submit(run_together, fail_at, (2, tmp_path), 2)
    deadline = time.monotonic() + 30
    while len(list(tmp_path.glob("[01] *"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pids = [int(file.name.partition(" ")[2]) for file in tmp_path.glob("[01] *")]
    stop_work()
    assert task.exception(30) is not None
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)
