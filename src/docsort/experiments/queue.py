"""The queue on disk: a folder that any number of people and processes add to and work on.

    jobs/KEY.json        what is to be done; KEY: all that decides the result
    claims/KEY.json      who is at work on it
    tries/KEY/N.json     each try that came to nothing: how it ended, why, and what it cost
    resumed/KEY.json     how many tries that failed are forgiven
    cancelled/KEY.json   nobody is to begin it, and who has begun ends it
    results/KEY.json     what came of it; written once, so that nothing is ever made twice
    runs/NAME-KEY/       the folder of the run: `run.yml` to make it again by hand, `log.txt`, `data`
    stores/              what all runs share

Every file is written whole or not at all, and the state of a job follows from which files there are: there is nothing
that a kill at any moment could leave in disorder.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from docsort.errors import InputError, listing
from docsort.experiments.claims import Claim, Claims
from docsort.experiments.description import Planned
from docsort.files import read_file, write_atomically

State = Literal["waiting", "running", "finished", "failed", "cancelled"]

BUDGET = "budget.json"
FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"
"""How a try ends."""
SLUG_LENGTH = 40


@dataclass(frozen=True)
class Job:
    """One experiment of the queue. added: seconds since 1970; facts: what the leaderboard tells of its parameters."""

    key: str
    name: str
    data: str
    given: Mapping[str, Any]
    priority: int
    retries: int
    env: str | None
    added: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """A job as it stands. why: of what failed or was cancelled, one sentence; failures: how many; result: of what is
    finished; holder: of what is running."""

    job: Job
    state: State
    why: str = ""
    failures: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    holder: Claim | None = None


class Queue:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 (links stay: machines differ in them)
        self.claims = Claims(self.folder / "claims")

    @property
    def stores(self) -> Path:
        """What all runs share."""
        return self.folder / "stores"

    def exists(self) -> bool:
        """Whether anything was ever added."""
        return (self.folder / "jobs").is_dir()

    def require(self) -> "Queue":
        """Raises InputError where nothing was ever added."""
        if not self.exists():
            raise InputError(
                f"Expected a queue of experiments in {self.folder}, but there is none; begin one with `docsort "
                "experiments run FILE.yml`, or name its folder with --queue."
            )
        return self

    def run_folder(self, job: Job) -> Path:
        """Of its run."""
        slug = re.sub(r"[^\w.=-]+", "-", job.name)[:SLUG_LENGTH].strip("-.") or "run"
        return self.folder / "runs" / f"{slug}-{job.key[:8]}"

    def data_root(self, job: Job) -> Path:
        """The results of its run."""
        return self.run_folder(job) / "data"

    def add(self, planned: Iterable[tuple[str, Planned]]) -> list[Job]:
        """Adds what is new, by key; what is there stays, but for its priority and its retries. Returns all of them.

        A name that is taken by other settings is numbered.
        """
        with self.claims.door():
            there = {job.key: job for job in self.jobs()}
            names = {job.name: job.key for job in there.values()}
            jobs = []
            for key, one in planned:
                old = there.get(key)
                name = old.name if old else _free_name(one.name, names)
                names[name] = key
                added = old.added if old else time.time()
                job = Job(key, name, one.data, one.given, one.priority, one.retries, one.env, added, one.facts)
                if job != old:
                    _write(self._path("jobs", key), asdict(job))
                there[key] = job
                jobs.append(job)
        return jobs

    def set_budget(self, hours: float | None) -> None:
        """That all runs together may take; None: as long as they like."""
        _write(self.folder / BUDGET, {"hours": hours})

    def budget_s(self) -> float | None:
        """Seconds."""
        hours = (_read(self.folder / BUDGET) or {}).get("hours")
        return None if hours is None else hours * 3600

    def jobs(self) -> list[Job]:
        """The most urgent first, then as they came."""
        found = [Job(**values) for path in (self.folder / "jobs").glob("*.json") if (values := _read(path)) is not None]
        return sorted(found, key=lambda job: (-job.priority, job.added, job.name))

    def standings(self) -> list[Standing]:
        """All of them, as they stand."""
        return [self.standing(job) for job in self.jobs()]

    def standing(self, job: Job) -> Standing:
        """How one stands."""
        holder = self.claims.holder(job.key)  # first, as a claim is given back only when what came of it is written
        result = _read(self._path("results", job.key))
        if result is not None:
            return Standing(job, "finished", result=result)
        failures = self.failures(job)
        why = failures[-1]["why"] if failures else ""
        if (cancelled := _read(self._path("cancelled", job.key))) is not None:
            return Standing(job, "cancelled", cancelled["why"], len(failures), holder=holder)
        if holder is not None:
            return Standing(job, "running", why, len(failures), holder=holder)
        return Standing(job, "failed" if len(failures) > job.retries else "waiting", why, len(failures))

    def failures(self, job: Job) -> list[dict[str, Any]]:
        """status, why and seconds of each try that failed since the job was resumed, in order."""
        forgiven = (_read(self._path("resumed", job.key)) or {}).get("failures", 0)
        return [each for each in self._tries(job.key) if each["status"] == FAILED][forgiven:]

    def _tries(self, key: str) -> list[dict[str, Any]]:
        paths = sorted((self.folder / "tries" / key).glob("*.json"), key=lambda path: int(path.stem))
        return [each for path in paths if (each := _read(path)) is not None]

    def take(self, among: Iterable[str] | None = None) -> Job | None:
        """The most urgent job that waits, claimed for this process. among: keys; None: any."""
        wanted = None if among is None else set(among)
        with self.claims.door():
            for standing in self.standings():
                mine = wanted is None or standing.job.key in wanted
                if mine and standing.state == "waiting" and self.claims.take(standing.job.key):
                    return standing.job
        return None

    def note_try(self, job: Job, status: str, seconds: float, why: str = "") -> None:
        """One more has come to nothing; by whoever has claimed the job."""
        number = len(self._tries(job.key)) + 1
        _write(self.folder / "tries" / job.key / f"{number}.json", {"status": status, "why": why, "seconds": seconds})

    def finish(self, job: Job, result: Mapping[str, Any]) -> None:
        """What came of it."""
        _write(self._path("results", job.key), result)

    def cancel(self, job: Job, why: str) -> None:
        """Nobody is to begin it; who works on it ends it."""
        _write(self._path("cancelled", job.key), {"why": why})

    def is_cancelled(self, job: Job) -> bool:
        """Whether who works on it is to end it."""
        return self._path("cancelled", job.key).exists()

    def resume(self, job: Job) -> None:
        """What was cancelled, or has failed too often, waits again."""
        self._path("cancelled", job.key).unlink(missing_ok=True)
        failed = sum(each["status"] == FAILED for each in self._tries(job.key))
        _write(self._path("resumed", job.key), {"failures": failed})

    def spent_s(self) -> float:
        """Seconds that all runs took that are over; of one that was killed with its driver nobody knows."""
        places = (("tries", "*/*.json"), ("results", "*.json"))
        found = [_read(path) for name, pattern in places for path in (self.folder / name).glob(pattern)]
        return sum(float(each["seconds"]) for each in found if each is not None)

    def named(self, names: Iterable[str]) -> list[Job]:
        """By name. Raises InputError for one that there is not."""
        known = {job.name: job for job in self.jobs()}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(
                f"Expected names of experiments in {self.folder}, but there is no {listing(unknown)}; there are "
                f"{listing(known, 40)}."
            )
        return [known[name] for name in names]

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / kind / f"{key}.json"


def _free_name(name: str, taken: Mapping[str, str]) -> str:
    numbers = range(2, len(taken) + 3)
    return next(each for each in (name, *(f"{name}.{number}" for number in numbers)) if each not in taken)


def _write(path: Path, values: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(values, indent=1, sort_keys=True, default=str).encode())


def _read(path: Path) -> dict[str, Any] | None:
    """None where there is nothing. Raises InputError for what is no record."""
    if not path.is_file():
        return None
    try:
        values: dict[str, Any] = json.loads(read_file(path))
    except ValueError as error:
        raise InputError(f"Expected {path} to be as it was written, but it is damaged; remove it.") from error
    return values
