"""Functions given to workers are from the standard library here: a spawned process cannot import a test module."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from docsort.errors import WorkerError
from docsort.work.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.end()


def call(worker: Worker, function: object, *args: object) -> object:
    return worker.call(function, args, lambda event: None)  # type: ignore[arg-type]


def test_it_is_another_process_that_answers_one_call_after_another(worker: Worker) -> None:
    first = call(worker, os.getpid)
    assert first != os.getpid()
    assert call(worker, os.getpid) == first


def test_an_error_arrives_as_it_is_with_where_it_was_raised(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        call(worker, exec, "def halve(): 1 / 0\nhalve()")
    assert ", in halve" in str(caught.value.__cause__)
    assert call(worker, abs, -1) == 1


NO_RETURN = """
class Stubborn(Exception):
    def __init__(self, page, side): super().__init__("a page")
raise Stubborn(1, 2)
"""


def test_an_error_that_cannot_be_made_again_here_is_told_by_its_text(worker: Worker) -> None:
    with pytest.raises(RuntimeError, match="^Stubborn: a page$"):
        call(worker, exec, NO_RETURN)
    assert call(worker, abs, -1) == 1


def test_what_cannot_be_sent_is_an_error_of_the_call_and_of_no_other(worker: Worker) -> None:
    with pytest.raises(AttributeError, match="Can't pickle local object"):
        call(worker, lambda: 1)
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        call(worker, eval, "(page for page in ())")
    assert call(worker, abs, -1) == 1


def test_a_result_that_cannot_be_read_here_ends_the_worker_as_nobody_knows_what_else_it_sent(worker: Worker) -> None:
    unreadable = "type('Page', (), {'__reduce__': lambda self: (int, ('a page',))})()"
    with pytest.raises(ValueError, match="invalid literal for int"):
        call(worker, eval, unreadable)
    assert not worker.is_alive()


def test_one_that_dies_is_one_clear_error(worker: Worker) -> None:
    with pytest.raises(WorkerError, match=r"died while it ran _exit.*DOCSORT_WORKERS"):
        call(worker, os._exit, 1)
    assert not worker.is_alive()


def test_it_is_held_to_one_thread(worker: Worker) -> None:
    assert call(worker, os.getenv, "OMP_NUM_THREADS") == "1"
    assert call(worker, os.getenv, "NUMBA_NUM_THREADS") == "1"


def test_it_is_spawned_with_nothing_of_its_parent_in_it(worker: Worker) -> None:
    """A fork would inherit the parent's modules, and with them locked thread pools of numba and OpenCV."""
    assert "pytest" in sys.modules
    assert call(worker, eval, "'pytest' in __import__('sys').modules") is False


PARENT = """
import os, time
from docsort.work.worker import Worker
if __name__ == "__main__":
    worker = Worker()
    print(worker.call(os.getpid, (), print), flush=True)
    {busy}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("busy", ["time.sleep(60)", "worker.call(time.sleep, (60,), print)"])
def test_it_ends_when_its_parent_is_killed(tmp_path: Path, busy: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(busy=busy))
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert _is_alive(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while _is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(worker)


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_ctrl_c_does_not_reach_it(worker: Worker, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """The main process alone decides what ends."""
    assert call(worker, eval, f"__import__('signal').raise_signal(__import__('signal').{name})") is None
    with caplog.at_level(logging.ERROR):
        assert call(worker, abs, -1) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_does_not_reach_one_that_is_about_to_start(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        made = Worker()
        for number in (signal.SIGINT, signal.SIGHUP) * 3:
            os.kill(made._process.pid or 0, number)
            time.sleep(0.005)
        assert call(made, abs, -1) == 1
        made.end()
    assert "KeyboardInterrupt" not in capfd.readouterr().err


def test_a_system_that_gives_no_more_processes_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.util.spawnv_passfds", refuse)
    with pytest.raises(WorkerError, match=r"the system refused \(Resource temporarily unavailable\).*DOCSORT_WORKERS"):
        Worker()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but was not waited for by its new parent still has a number.
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not status.stdout.strip().startswith("Z") and bool(status.stdout.strip())
