"""The toy kind with one thing changed. A worker process imports it, so it stands in no test's file."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toy_kind import ToyKind, ToyTask

from docsort.work.executor import Lease


@dataclass(frozen=True, eq=False)
class DyingTask(ToyTask):
    """The same task, on a machine that goes down when all files are written."""

    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        super().run(folder, lease)
        os.kill(os.getpid(), signal.SIGKILL)
        return {}


class SidedKind(ToyKind):
    """The same, were its answers not those of all turns."""

    equivariant = False
