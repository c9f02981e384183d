"""Kedro commands as a user gives them, and what a finished run left."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a finished `kedro run` left: its data folder, its tracking database, what it printed."""

    data_root: Path
    tracking_uri: str
    output: str


def kedro(*arguments: str, tracking_uri: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Runs a Kedro command at the root of the project, as a user does."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
