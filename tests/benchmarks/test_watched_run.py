"""What is seen of a run from outside."""

import signal
import sys
from pathlib import Path

import pytest
import watched_run
from watched_run import Ended, WatchedRun

RUN = """
import subprocess, sys, time
print("INFO Running: stage.first", flush=True)
child = subprocess.Popen([sys.executable, "-c", "import time; spawn_main = 1; time.sleep(60)"])
print("INFO Finished 1 of 2: stage.first, 0.5 s", flush=True)
print("INFO Running: stage.second", flush=True)
time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WatchedRun:
    """A script in place of Kedro, with a child that would outlive it."""
    script = tmp_path / "script.py"
    script.write_text(RUN)
    kedro = tmp_path / "python"
    kedro.write_text(f"#!/bin/sh\nexec {sys.executable} {script}\n")
    kedro.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(kedro))
    monkeypatch.setattr(watched_run, "SECONDS_TO_GO", 0.5)
    return WatchedRun(tmp_path / "log", ["stage"], "", "smoke", {})


def test_a_node_that_begins_is_seen_and_a_worker_that_is_left_behind_is_counted_and_ended(run: WatchedRun) -> None:
    assert run.wait_for("stage.second", 30)
    worker = run.busiest_worker(30)
    assert [worker] == run.workers()
    assert len(run.processes()) == 2
    run.signal(signal.SIGKILL)
    assert not run.wait_for("stage.third", 30)
    ended = run.finish(30)
    assert (ended.code, ended.hung, ended.left) == (-signal.SIGKILL, False, 1)
    assert ended.nodes == {"stage.first": 0.5}
    assert run.processes() == []


def test_a_run_that_does_not_end_hangs_and_is_ended(run: WatchedRun) -> None:
    assert run.wait_for("stage.second", 30)
    assert run.finish(0.2).hung
    assert run.processes() == []


def test_a_sentence_and_a_traceback_are_told_apart() -> None:
    told = Ended(1, 0.1, "INFO Running: a\nError: Expected `x`, but got 3.\n", hung=False, left=0)
    assert (told.sentence, told.is_raw) == ("Expected `x`, but got 3.", False)
    raw = Ended(1, 0.1, "Traceback (most recent call last):\n  File\nOSError: [Errno 28]\n", hung=False, left=0)
    assert (raw.sentence, raw.is_raw) == ("", True)
