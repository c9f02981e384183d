"""Runs on a cluster of Ray: a task each, on whatever node has cores for it.

All nodes must see the project and the folder of the queue under the same paths, with the same environment of Python.
Ray chooses the node; the queue on disk stays the truth, so a cluster that goes away costs what it was doing.
"""

from pathlib import Path
from typing import Any

from docsort.experiments.queue import FAILED, STOPPED, Job, Queue
from docsort.experiments.running import POLL_S, Outcome, Stop, run_job
from docsort.work.ray_start import start_ray

ENDING_S = 60
"""So long a run that is not wanted any more has to end."""


class OnRay:
    """The cluster that RAY_ADDRESS names, else the one of this machine, which is begun where there is none. Raises
    InputError where Ray is missing or cannot be reached."""

    def __init__(self, workers: int) -> None:
        ray = start_ray(None)
        self._ray: Any = ray
        have = ray.cluster_resources()
        self._cores = max(1, int(have.get("CPU", 1)) // workers)
        gpus = have.get("GPU", 0) / workers
        self._gpus = int(gpus) if gpus >= 1 else round(gpus, 3)

    def run(self, queue: Queue, job: Job, project: Path, stop: Stop) -> Outcome:
        remote = self._ray.remote(_run).options(
            num_cpus=self._cores, num_gpus=self._gpus, max_retries=0, name=f"docsort {job.name}"
        )
        task = remote.remote(str(queue.folder), job, str(project), self._cores)
        while True:
            done, _ = self._ray.wait([task], timeout=POLL_S)
            if done:
                return self._outcome(task)
            if (why := stop()) is not None:
                self._ray.cancel(task)
                self._ray.wait([task], timeout=ENDING_S)
                return Outcome(STOPPED, 0.0, why)

    def _outcome(self, task: Any) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(task)
        except self._ray.exceptions.RayError as error:  # its node, or its process, is gone
            return Outcome(FAILED, 0.0, f"Ray lost it: {str(error).strip().splitlines()[0]}")
        return outcome


def _run(folder: str, job: Job, project: str, cores: int) -> Outcome:
    """On the node."""
    return run_job(Queue(Path(folder)), job, Path(project), lambda: None, {"DOCSORT_WORKERS": str(cores)})
