"""A `docsort serve` of its own for a benchmark, and how much memory it and its workers take."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

START_SECONDS = 180
COMMAND = "from docsort.commands.main import docsort; docsort()"


@dataclass(frozen=True)
class Served:
    """process: of the server; log: what it says."""

    process: Any
    port: int
    log: Path

    def memory(self) -> int:
        """Bytes that the server and its workers have to themselves (USS): what is shared is in no leak."""
        return int(self._sum(lambda process: process.memory_full_info().uss))

    def computed(self) -> float:
        """Seconds that the server and the workers it has now have computed; it tells more on a machine that is shared
        than seconds on the clock do."""
        return self._sum(lambda process: process.cpu_times().user + process.cpu_times().system)

    def _sum(self, figure: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for process in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += figure(process)
        return total


@contextmanager
def served(command: list[str], folder: Path, pattern: str) -> Iterator[Served]:
    """Runs a server until it is no longer needed. pattern: of the port in what it says when it is ready."""
    log = folder / "server.log"
    with log.open("wb") as file:
        process = psutil.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(pattern, log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"Expected the server to start, but it did not:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        yield Served(process, int(found[1]), log)
    finally:
        end(process)


def docsort_served(ensemble: Path, folder: Path, *options: str) -> "Iterator[Served]":
    """`docsort serve` at any free port."""
    arguments = ["serve", "--ensemble", str(ensemble), "--port", "0", *options]
    return served([sys.executable, "-c", COMMAND, *arguments], folder, r"answers at http://127\.0\.0\.1:(\d+)/")  # type: ignore[return-value]


def end(process: psutil.Popen) -> float:
    """Seconds that it took to end after SIGTERM; killed with its workers where it does not."""
    began = time.monotonic()
    children = process.children(recursive=True) if process.is_running() and process.poll() is None else []
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(10)
    _, left = psutil.wait_procs(children, 10)
    for child in left:
        child.kill()
    return time.monotonic() - began
