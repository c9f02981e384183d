"""What Ray runs on each machine of a cluster: a pipe between the main process and a worker process beside it.

The worker is the very one of the local executor: spawned, held to one thread, with the same channel. So the answers are
the same, and Ray's own process, which loads none of our libraries, outlives a worker that runs out of memory. It is
kept from one task to the next, but for one that held a GPU. Ray starts these processes, places them, and ends them with
the main process; a worker ends with its Ray process.
"""

import hashlib
import os
import pickle
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from docsort.errors import InputError
from docsort.versions import versions_of
from docsort.work.devices import Lease
from docsort.work.worker import Worker, packed

ALIKE = ("docsort", "numpy", "opencv-python-headless", "scikit-learn", "torch", "timm", "albumentations")
"""Packages of which another version may answer otherwise."""
MARKER = ".docsort/marker"
"""A file below the folder that all machines must see."""


@dataclass(frozen=True)
class Expected:
    """What a machine must have. versions: by package; markers: by folder that all must see, what its marker holds."""

    versions: tuple[tuple[str, str], ...]
    markers: tuple[tuple[str, str], ...]

    def problems(self) -> list[str]:
        """What this machine lacks."""
        here = own_versions()
        other = [f"has {name} {here[name]} and not {mine}" for name, mine in self.versions if here[name] != mine]
        unseen = [folder for folder, text in self.markers if marker_of(Path(folder)) != text]
        return other + [f"does not see {folder}" for folder in unseen]


@dataclass(frozen=True)
class Asked:
    """A call. call: by `packed`. device: as of Needs; gpu_share: how much of a GPU it takes, 0 for work on the CPU.
    folder, paths: where the main process is, and where it finds modules. run: workers are kept for calls of one run.
    """

    call: bytes
    device: str | None
    devices: int
    gpu_share: float
    folder: str
    paths: tuple[str, ...]
    run: str
    expected: Expected


@cache
def own_versions() -> dict[str, str]:
    """Of Python, of ALIKE, and of our own source, here."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return {"Python": platform.python_version(), **versions_of(ALIKE), "docsort's source": digest.hexdigest()[:10]}


def marker_of(folder: Path) -> str | None:
    """What the marker in a folder holds; None where it cannot be read."""
    try:
        return (folder / MARKER).read_text(encoding="utf-8")
    except OSError:
        return None


def probe(expected: Expected) -> list[str]:
    """What this machine lacks."""
    return expected.problems()


def serve(asked: Asked) -> Iterator[tuple[str, bytes]]:
    """`began` with machine and devices once a worker begins, then the worker's messages; `died` where it dies.

    A generator, so that Ray brings each message home as it comes.
    """
    name, cpus, gpus = _here()
    if problems := _problems(asked.expected):
        raise InputError(f"Expected all machines of the Ray cluster to be alike, but {name} {' and '.join(problems)}.")
    lease = _lease(asked, cpus, gpus)
    yield "began", pickle.dumps((name, lease.devices if lease else ()))
    worker = _kept_worker(asked.run)
    try:
        yield from worker.exchange(packed(_call, (asked.call, asked.folder, asked.paths, lease)))
    except (EOFError, OSError):
        worker.kill()
        yield "died", b""
    if asked.gpu_share:  # Ray ends this process, too: the GPU's memory is free for the next
        worker.end()


@cache
def _here() -> tuple[str, int, int]:
    """What Ray calls this machine, and how many CPUs and GPUs it has of it."""
    import ray

    own = ray.get_runtime_context().get_node_id()
    (node,) = [node for node in ray.nodes() if node["NodeID"] == own]
    resources = node["Resources"]
    return node["NodeName"], int(resources.get("CPU", 0)), int(resources.get("GPU", 0))


_found: dict[Expected, list[str]] = {}


def _problems(expected: Expected) -> list[str]:
    """Looked for once a process: also on a machine that came later than the probes."""
    if expected not in _found:
        _found[expected] = expected.problems()
    return _found[expected]


def _lease(asked: Asked, cpus: int, gpus: int) -> Lease | None:
    """The GPUs that Ray lends, which are the only ones that the worker sees, or the CPU."""
    if asked.device is None:
        return None
    if asked.gpu_share:
        devices = tuple(f"cuda:{number}" for number in range(asked.devices))
        return Lease(devices, int(gpus / min(1, asked.gpu_share)))
    return Lease(("cpu" if asked.device == "auto" else asked.device,) * asked.devices, max(1, cpus))


_kept: dict[str, Worker] = {}
"""At most one, by its run."""


def _kept_worker(run: str) -> Worker:
    """The one that served the last task, or a new one where that is dead or of a run that was stopped."""
    worker = _kept.get(run)
    if worker is None or not worker.is_alive():
        _end_kept()
        # else the worker would load Ray with the main module of this process
        vars(sys.modules["__main__"]).pop("__file__", None)
        _kept[run] = worker = Worker(with_log=True)
    return worker


def _end_kept() -> None:
    while _kept:
        _kept.popitem()[1].end()


Finalize(None, _end_kept, exitpriority=100)  # or this process would wait for its worker


def _call(call: bytes, folder: str, paths: Sequence[str], lease: Lease | None) -> Any:
    """In the worker, which stands where the main process does."""
    sys.path.extend(path for path in paths if path not in sys.path)
    if Path(folder).is_dir():
        os.chdir(folder)
    function, args = pickle.loads(call)
    return function(*args, *([lease] if lease else []))
