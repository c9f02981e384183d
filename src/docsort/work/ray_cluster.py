"""The machines of a Ray cluster: who they are, whether they are like this one, and calls of functions there."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from docsort.errors import InputError, listing
from docsort.files import write_atomically
from docsort.work.ray_node import MARKER, Asked, Expected, marker_of, own_versions, probe, serve
from docsort.work.ray_start import start_ray

WAIT_S = 120
"""So long a machine may take to answer when it is first asked."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is alive."""

    key: str
    name: str
    cpus: int
    gpus: int


class Cluster:
    """Joined or started when first something is asked; address: as of `start_ray`."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._ray: Any = None
        self._calls: dict[bool, Any] = {}
        self._markers: dict[Path, str] = {}

    def ray(self) -> Any:
        """The module, connected. Raises InputError where that cannot be, or where a machine is not like this one."""
        with self._lock:
            if self._ray is None:
                ray = start_ray(self._address)
                self._calls = {
                    False: ray.remote(num_returns="streaming", max_retries=0)(serve),
                    True: ray.remote(num_returns="streaming", max_retries=0, max_calls=1)(serve),
                }
                nodes = self._nodes(ray)
                cpus, gpus = (sum(getattr(node, kind) for node in nodes) for kind in ("cpus", "gpus"))
                logger.info("Ray: %d machines, %d CPUs, %d GPUs", len(nodes), cpus, gpus)
                self._probe(ray, {})
                self._ray = ray
            return self._ray

    def nodes(self) -> list[Node]:
        """That are alive."""
        return self._nodes(self.ray())

    def expected(self) -> Expected:
        """What all machines must have, also those that come later."""
        return _expected(self._markers)

    def must_see(self, folder: Path) -> None:
        """Raises InputError that names the machines which do not see what is written there."""
        ray = self.ray()
        with self._lock:
            folder = folder.absolute()
            if folder not in self._markers:
                if marker_of(folder) is None:
                    write_atomically(folder / MARKER, uuid4().hex.encode())
                self._probe(ray, markers := {**self._markers, folder: marker_of(folder) or ""})
                self._markers = markers

    def start(self, asked: Asked, cpus: int, name: str) -> Any:
        """The generator of the messages of `serve`. Not retried by Ray, which would take the messages of a second
        attempt for those of the first, as they have the same numbers; the pool calls again.
        """
        gpus = asked.devices * asked.gpu_share
        return self._calls[gpus > 0].options(num_cpus=cpus, num_gpus=gpus, name=name).remote(asked)

    def _nodes(self, ray: Any) -> list[Node]:
        found = [(node, node["Resources"]) for node in ray.nodes() if node["Alive"]]
        return [
            Node(node["NodeID"], node["NodeName"], int(has.get("CPU", 0)), int(has.get("GPU", 0)))
            for node, has in found
        ]

    def _probe(self, ray: Any, markers: Mapping[Path, str]) -> None:
        """Raises InputError that names the machines on which work would go wrong."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        task, expected = ray.remote(num_cpus=0, max_retries=0)(probe), _expected(markers)
        asked = {
            node.name: task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.key, soft=False)).remote(
                expected
            )
            for node in self._nodes(ray)
            if node.cpus or node.gpus
        }
        bad = [f"{name} {' and '.join(problems)}" for name in asked if (problems := _answer(ray, asked[name]))]
        if bad:
            raise InputError(
                f"Expected all machines of the Ray cluster to be alike, but {listing(bad)}; install the same packages "
                "and mount the same file system there, or take them out of the cluster."
            )


def _expected(markers: Mapping[Path, str]) -> Expected:
    return Expected(tuple(own_versions().items()), tuple((str(folder), text) for folder, text in markers.items()))


def _answer(ray: Any, asked: Any) -> list[str]:
    try:
        problems: list[str] = ray.get(asked, timeout=WAIT_S)
    except ray.exceptions.GetTimeoutError:
        return [f"did not answer in {WAIT_S} s"]
    except (ray.exceptions.NodeDiedError, ray.exceptions.TaskUnschedulableError):
        return []  # it is gone, and gets no work
    except ray.exceptions.RayError as error:
        return [f"cannot run docsort ({str(error).strip().splitlines()[-1]})"]
    return problems
