"""Where the runs of a queue are made: on this machine, or on a cluster of Ray."""

import os
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from docsort.experiments.queue import Job, Queue
from docsort.experiments.running import Outcome, Stop, run_job
from docsort.work.local import worker_count

RAY = "ray"
GPUS = "CUDA_VISIBLE_DEVICES"


class Place(Protocol):
    """Where runs are made, several at a time, each called for from a thread of its own."""

    def run(self, queue: Queue, job: Job, project: Path, stop: Stop) -> Outcome:
        """Returns when the run has ended."""


class Here:
    """This machine. Its cores are shared out among the runs, and its GPUs where CUDA_VISIBLE_DEVICES names them."""

    def __init__(self, workers: int) -> None:
        self._slots: SimpleQueue[dict[str, str]] = SimpleQueue()
        gpus = [each for each in os.environ.get(GPUS, "").split(",") if each]
        for slot in range(workers):
            own = gpus[slot::workers] or gpus[slot % len(gpus) :][:1] if gpus else []
            cores = {"DOCSORT_WORKERS": str(max(1, worker_count() // workers))}
            self._slots.put(cores | ({GPUS: ",".join(own)} if own else {}))

    def run(self, queue: Queue, job: Job, project: Path, stop: Stop) -> Outcome:
        slot = self._slots.get()
        try:
            return run_job(queue, job, project, stop, slot)
        finally:
            self._slots.put(slot)


def place_named(name: str, workers: int) -> Place:
    """here or ray; workers: how many runs at a time. Raises InputError where Ray is not there."""
    if name == RAY:
        from docsort.experiments.on_ray import OnRay

        return OnRay(workers)
    return Here(workers)
