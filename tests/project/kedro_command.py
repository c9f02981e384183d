"""Kedro commands as a user gives them, and what a finished run left."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a finished `kedro run` left: its data folder, its tracking database, what it printed, and what it noted for
    kedro-viz.
    """

    data_root: Path
    tracking_uri: str
    output: str
    events: list[dict[str, Any]]


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


def run_events() -> list[dict[str, Any]]:
    """What the last run noted for kedro-viz."""
    events: list[dict[str, Any]] = json.loads((ROOT / ".viz/kedro_pipeline_events.json").read_text())
    return events


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below the folder, by path in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def viz(log: Path, *arguments: str) -> Iterator[Callable[[str], Any]]:
    """A kedro-viz server, as a function that asks its API for a path."""
    port = free_port()
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", "--port", str(port), *arguments]
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)

    def get(path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as reply:
            return json.load(reply)

    try:
        deadline = time.monotonic() + 180
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                get("/api/version")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
        yield get
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def free_port() -> int:
    """A port that is free now, below 49152: kedro-viz takes no higher one, and the system draws its own above."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port between 20000 and 32000 is free")
