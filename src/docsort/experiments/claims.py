"""Who is at work on what: claims on disk that end with the process that made them.

A claim names the machine, the process and the run that it has started. On this machine a claim counts for as long as
its process lives. Of another machine nobody here can tell that, so a claim is touched every BEAT_S, and counts for no
more than STALE_S after the last time, by the clock of the file system.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from docsort.files import storing, write_atomically
from docsort.process_names import is_running, machine_name, process_name

BEAT_S = 15
STALE_S = 180
ENDING_S = 30
"""So long the run of a driver that was killed has to end by itself."""


@dataclass(frozen=True)
class Claim:
    """machine, driver: who works; run: the process that it has started, empty before; since: seconds since 1970."""

    machine: str
    driver: str
    run: str
    since: float


class Claims:
    """Claims below one folder, by the key of what is worked on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: set[str] = set()
        self._lock = threading.Lock()
        self._beating: threading.Thread | None = None

    @contextmanager
    def door(self) -> Iterator[None]:
        """One process at a time looks for work and takes it."""
        with storing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "door.lock", thread_local=False):
            yield

    def take(self, key: str) -> bool:
        """Whether this process may work on it; inside of `door`. The run of a claim that counts no more is ended."""
        there = self.holder(key)
        if there is not None:
            return False
        left = self._read(key)
        if left is not None:
            _end_run(left)
        self._write(key, Claim(machine_name(), process_name(), "", time.time()))
        with self._lock:
            self._mine.add(key)
            if self._beating is None:
                self._beating = threading.Thread(target=self._beat, name="claims", daemon=True)
                self._beating.start()
        return True

    def note_run(self, key: str, run: str) -> None:
        """The process that works on it, for whoever takes it over."""
        own = self._read(key)
        if own is not None:
            self._write(key, Claim(own.machine, own.driver, run, own.since))

    def give_back(self, key: str) -> None:
        """It is done, or given up."""
        with self._lock:
            self._mine.discard(key)
        self._path(key).unlink(missing_ok=True)

    def holder(self, key: str) -> Claim | None:
        """The claim that counts; None where nobody works on it."""
        claim = self._read(key)
        if claim is None:
            return None
        if claim.machine == machine_name():
            return claim if is_running(claim.driver) else None
        return claim if self._age(key) < STALE_S else None

    def _age(self, key: str) -> float:
        """Seconds since the claim was touched, both times by the clock of the file system."""
        probe = self._folder / f".now-{secrets.token_hex(6)}"
        try:
            probe.touch()
            return probe.stat().st_mtime - self._path(key).stat().st_mtime
        except FileNotFoundError:
            return float("inf")
        finally:
            probe.unlink(missing_ok=True)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_S)
            with self._lock:
                mine = set(self._mine)
            for key in mine:
                with suppress(OSError):  # given back meanwhile, or a disk that is away for a moment
                    os.utime(self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _read(self, key: str) -> Claim | None:
        try:
            return Claim(**json.loads(self._path(key).read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # written whole, so what is no claim is nobody's
            return None

    def _write(self, key: str, claim: Claim) -> None:
        write_atomically(self._path(key), json.dumps(asdict(claim)).encode())


def _end_run(claim: Claim) -> None:
    """Of a driver that is gone: its run ends by itself, by the leash; what does not is killed."""
    if claim.machine != machine_name() or not claim.run:
        return
    ends = time.monotonic() + ENDING_S
    while is_running(claim.run):
        if time.monotonic() > ends:
            with suppress(psutil.Error):
                psutil.Process(int(claim.run.partition(" ")[0])).kill()
        time.sleep(0.2)
