"""A `kedro run` in a session of its own, watched from outside: what it has begun, which workers it has, how it ends.

Linux only: processes are found in /proc. Only processes of sessions that were started here are ever signalled.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from project import ROOT

SECONDS_TO_GO = 10
"""Within which the workers of a run that has ended must be gone, and a run that was interrupted."""

BEGUN = re.compile(r"Running: (\S+)")
FINISHED = re.compile(r"Finished \d+ of \d+: (\S+), ([\d.]+) s")
SENTENCE = re.compile(r"^Error: (.+)", re.MULTILINE)
TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Ended:
    """How a run ended. code: exit status, negative for a signal; left: processes that outlived it by SECONDS_TO_GO."""

    code: int
    seconds: float
    output: str
    hung: bool
    left: int

    @property
    def sentence(self) -> str:
        """What the user is told, or nothing."""
        found = SENTENCE.search(self.output)
        return found[1] if found else ""

    @property
    def is_raw(self) -> bool:
        """Whether a traceback is shown."""
        return TRACEBACK in self.output

    @property
    def nodes(self) -> dict[str, float]:
        """Seconds of each node that finished."""
        return {name: float(seconds) for name, seconds in FINISHED.findall(self.output)}


class WatchedRun:
    """One that is under way; its output goes to the log."""

    def __init__(
        self,
        log: Path,
        pipelines: Sequence[str],
        params: str,
        env: str,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
    ) -> None:
        self._log = log
        self._began = time.monotonic()
        command = [sys.executable, "-m", "kedro", "run", "--pipelines", ",".join(pipelines), "--env", env]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--params", params, *options],
                cwd=ROOT,
                env={**os.environ, "COLUMNS": "500", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, node: str, limit_s: float) -> bool:
        """Until the node has begun; whether it has before the run ended."""
        deadline = time.monotonic() + limit_s
        while node not in BEGUN.findall(self.output):
            if self._process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def processes(self) -> list[int]:
        """All of its session, itself among them."""
        return [pid for pid, session in _sessions() if session == self._process.pid]

    def workers(self) -> list[int]:
        """Its worker processes."""
        return [pid for pid in self.processes() if "spawn_main" in _command(pid)]

    def busiest_worker(self, limit_s: float) -> int | None:
        """The worker that works most just now; None where there is none before the run ends."""
        deadline = time.monotonic() + limit_s
        while not (before := {pid: _ticks(pid) for pid in self.workers()}):
            if self._process.poll() is not None or time.monotonic() > deadline:
                return None
            time.sleep(0.05)
        time.sleep(0.3)
        return max(before, key=lambda pid: _ticks(pid) - before[pid])

    def signal(self, number: int, pid: int | None = None) -> None:
        """To the main process, or to another one of its session."""
        if pid is None or pid in self.processes():
            _tell(self._process.pid if pid is None else pid, number)

    def interrupt(self) -> None:
        """Ctrl-C: to the whole session, as a terminal does."""
        for pid in self.processes():
            _tell(pid, signal.SIGINT)

    def is_under_way(self) -> bool:
        """Whether the main process lives, or nobody has asked since it ended: as long its number is nobody else's."""
        return self._process.returncode is None

    def end(self) -> None:
        """Whatever is left of it, until it is gone."""
        while left := self.processes():
            for pid in left:
                _tell(pid, signal.SIGKILL)
            self._process.wait()
            time.sleep(0.02)

    def finish(self, limit_s: float) -> Ended:
        """Waits until it ends, or ends it; then for its workers."""
        hung = False
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            hung = True
            self._process.kill()
            self._process.wait()
        seconds = time.monotonic() - self._began
        deadline = time.monotonic() + SECONDS_TO_GO
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            self.end()
        return Ended(self._process.returncode, seconds, self.output, hung, len(left))


def _tell(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it was faster
        os.kill(pid, number)


def _sessions() -> Iterator[tuple[int, int]]:
    """Process and session ids; those that have ended and wait to be taken note of are left out."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields and fields[0] != "Z":
                yield int(folder.name), int(fields[3])


def _stat(pid: int) -> list[str]:
    """The fields after the command: state, parent, group, session and so on. Empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(pid: int) -> int:
    """Processor time that it has had."""
    fields = _stat(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
