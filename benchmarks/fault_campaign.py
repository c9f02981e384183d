"""A campaign of faults: the unbroken run of every stage, cases that begin in its middle, and what came of them."""

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from end_state import State, differences, left_over, read_state
from watched_run import Ended, WatchedRun

from project import QUICK_ENV

STAGES = ("ingestion", "cleaning", "augmentation", "training", "specialists", "ensembling", "reporting")
PAGE = 4096
ROOMY = "4g"


@dataclass(frozen=True)
class Outcome:
    """One case. right: whether the broken run ended as it should; running: runs that MLflow takes for under way."""

    fault: str
    stage: str
    detail: str
    right: bool
    codes: list[int]
    seconds: list[float]
    sentence: str
    raw: bool
    hung: bool
    silent: bool
    left: int
    running: int
    differences: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.differences

    @property
    def held(self) -> bool:
        amiss = self.raw or self.hung or self.silent or self.left or self.running
        return self.right and self.equal and not amiss


class Campaign:
    """The unbroken run up to the last of the stages that are to be `broken`, and cases that begin in its middle.

    Everything lies below `work`, the live run in `data`: each case at the same place, for paths stand in tables.
    """

    def __init__(self, work: Path, broken: Sequence[str], params: str, seed: int, tracked: bool) -> None:
        self.work, self.tracked = work, tracked
        self.stages = STAGES[: 1 + max(STAGES.index(stage) for stage in broken)]
        self.broken = tuple(stage for stage in self.stages if stage in broken)
        self.live, self.database, self.logs = work / "data", work / "mlflow.db", work / "logs"
        self.params = f"{params},data_root={self.live}"
        self.rng = random.Random(seed)
        self.states: dict[str, State] = {}
        self.unbroken: dict[str, Ended] = {}
        self._runs: list[WatchedRun] = []
        for folder in (self.live, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Runs every stage unbroken and keeps what it left."""
        if self.tracked:
            from mlflow.tracking import MlflowClient

            template = self.work / "empty.db"
            template.unlink(missing_ok=True)
            # Their artifacts stay below `work` too, not in the project's own folder.
            MlflowClient(f"sqlite:///{template}").create_experiment("docsort", (self.work / "artifacts").as_uri())
        empty(self.live)
        for stage in self.stages:
            ended = self.start([stage]).finish(3600)
            if ended.code:
                sys.exit(f"The unbroken run failed in {stage}:\n{ended.output[-3000:]}")
            self.unbroken[stage] = ended
            self.states[stage] = read_state(self.live)
            shutil.rmtree(self._after(stage), ignore_errors=True)
            shutil.copytree(self.live, self._after(stage))

    def restore(self, stage: str) -> None:
        """The live folder as it is before the stage, and a tracking database without runs."""
        empty(self.live)
        place = self.stages.index(stage)
        if place:
            shutil.copytree(self._after(self.stages[place - 1]), self.live, dirs_exist_ok=True)
        if self.tracked:
            shutil.copy(self.work / "empty.db", self.database)

    def start(
        self, stages: Sequence[str], params: str = "", options: Sequence[str] = (), **environment: str
    ) -> WatchedRun:
        """`kedro run` of these stages in the live folder."""
        tracking = (
            {"MLFLOW_TRACKING_URI": f"sqlite:///{self.database}"} if self.tracked else {"DOCSORT_TRACKING": "off"}
        )
        log = self.logs / f"{1 + len(self._runs):03}_{stages[-1]}.log"
        given = ",".join(part for part in (self.params, params) if part)
        self._runs.append(WatchedRun(log, stages, given, QUICK_ENV, {**tracking, **environment}, options))
        return self._runs[-1]

    def stop(self) -> None:
        """Ends what is still under way, where the campaign itself is ended."""
        for run in self._runs:
            if run.is_under_way():
                run.end()

    def limit(self, stage: str) -> float:
        """Seconds after which a run of the stage counts as hanging."""
        return 60 + 10 * self.unbroken[stage].seconds

    def some_moment(self, stage: str) -> tuple[str, float]:
        """A node, the long ones more often, and seconds after its begin; before its end, as far as that can be told."""
        nodes = self.unbroken[stage].nodes
        (node,) = self.rng.choices(list(nodes), [0.3 + seconds for seconds in nodes.values()])
        return node, self.rng.uniform(0, 0.7 * nodes[node])

    def reach(self, run: WatchedRun, stage: str) -> str:
        """Waits for some moment of the stage; the moment in words."""
        node, seconds = self.some_moment(stage)
        begun = run.wait_for(node, self.limit(stage))
        time.sleep(seconds if begun else 0)
        return f"{node} +{seconds:.1f} s" if begun else f"before {node}"

    def growth(self, stage: str) -> int:
        """Bytes on disk that the stage adds."""
        place = self.stages.index(stage)
        before = size_of(self._after(self.stages[place - 1])) if place else 0
        return size_of(self._after(stage)) - before

    def unfinished_runs(self) -> int:
        """Runs that MLflow takes for under way."""
        if not self.tracked:
            return 0
        with sqlite3.connect(self.database) as connection:
            return int(connection.execute("SELECT COUNT(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0])

    def judge(
        self,
        fault: str,
        stage: str,
        detail: str,
        first: Ended,
        right: bool,
        again: Sequence[str] | None = None,
        options: Sequence[str] = (),
        lost: str = "",
    ) -> Outcome:
        """What came of the broken run, and of the same command after it, unless the first came to the same end.

        again: the stages of that, if others; options: what is added to it; lost: a file that the broken run, which
        may not need it, need not bring back.
        """
        runs, found = [first], differences(self.states[stage], read_state(self.live))
        silent = first.code == 0 and found not in ([], [f"missing: {lost}"])
        if first.code or found:
            runs.append(self.start(again or [stage], options=options).finish(self.limit(stage)))
            found = differences(self.states[stage], read_state(self.live))
            silent |= runs[-1].code == 0 and bool(found)
        return self.outcome(fault, stage, detail, runs, right and runs[-1].code == 0, found, silent)

    def outcome(
        self, fault: str, stage: str, detail: str, runs: Sequence[Ended], right: bool, found: list[str], silent: bool
    ) -> Outcome:
        """found: what differs in the end; silent: though a run said that all was well."""
        return Outcome(
            fault,
            stage,
            detail,
            right,
            [run.code for run in runs],
            [round(run.seconds, 1) for run in runs],
            next((run.sentence for run in runs if run.sentence), ""),
            any(run.is_raw for run in runs),
            any(run.hung for run in runs),
            silent,
            sum(run.left for run in runs),
            self.unfinished_runs(),
            found[:20],
            left_over(self.live),
        )

    def _after(self, stage: str) -> Path:
        return self.work / "after" / stage


def refused(ended: Ended) -> bool:
    """Whether it ended with 1 and a sentence."""
    return ended.code == 1 and bool(ended.sentence) and not ended.is_raw


def empty(folder: Path) -> None:
    """Removes what lies in the folder, not the folder, which may be a mount."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def size_of(folder: Path) -> int:
    """Bytes on disk."""
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in folder.rglob("*") if path.is_file())


def may_mount() -> bool:
    """Whether a file system in memory can be mounted here."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """The folder as a file system of its own, in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """Changes its size, or whether it may be written."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
