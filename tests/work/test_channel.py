"""What a worker logs and reports is heard in this process, in order and before its result."""

import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from errands import report_each

from docsort.errors import WorkerError
from docsort.work.channel import delivery, report
from docsort.work.executor import run
from docsort.work.local import LocalExecutor
from docsort.work.progress import Began


@pytest.fixture(autouse=True)
def two_workers(own_workers: LocalExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "2")


def log_in_worker(name: str, level: str, text: str) -> None:
    run(exec, f"import logging; logging.getLogger({name!r}).{level}(%r, 7)" % text)


def test_the_levels_of_this_process_hold(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="docsort.training"):
        log_in_worker("docsort.training", "warning", "pages %d")
    log_in_worker("another", "info", "another's %d")
    log_in_worker("another", "warning", "another's %d")
    assert caplog.messages == ["another's 7"]


def test_a_worker_that_dies_leaves_its_lines_and_the_next_has_its_own(caplog: pytest.LogCaptureFixture) -> None:
    long = "last words" * 50_000
    with pytest.raises(WorkerError, match="died while it ran exec"):
        run(exec, f"import logging, os; logging.getLogger('docsort').warning({long!r}); os._exit(1)")
    log_in_worker("docsort", "warning", "page %d")
    twice = [text for text in caplog.messages if not text.endswith("tried once more in another.")]
    assert twice == [long, long, "page 7"]


SCRIPT = """
from docsort.work.executor import run
if __name__ == "__main__":
    run(exec, "import logging; logging.getLogger('docsort').warning('a page')")
"""


def test_a_script_without_a_log_hears_its_workers_as_before(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == "a page\n"


def test_who_raises_is_named_once_and_hears_no_more_while_the_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []

    def listen(event: Any) -> None:
        heard.append(event)
        if event == 2:
            raise RuntimeError("no screen")

    assert run(report_each, 100, on_event=listen) == 100
    assert heard == [Began(), 0, 1, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "Whoever listens to this work failed and hears no more; work goes on:"
    ]
    assert "no screen" in caplog.text


def test_who_listens_slowly_does_not_hold_up_the_work() -> None:
    """More than a pipe holds has been taken before the first event is dealt with."""
    dealt_with = threading.Event()
    heard: list[Any] = []

    def listen(event: Any) -> None:
        dealt_with.wait(30)
        heard.append(event)

    with delivery(listen) as tell:
        for number in range(100_000):
            tell(number)
        assert heard == []
        dealt_with.set()
    assert heard == list(range(100_000))


def test_where_there_is_no_worker_nobody_hears() -> None:
    heard: list[Any] = []
    with delivery(heard.append):
        report("an event")
    assert heard == []
