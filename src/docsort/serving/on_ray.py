"""Pages answered on a cluster of Ray: the same parts as here, by actors side by side.

Ray Data hands each part of the listing to an actor, which fetches it, answers it with the ensemble it has opened once,
and stores its Parquet file. What comes home is a count, so the memory of the caller does not grow with the pages; an
actor or node that dies costs the parts it had in hand. Which cluster, RAY_ADDRESS says; without it one is started here.
The ensemble, and pages and result that are no addresses of a store, must stand on a file system that all nodes see.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docsort.errors import DocsortError, InputError, StorageError, WorkerError
from docsort.remote import Place, RemoteFile, is_remote, list_remote, remote_path
from docsort.serving.classifier import Classifier
from docsort.serving.listing import PhotoFile
from docsort.serving.prediction import Part, answer_part, fetch_part, parts_of

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to others
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # nodes keep their own environment also where the command is run by `uv run`
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # of this process; Ray Data's own way to start actors is an error to Ray
}

IN_ACTORS = {"DOCSORT_EXECUTOR": "local", "DOCSORT_WORKERS": "1"}
"""Each has the core that Ray gave it: one worker process, which a page that kills its reader may kill."""

AHEAD = 2
"""Parts that an actor holds: it fetches one while it answers the other."""


def answer_on_ray(
    classifier: Classifier, files: Sequence[PhotoFile], place: Place, actors: int | None = None
) -> Iterator[tuple[int, int]]:
    """Answers the parts that are not there yet, and yields of how many files and pages each was, as they finish;
    `prediction.answer_files` then finds them all.

    actors: by default one per core of the cluster. Raises InputError where Ray is missing, WorkerError where it fails,
    and what an actor raises.
    """
    absolute = place.absolute() if isinstance(place, Path) else place
    there = _names_in(absolute)
    rows = [_row(part) for part in parts_of(classifier, files, absolute) if part.path.name not in there]
    if not rows:
        return
    ray, is_own = _connect(actors)
    share = _share(ray.cluster_resources(), actors)
    pool = ray.data.ActorPoolStrategy(
        size=min(share.pop("actors"), len(rows)),
        max_tasks_in_flight_per_actor=AHEAD,
        max_concurrent_calls_per_actor=AHEAD,
        enable_true_multi_threading=True,
    )
    pages = ray.data.from_items(rows, override_num_blocks=len(rows))
    made = (classifier, str(absolute))
    answered = pages.map(AnsweringActor, fn_constructor_args=made, compute=pool, **share)
    try:
        for row in answered.iter_rows():
            yield row["files"], row["pages"]
    except (ray.exceptions.RayError, ray.data.exceptions.RayDataUserCodeException) as error:
        raise _told(error) from error
    finally:
        if is_own:
            ray.shutdown()
    if not {f"{row['name']}.parquet" for row in rows} <= _names_in(absolute):
        raise StorageError(
            f"Expected every node of the cluster to write to {absolute}, but parts are missing there; name a --to on a "
            "file system that all nodes see, or in a store."
        )


class AnsweringActor:
    """Opened once per actor; answers a part at a time. Two threads call it: one answers while the other fetches."""

    def __init__(self, classifier: Classifier, place: str) -> None:
        os.environ |= IN_ACTORS
        self._classifier = classifier
        self._place: Place = remote_path(place) if is_remote(place) else Path(place)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        files = [_file(*file) for file in zip(row["names"], row["versions"], strict=True)]
        _check_seen(self._classifier, files)
        part = Part(self._place / f"{row['name']}.parquet", files)
        with TemporaryDirectory(prefix="docsort-fetched-") as folder:
            fetched = fetch_part(part, Path(folder))
            count = 0 if fetched is None else answer_part(self._classifier, part, fetched)
        return {"name": row["name"], "files": len(files), "pages": count}


def _names_in(place: Place) -> set[str]:
    """Of the parts that are there, by one listing."""
    if isinstance(place, Path):
        return {path.name for path in place.glob("*.parquet")}
    return {file.url.rpartition("/")[2] for file in list_remote(str(place))}


def _row(part: Part) -> dict[str, Any]:
    versions = [file.version if isinstance(file, RemoteFile) else "" for file in part.files]
    return {"name": part.path.stem, "names": list(map(str, part.files)), "versions": versions}


def _file(name: str, version: str) -> PhotoFile:
    return RemoteFile(name, version) if is_remote(name) else Path(name)


def _check_seen(classifier: Classifier, files: Sequence[PhotoFile]) -> None:
    """Raises StorageError on a node that does not see what the caller sees; there each page would be unreadable."""
    needed = {classifier.ensemble.folder, *(file.parent for file in files if isinstance(file, Path))}
    for folder in needed:
        if folder is not None and not folder.is_dir():
            raise StorageError(
                f"Expected every node of the cluster to see {folder}, but {os.uname().nodename} does not; put it on a "
                "file system that all nodes share, or pages and answers into a store (s3://bucket/folder)."
            )


def _connect(actors: int | None) -> tuple[Any, bool]:
    """Ray, and whether it was connected here; what is printed and asked of the network is as little as can be."""
    os.environ |= {name: os.environ.get(name, value) for name, value in QUIET.items()}
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise InputError(
            f"Expected Ray to be installed, but {error}; install Docsort with its extra `ray` (`uv sync --extra ray`)."
        ) from error
    is_own = not ray.is_initialized()
    address = os.environ.get("RAY_ADDRESS")
    here: dict[str, Any] = {"address": "local", "num_cpus": actors, "include_dashboard": False}
    try:
        if is_own:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, **({} if address else here))
    except Exception as error:  # of many kinds
        place = f"a cluster of Ray at {address} (RAY_ADDRESS)" if address else "Ray to start on this machine"
        raise WorkerError(f"Expected {place}, but got: {error}; put that right, and run again.") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True
    return ray, is_own


def _share(resources: dict[str, float], actors: int | None) -> dict[str, Any]:
    """How many actors, and what each has of the cluster: a core, and where there are GPUs its part of one. Raises
    InputError for more than it has cores: Ray would wait for them."""
    cores = max(1, int(resources.get("CPU", 1)))
    count = actors or cores
    if count > cores:
        raise InputError(f"Expected --actors to be at most {cores}, the cores of the cluster, but got {count}.")
    gpus = resources.get("GPU", 0)
    return {"actors": count, "num_cpus": 1, "num_gpus": min(1.0, gpus / count) if gpus else 0}


def _told(error: BaseException) -> DocsortError:
    """What an actor raised as a sentence for the user, or that Ray itself failed."""
    below: BaseException | None = error
    while below is not None:
        cause = getattr(below, "cause", below)  # of Ray's own errors, whose text is a traceback
        if isinstance(cause, DocsortError):
            return cause
        below = below.__cause__
    return WorkerError(f"Expected Ray to answer the pages, but it failed: {error}; run again, what is done is kept.")
