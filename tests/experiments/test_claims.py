"""Claims end with the process that made them, and with nothing else."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from docsort.experiments import claims as module
from docsort.experiments.claims import STALE_S, Claims
from docsort.process_names import is_running, process_name

HOLDER = """
import sys, time
from pathlib import Path
from docsort.experiments.claims import Claims
claims = Claims(Path(sys.argv[1]))
with claims.door():
    print(claims.take("job"), flush=True)
time.sleep(600)
"""


def held_by_another(folder: Path) -> "subprocess.Popen[str]":
    other = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    return other


def test_a_claim_counts_until_its_process_is_killed_and_then_another_takes_it(tmp_path: Path) -> None:
    other, mine = held_by_another(tmp_path), Claims(tmp_path)
    holder = mine.holder("job")
    assert holder is not None
    assert holder.driver == process_name(other.pid)
    assert not mine.take("job")
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert mine.holder("job") is None
    assert mine.take("job")
    holder = mine.holder("job")
    assert holder is not None
    assert holder.driver == process_name()


def test_the_run_of_a_killed_driver_is_over_before_another_takes_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENDING_S", 0.0)
    run = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    name = process_name(run.pid)
    threading.Thread(target=run.wait, daemon=True).start()
    mine = Claims(tmp_path)
    assert mine.take("job")
    mine.note_run("job", name)
    left = json.loads((tmp_path / "job.json").read_text())
    assert left["run"] == name
    (tmp_path / "job.json").write_text(json.dumps({**left, "driver": f"{os.getpid()} 1.00"}))
    assert is_running(name)
    assert Claims(tmp_path).take("job")
    assert not is_running(name)


def test_a_claim_of_another_machine_counts_for_as_long_as_it_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Claims(tmp_path)
    assert theirs.take("job")
    monkeypatch.setattr(module, "machine_name", lambda: "elsewhere")
    monkeypatch.setattr(module, "is_running", lambda name: False)
    mine, file = Claims(tmp_path), tmp_path / "job.json"
    assert mine.holder("job") is not None
    now = file.stat().st_mtime
    os.utime(file, (now, now - STALE_S - 1))
    assert mine.holder("job") is None


def test_of_many_that_ask_at_once_one_gets_it(tmp_path: Path) -> None:
    got = []

    def ask() -> None:
        own = Claims(tmp_path)
        with own.door():
            got.append(own.take("job"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]
