"""One model trained by several processes together, each on its own GPU: data-parallel training by Lightning's DDP.

Every batch is dealt among the processes, and their gradients are averaged, so that a step is that of the whole batch;
only batch norms see each share by itself. Worth it for a model that takes hours a fold: folds side by side, a GPU each,
need no talk between processes and are faster while there are as many folds as GPUs.

On a CPU the processes talk by gloo, which is how this is tested where there is no GPU.
"""

import os
import socket
from pathlib import Path
from typing import Any

from docsort.members.member import Task
from docsort.training.batches import Share
from docsort.training.engine import fit
from docsort.work.executor import Lease
from docsort.work.together import run_together


def fit_together(task: Task, folder: Path, lease: Lease) -> dict[str, Any]:
    """Like `engine.fit`, by as many new processes as there are devices; ends with all of them.

    Raises ProcessGroupError when one of them fails, WorkerError when one dies.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    record: dict[str, Any] = run_together(_fit_share, (task, folder, lease, port), len(lease.devices))
    return {**record, "device": ", ".join(lease.devices)}


def _fit_share(rank: int, task: Task, folder: Path, lease: Lease, port: int) -> dict[str, Any]:
    devices = lease.devices
    # By these Lightning knows that the processes are there already, and where they meet.
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": len(devices), "RANK": rank}
    os.environ.update({name: str(value) for name, value in {**place, "LOCAL_RANK": rank, "NODE_RANK": 0}.items()})
    return fit(task, folder, devices[rank], lease.concurrent, task.key(), Share(rank, len(devices), devices))
