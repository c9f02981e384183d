"""Programs of ours that run beside this process and end with it: see `docsort.work.leash`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from docsort.errors import WorkerError
from docsort.files import storing
from docsort.process_names import process_name
from docsort.work.leash import PATIENCE_S


class Program:
    """A module that runs as `python -m` does, in a process group of its own, its output added to a file.

    environment: what is other than here. Raises WorkerError where the system starts no process, StorageError where the
    file cannot be written.
    """

    def __init__(self, module: Sequence[str], folder: Path, output: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "docsort.work.leash", *module]
        with storing(output):
            output.parent.mkdir(parents=True, exist_ok=True)
            log = output.open("ab")
        with log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env={**os.environ, **environment},
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # the terminal's Ctrl-C is for the one who started it
                )
            except OSError as error:
                raise WorkerError(
                    f"Expected to start {command[0]} in {folder}, but the system refused ({error.strerror}); end other "
                    "programs, then run again: finished work is kept."
                ) from error
        self.name = process_name(self._process.pid)

    def wait(self, seconds: float) -> int | None:
        """The exit status, negative for a signal that ended it; None where it still runs after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Ends it as SIGTERM does, with what it has started; kills what does not listen."""
        self._signal(signal.SIGTERM)
        if self.wait(PATIENCE_S) is None:
            self._signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            if number == signal.SIGTERM or not hasattr(os, "killpg"):
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)
