"""Work on a Ray cluster: Ray places, starts and ends; what comes home and what is tried again is as with workers here.

Stores must stand on a file system that all machines see. Environment: DOCSORT_GPU_SHARE, the part of a GPU that a piece
of work takes which needs one, 1 unless set; at 0.25 four share a GPU.
"""

import os
import pickle
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from docsort.errors import InputError
from docsort.work.channel import Message, OnEvent, receive_outcome, settle
from docsort.work.devices import Needs
from docsort.work.pool import LostNodeError, Pool, Task
from docsort.work.pool_executor import PoolExecutor
from docsort.work.progress import Began
from docsort.work.ray_cluster import Cluster, Node
from docsort.work.ray_node import Asked
from docsort.work.worker import death_of, name_of, packed


class RayExecutor(PoolExecutor):
    """An `Executor`; address: see `Cluster`, which is joined or started when first something is asked."""

    def __init__(self, address: str | None = None) -> None:
        super().__init__()
        self._cluster = Cluster(address)
        self._run = uuid4().hex

    @property
    def workers(self) -> int:
        count = sum(node.cpus for node in self._cluster.nodes())
        if not count:
            raise InputError("Expected a Ray cluster with CPUs, but it has none; start nodes without `--num-cpus=0`.")
        return count

    def concurrent(self, device: str) -> int:
        gpus = gpus_for(Needs(device), self._cluster.nodes())
        return sum(gpus) * int(1 / gpu_share()) or self.workers

    def must_see(self, folder: Path) -> None:
        self._cluster.must_see(folder)

    def _thread_count(self) -> int:
        return 2 * self.workers  # so that Ray always has one more for each CPU

    def _make_worker(self) -> "RemoteWorker":
        return RemoteWorker(self._cluster, self._run)

    def _enter(self, pool: Pool, task: Task) -> None:
        try:
            needs_gpu = bool(gpus_for(task.needs, self._cluster.nodes()))
        except Exception as error:
            task.fail(error)
            return
        if needs_gpu:  # it may wait for long, and keeps no other from its place
            threading.Thread(target=pool.do, args=(task,), name="wait-for-gpu", daemon=True).start()
        else:
            pool.put(task)

    def _end(self, pool: Pool) -> None:
        super()._end(pool)
        self._run = uuid4().hex  # what later work finds there is not of this run


def gpu_share() -> float:
    """The part of a GPU that a piece of work takes."""
    text = os.environ.get("DOCSORT_GPU_SHARE", "1")
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise InputError(f"Expected DOCSORT_GPU_SHARE to be above 0 and at most 1, but got {text!r}.")
    return share


def gpus_for(needs: Needs, nodes: Sequence[Node]) -> list[int]:
    """How many GPUs each machine has where one is meant; empty for work on the CPU.

    Raises InputError where they are not there, or where one is named, as Ray chooses.
    """
    device = needs.device
    if device in (None, "cpu", "mps"):
        return []
    gpus = [node.gpus for node in nodes if node.gpus]
    if device == "auto" and not gpus:
        return []
    if device not in ("auto", "cuda"):
        raise InputError(f"Expected `device: cuda` or `auto`, as Ray chooses which GPU, but got {device!r}.")
    if needs.devices > max(gpus, default=0):
        raise InputError(
            f"Expected {needs.devices} GPUs on one machine, but the largest of the Ray cluster has "
            f"{max(gpus, default=0)}; lower `devices`, or set `device: auto` or `device: cpu`."
        )
    return gpus


class RemoteWorker:
    """Serves one task, on the machine that Ray chooses; see `pool.AnyWorker`."""

    def __init__(self, cluster: Cluster, run: str) -> None:
        self._cluster, self._run = cluster, run
        self._lock = threading.Lock()
        self._stream: Any = None
        self._is_killed = False

    def run(self, task: Task, tell: OnEvent) -> Any:
        name = name_of(task.function, task.args)
        asked, cpus = self._asked(task), task.needs.devices
        with self._lock:
            if self._is_killed:
                raise death_of(name)
            self._stream = self._cluster.start(asked, cpus, name)
        try:
            kind, content = receive_outcome(self._messages(name, tell), tell)
        except Exception:
            self.kill()
            raise
        return settle(kind, content)

    def is_alive(self) -> bool:
        """Ray keeps the processes."""
        return False

    def kill(self) -> None:
        with self._lock:
            self._is_killed = True
            if self._stream is not None:
                self._cluster.ray().cancel(self._stream, force=True)

    def end(self) -> None:
        """It ended with its task."""

    def _asked(self, task: Task) -> Asked:
        needs, call = task.needs, packed(task.function, task.args)
        gpus = gpus_for(needs, self._cluster.nodes())
        share = 0.0 if not gpus else 1.0 if needs.devices > 1 else gpu_share()
        return Asked(
            call,
            needs.device,
            needs.devices,
            share,
            str(Path.cwd()),
            tuple(sys.path),
            self._run,
            self._cluster.expected(),
        )

    def _messages(self, name: str, tell: OnEvent) -> Iterator[Message]:
        """What the worker sends. Raises WorkerError when it or its machine is lost."""
        errors = self._cluster.ray().exceptions
        machine = "A machine"
        try:
            for message in self._stream:
                kind, data = self._cluster.ray().get(message)
                if kind == "began":
                    machine, devices = pickle.loads(data)
                    tell(Began(devices))
                elif kind == "died":
                    raise death_of(name, f"A worker process on {machine} died")
                else:
                    yield kind, data
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.OutOfMemoryError as error:
            raise death_of(
                name, f"A worker process on {machine} was ended by Ray, which found memory short,"
            ) from error
        except errors.RayError as error:  # Ray's own process there is small, and dies with its machine
            raise LostNodeError(f"{machine} was lost while it ran {name}.") from error
