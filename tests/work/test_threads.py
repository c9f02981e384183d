"""Numeric libraries are held to one thread within, and are as before afterwards."""

import os
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from docsort.work.threads import ONE_THREAD, held_to_one_thread

LOADED_WITHIN = """
from threadpoolctl import threadpool_info
from docsort.work.threads import held_to_one_thread
with held_to_one_thread():
    import numpy
print([pool["num_threads"] for pool in threadpool_info()])
"""


def threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_libraries_that_are_there_compute_by_one_thread_within_and_by_as_many_as_before_afterwards() -> None:
    found = []

    def fail() -> None:
        with held_to_one_thread():
            found.append(threads())
            raise ZeroDivisionError

    with threadpool_limits(limits=2):
        assert threads() == {2}
        with pytest.raises(ZeroDivisionError):
            fail()
        assert threads() == {2}
    assert found == [{1}]


@pytest.mark.parametrize("wanted", [None, "2"])
def test_the_environment_is_as_before_afterwards(wanted: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    if wanted:
        monkeypatch.setenv("MKL_NUM_THREADS", wanted)
    with held_to_one_thread():
        assert {name: os.environ[name] for name in ONE_THREAD} == ONE_THREAD
    assert os.environ.get("MKL_NUM_THREADS") == wanted


@pytest.mark.skipif(os.cpu_count() == 1, reason="the library takes no second thread on one core")
def test_libraries_that_are_loaded_within_keep_to_one_thread() -> None:
    def found(environment: Mapping[str, str], text: str) -> str:
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment)
        return done.stdout.strip()

    two = {name: value for name, value in os.environ.items() if name not in ONE_THREAD} | {"OPENBLAS_NUM_THREADS": "2"}
    assert "2" in found(two, LOADED_WITHIN.replace("with held_to_one_thread():", "if True:"))
    assert set(found(two, LOADED_WITHIN)) == set("[1]")
