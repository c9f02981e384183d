"""One model trained by several processes together, each on its own GPU: data-parallel training by Lightning's DDP.

Every batch is dealt among the processes, and their gradients are averaged, so that a step is that of the whole batch;
only batch norms see each share by itself. Worth it for a model that takes hours a fold: folds side by side, a GPU each,
need no talk between processes and are faster while there are as many folds as GPUs.

On a CPU the processes talk by gloo, which is how this is tested where there is no GPU.
"""

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from torch.multiprocessing.spawn import ProcessException, spawn

from docsort.errors import DocsortError
from docsort.training.batches import Share
from docsort.training.engine import fit
from docsort.training.tasks import FoldTask
from docsort.workers import end_with_parent


class ParallelTrainingError(DocsortError):
    """One of the processes that train a model together has failed."""


def fit_together(task: FoldTask, folder: Path, devices: tuple[str, ...], concurrent: int, key: str) -> dict[str, Any]:
    """Like `engine.fit`, by as many new processes as there are devices; ends with all of them.

    Raises ParallelTrainingError with the last line of what went wrong, the others being ended.
    """
    with tempfile.TemporaryDirectory() as shelf, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        record = Path(shelf) / "record.json"
        try:
            spawn(_fit_share, (task, folder, devices, concurrent, key, port, record), nprocs=len(devices))
        except ProcessException as error:
            last = str(error).strip().splitlines()[-1]
            raise ParallelTrainingError(
                f"Expected {len(devices)} processes to train {task.name} together, but number {error.error_index} "
                f"failed: {last}"
            ) from error
        found: dict[str, Any] = json.loads(record.read_text())
        return found


def _fit_share(
    rank: int,
    task: FoldTask,
    folder: Path,
    devices: tuple[str, ...],
    concurrent: int,
    key: str,
    port: int,
    record: Path,
) -> None:
    end_with_parent()
    # By these Lightning knows that the processes are there already, and where they meet.
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": len(devices), "RANK": rank}
    os.environ.update({name: str(value) for name, value in {**place, "LOCAL_RANK": rank, "NODE_RANK": 0}.items()})
    result = fit(task, folder, devices[rank], concurrent, key, Share(rank, len(devices), devices))
    if rank == 0:
        record.write_text(json.dumps({**result, "device": ", ".join(devices)}))
