"""Work that may hang or die, in processes of its own."""

import time

import deadly
import pytest

from docsort.errors import WorkerError
from docsort.work.expendable import Expendables


def test_work_that_dies_or_takes_too_long_costs_itself_only() -> None:
    processes = Expendables(2)
    assert processes.submit(60, deadly.double, 4).result() == 8
    with pytest.raises(WorkerError, match="A worker process died while it ran double"):
        processes.submit(60, deadly.double, 13).result()
    hanging = processes.submit(0.5, time.sleep, 600)
    assert processes.submit(60, deadly.double, 5).result() == 10
    with pytest.raises(WorkerError, match="A worker process died while it ran sleep"):
        hanging.result()
    last = processes.submit(600, time.sleep, 600)
    while not last.running():
        time.sleep(0.01)
    began = time.monotonic()
    processes.close()
    assert time.monotonic() - began < 60
    with pytest.raises(WorkerError, match="died|ended"):
        last.result()
