"""One experiment run: a `kedro run` in a process of its own, watched until it ends or is not wanted any more."""

import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docsort.experiments.queue import FAILED, FINISHED, STOPPED, Job, Queue
from docsort.files import write_atomically
from docsort.work.programs import Program

POLL_S = 0.5
RUN_FILE, LOG_FILE = "run.yml", "log.txt"
TAIL = 20_000
"""Bytes at the end of a log that are looked at."""
STEP = re.compile(r"Finished (\d+ of \d+): ")
"""As `runners.fold_runner` tells it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a try ended. why: of one that failed, one sentence; of one that was stopped, who wished it."""

    status: str
    seconds: float
    why: str = ""


Stop = Callable[[], str | None]
"""Asked again and again; a text says that the run is to end, and why."""


def command_of(queue: Queue, job: Job) -> dict[str, Any]:
    """What the file for `kedro run --config` holds."""
    params = {**job.given, "data_root": str(queue.data_root(job)), "store_root": str(queue.stores)}
    options: dict[str, Any] = {"params": params}
    if job.env is not None:
        options["env"] = job.env
    return {"run": options}


def run_job(queue: Queue, job: Job, project: Path, stop: Stop, environment: Mapping[str, str]) -> Outcome:
    """Runs it and says how that ended; raises nothing that comes of the run itself. project: folder of the project.

    What an earlier try of the same job has finished is found again, as it is kept by content.
    """
    import yaml

    folder, began = queue.run_folder(job), time.monotonic()
    write_atomically(folder / RUN_FILE, yaml.safe_dump(command_of(queue, job), sort_keys=True).encode())
    named = {"MLFLOW_RUN_NAME": job.name, "PYTHONUNBUFFERED": "1", **environment}
    command = ["kedro", "run", "--config", str(folder / RUN_FILE)]
    program = Program(command, project, folder / LOG_FILE, named)
    try:
        queue.claims.note_run(job.key, program.name)
        while (status := program.wait(POLL_S)) is None:
            why = stop()
            if why is not None:
                program.end()
                return Outcome(STOPPED, time.monotonic() - began, why)
    except BaseException:
        program.end()
        raise
    seconds = time.monotonic() - began
    if status == 0:
        return Outcome(FINISHED, seconds)
    return Outcome(FAILED, seconds, reason_in(folder / LOG_FILE, status))


def reason_in(log: Path, status: int) -> str:
    """Why a run failed, in one sentence: what it says at the end of its log, or that it was killed."""
    if status < 0:
        return f"It was ended by signal {-status}, as when memory ran out; see {log}."
    lines = _end_of(log).splitlines()
    told = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
    if told:
        return " ".join(line.strip() for line in lines[told[-1] :])[len("Error: ") :].strip()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"It ended with status {status}: {last[:300]} (see {log})."


def progress_in(log: Path) -> str:
    """How many of its steps a run has done, as "16 of 99 steps"; empty before the first, and where there is no log."""
    done = STEP.findall(_end_of(log)) if log.is_file() else []
    return f"{done[-1]} steps" if done else ""


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
        return file.read().decode(errors="replace")
