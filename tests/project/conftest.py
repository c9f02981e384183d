"""One run of the whole graph in the smoke environment, shared by the tests that look at what it left."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("smoke")
    uri = f"sqlite:///{folder}/mlflow.db"
    result = kedro("run", "--env", "smoke", "--params", f"data_root={folder}/data", tracking_uri=uri)
    assert result.returncode == 0, result.stdout
    return Run(folder / "data", uri, result.stdout)
