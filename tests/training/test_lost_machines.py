"""A training on a cluster whose machine is lost, or whose main process is killed, ends with the same weights."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from three_machines import Machines, three_machines, wait_until_gone

from docsort.members import fitting
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.stores import Store
from docsort.training.kind import RESUME_FILE, NetworkTask

MakeTask = Callable[..., NetworkTask]
pytestmark = pytest.mark.slow
PATIENCE_S = 240

SCRIPT = """
import logging, pickle, sys
from pathlib import Path
from docsort.stores import Store
from docsort.members.fitting import fit
from docsort.work.executor import executor
if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    executor().must_see(Path(sys.argv[2]))
    fit(pickle.loads(Path(sys.argv[1]).read_bytes()), Store(Path(sys.argv[2])))
"""


@pytest.fixture
def machines() -> Iterator[Machines]:
    with three_machines() as made:
        yield made


@pytest.fixture(scope="module")
def task(make_task: MakeTask) -> NetworkTask:
    return make_task(batch_size=4, epochs=12, patience=12, save_every_s=0.1)


@pytest.fixture(scope="module")
def unbroken(task: NetworkTask, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a training on this machine that nothing disturbs."""
    return (fitting.fit(task, Store(tmp_path_factory.mktemp("unbroken"))).folder / WEIGHTS_FILE).read_bytes()


class Driver:
    """The main process of a run on the machines."""

    def __init__(self, task: NetworkTask, folder: Path, machines: Machines) -> None:
        self._machines, self._store, self._log = machines, folder / "store", folder / "log"
        (folder / "task").write_bytes(pickle.dumps(task))
        (folder / "run.py").write_text(SCRIPT)
        self._command = [sys.executable, str(folder / "run.py"), str(folder / "task"), str(self._store)]

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(self._command, env=self._machines.environment, stdout=log, stderr=log)

    def said(self) -> str:
        return self._log.read_text()

    def wait_for_a_save(self, run: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not list(self._store.glob(f"*/{RESUME_FILE}")):
            assert run.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.01)

    def weights(self) -> bytes:
        (file,) = self._store.glob(f"*/{WEIGHTS_FILE}")
        return file.read_bytes()


def test_a_training_whose_machine_is_lost_goes_on_elsewhere_to_the_same_weights(
    machines: Machines, task: NetworkTask, unbroken: bytes, tmp_path: Path
) -> None:
    driver = Driver(task, tmp_path, machines)
    run = driver.start()
    driver.wait_for_a_save(run)
    machines.lose_the_one_at_work()
    assert run.wait(PATIENCE_S) == 0, driver.said()
    assert "was lost while it ran _run_task (fold_0). It is tried once more in another." in driver.said()
    assert "fold_0 goes on in epoch" in driver.said()
    assert "raylet" not in driver.said()
    assert driver.weights() == unbroken


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_whose_main_process_is_ended_leaves_no_work_behind_and_goes_on_to_the_same_weights(
    machines: Machines, task: NetworkTask, unbroken: bytes, tmp_path: Path, number: int
) -> None:
    driver = Driver(task, tmp_path, machines)
    run = driver.start()
    driver.wait_for_a_save(run)
    at_work = machines.at_work()
    assert at_work
    os.kill(run.pid, number)
    assert run.wait(PATIENCE_S) != 0
    wait_until_gone(at_work)
    assert not list(driver._store.glob("*/complete.json"))
    assert driver.start().wait(PATIENCE_S) == 0, driver.said()
    assert "fold_0 goes on in epoch" in driver.said()
    assert driver.weights() == unbroken
