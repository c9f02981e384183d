"""A program of ours ends with the process that started it, however that ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from docsort.process_names import is_running
from docsort.work.programs import Program

SLEEPER = """
import signal, sys, time
print("begun", flush=True)
def end(*_):
    print("ended", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
time.sleep(600)
"""
STARTER = """
import sys, time
from pathlib import Path
from docsort.work.programs import Program
program = Program(["sleeper"], Path(sys.argv[1]), Path(sys.argv[1]) / "log.txt", {})
print(program.name, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    (tmp_path / "speaker.py").write_text("import os, sys; print(sys.argv, os.environ['WORD']); sys.exit(3)")
    return tmp_path


def wait_for(log: Path, word: str) -> None:
    deadline = time.monotonic() + 60
    while not (log.exists() and word in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_module_runs_with_its_arguments_and_its_status_and_output_are_told(folder: Path) -> None:
    program = Program(["speaker", "a", "b c"], folder, folder / "log.txt", {"WORD": "said"})
    assert program.wait(60) == 3
    assert "'a', 'b c'] said" in (folder / "log.txt").read_text()


def test_it_ends_as_by_sigterm_when_the_process_that_started_it_is_killed(folder: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    name = starter.stdout.readline().strip()
    wait_for(folder / "log.txt", "begun")
    assert is_running(name)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    wait_for(folder / "log.txt", "ended")
    deadline = time.monotonic() + 60
    while is_running(name):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ending_it_lets_it_say_goodbye(folder: Path) -> None:
    program = Program(["sleeper"], folder, folder / "log.txt", {})
    wait_for(folder / "log.txt", "begun")
    assert program.wait(0.01) is None
    number = int(program.name.partition(" ")[0])
    program.end()
    assert program.wait(0) == 7
    assert not psutil.pid_exists(number)
    assert "ended" in (folder / "log.txt").read_text()
