"""The one way that any member is trained: checked, keyed, cached or trained, its record written last, listeners
informed.

Light: this module runs in the main process and imports no torch.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from docsort.errors import InputError, listing
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Task
from docsort.stores import Store, checked_digest
from docsort.work.executor import Lease, run
from docsort.work.progress import Job, followed, tell_kept

logger = logging.getLogger(__name__)


def fit_all(tasks: Sequence[Task], store: Store) -> list[Checkpoint]:
    """Trains all tasks, submitted at once: on a CPU as many run side by side as there are workers, on GPUs one a GPU.

    Raises the error of the first task that fails, when all have ended.
    """
    for task in tasks:
        check_task(task)
    if not tasks:
        return []
    with ThreadPoolExecutor(len(tasks), thread_name_prefix="fit") as threads:
        futures = [threads.submit(_fit, task, store) for task in tasks]
    return [future.result() for future in futures]


def fit(task: Task, store: Store) -> Checkpoint:
    """Trains in a worker process, or returns what an earlier run finished under the same key. What a killed run left in
    the middle is gone on with, by kinds that can.

    Raises InputError or LeakError for a task that cannot be trained, before any work.
    """
    check_task(task)
    return _fit(task, store)


def _fit(task: Task, store: Store) -> Checkpoint:
    key = task.key()
    checkpoint = Checkpoint(store.folder(key), key)
    begun = task.is_begun(checkpoint.folder)
    job = Job(task.name, task.kind, task.parameters.model_dump(mode="json"), task.seed, resumed=begun)
    if store.finished(key) is not None:
        logger.info("%s: cached, already trained", task.name)
        tell_kept(job, checkpoint.history_rows())
        return checkpoint
    with followed(job) as on_event:
        run(_run_task, task, checkpoint.folder, needs=task.needs, on_event=on_event)
    return checkpoint


def check_task(task: Task) -> None:
    """Raises InputError unless it can be trained and judged, LeakError when its tables share a group."""
    task.split.check(task.name)
    task.check()


def _run_task(task: Task, folder: Path, lease: Lease) -> None:
    """In a worker, which Ctrl-C ends also while it waits for another run that shares the store and trains the same."""
    store, key = Store(folder.parent), folder.name
    with store.making(key):
        if store.finished(key) is not None:
            return
        record = task.run(folder, lease)
        seen = {**asdict(task.parameters.page_format), "learnt_groups": task.split.learnt_groups}
        store.complete(key, {**record, "name": task.name, "kind": task.kind, **seen})


def by_content(table: pd.DataFrame) -> pd.DataFrame:
    """The table of renders with the content of each file in place of its path, for a task's key.

    Raises InputError for missing files, StorageError for one that is not as it was written.
    """
    missing = [path for path in table["path"] if not Path(path).is_file()]
    if missing:
        raise InputError(
            f"Expected every render to be on disk, but {len(missing)} are missing: {listing(missing, 3)}; run the "
            "augmentation again."
        )
    return table.assign(path=[checked_digest(str(path)) for path in table["path"]])
