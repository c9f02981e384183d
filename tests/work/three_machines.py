"""A Ray cluster of three machines on this one, for slow tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from docsort.work.ray_start import load_ray


@dataclass(frozen=True)
class Machines:
    """A head without CPUs, and two with one each."""

    cluster: Any
    workers: tuple[Any, ...]

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that works on them."""
        return {**os.environ, "DOCSORT_EXECUTOR": f"ray://{self.cluster.address}"}

    def lose_the_one_at_work(self) -> None:
        """At once and without a word, as by a power cut."""
        (busy,) = [machine for machine in self.workers if _workers_of(machine)]
        gone = [*_processes_of(busy), *_workers_of(busy)]
        for process in gone:
            process.kill()
        psutil.wait_procs(gone, timeout=60)

    def at_work(self) -> list[psutil.Process]:
        """Worker processes, on any of them."""
        return [process for machine in self.workers for process in _workers_of(machine)]


@contextmanager
def three_machines() -> Iterator[Machines]:
    """They end with the test."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # Ray's sockets need a short path
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        yield from _started()
    shutil.rmtree(folder, ignore_errors=True)


def _started() -> Iterator[Machines]:
    load_ray()
    from ray.cluster_utils import Cluster

    few = {"object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **few})
    try:
        workers = tuple(cluster.add_node(num_cpus=1, node_name=f"machine {number}", **few) for number in (1, 2))
        cluster.wait_for_nodes()
        yield Machines(cluster, workers)
    finally:
        cluster.shutdown()


def wait_until_gone(processes: list[psutil.Process]) -> None:
    assert not psutil.wait_procs(processes, timeout=60)[1]


def _processes_of(machine: Any) -> list[psutil.Process]:
    started = [psutil.Process(info.process.pid) for infos in machine.all_processes.values() for info in infos]
    return [process for one in started for process in (one, *one.children(recursive=True))]


def _workers_of(machine: Any) -> list[psutil.Process]:
    found = []
    for process in _processes_of(machine):
        try:
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
