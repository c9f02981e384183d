"""What a worker logs is in the log of this process. Functions given to workers cannot be of a test module."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docsort.errors import WorkerError
from docsort.log_relay import MESSAGE_LENGTH
from docsort.workers import run_in_worker, stop_workers


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_workers()
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    yield
    stop_workers()


def log_in_worker(name: str, level: str, text: str) -> None:
    run_in_worker(exec, f"import logging; logging.getLogger({name!r}).{level}(%r, 7)" % text)


def test_lines_of_a_worker_are_there_when_its_result_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="docsort"):
        for number in range(20):
            log_in_worker("docsort.training", "info", f"page {number} of %d")
    assert caplog.messages == [f"page {number} of 7" for number in range(20)]
    assert caplog.records[0].name == "docsort.training"
    assert caplog.records[0].process != os.getpid()


def test_the_levels_of_this_process_hold(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="docsort.training"):
        log_in_worker("docsort.training", "warning", "pages %d")
    log_in_worker("another", "info", "another's %d")
    log_in_worker("another", "warning", "another's %d")
    assert caplog.messages == ["another's 7"]


def test_a_long_line_is_cut_so_that_it_goes_through_whole(caplog: pytest.LogCaptureFixture) -> None:
    log_in_worker("docsort", "warning", "x" * 100_000 + "%d")
    assert caplog.messages == ["x" * MESSAGE_LENGTH]


def test_a_worker_that_dies_leaves_its_lines_and_the_next_pool_has_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(WorkerError, match="died while it ran exec"):
        run_in_worker(exec, "import logging, os; logging.getLogger('docsort').warning('last words'); os._exit(1)")
    log_in_worker("docsort", "warning", "page %d")
    assert caplog.messages == ["last words", "page 7"]


SCRIPT = """
from docsort.workers import run_in_worker
if __name__ == "__main__":
    run_in_worker(exec, "import logging; logging.getLogger('docsort').warning('a page')")
"""


def test_a_script_without_a_log_hears_its_workers_as_before(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == "a page\n"
