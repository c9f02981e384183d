"""Runs that take no time: what a real one would leave for the queue to read."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from docsort.errors import InputError
from docsort.experiments.description import Planned
from docsort.experiments.queue import FAILED, FINISHED, STOPPED, Job, Queue
from docsort.experiments.running import Outcome, Stop
from docsort.stores import fingerprint

CLASSES, SOURCES, FOLDS = 4, 80, 3


def planned(name: str, **changes: Any) -> tuple[str, Planned]:
    """As it is planned, its key being of its name."""
    facts = {"backbone": "lcnet_035", "size": 48, "loss": "cross_entropy"}
    return fingerprint(name), Planned(name, "sample", {"layout": "sample"}, **{"facts": facts, **changes})


def votes(right: float, seed: int = 0, sources: int = SOURCES) -> pd.DataFrame:
    """`oof_votes`: test-like pages of which this share is answered right, two of each source."""
    rng = np.random.default_rng([seed, round(right * 1000)])
    pages = pd.DataFrame(
        [
            {"image_id": f"{source:03}", "copy": copy, "label": source % CLASSES}
            for source in range(sources)
            for copy in (0, 1)
        ]
    )
    labels = pages["label"].to_numpy()
    answers = np.where(rng.random(len(pages)) < right, labels, (labels + 1) % CLASSES)
    chances = np.full((len(pages), CLASSES), 0.1)
    chances[np.arange(len(pages)), answers] = 0.7
    columns = pd.DataFrame(chances, columns=[f"p_{target}" for target in range(CLASSES)])
    return pd.concat([pages.assign(group=pages["image_id"], condition="test_like"), columns], axis=1)


def write_results(root: Path, score: float, passes: float = 5.0, true: float | None = None, seed: int = 0) -> None:
    """What the leaderboard reads of a run."""
    block = {"macro_f1": score, "interval": [score - 0.02, score + 0.02]}
    validation = {"forecast": block, "one_model": {"clean": {"macro_f1": score + 0.01}, "test_like": block}}
    test = {} if true is None else {"test": {"macro_f1": true}}
    texts = {
        "08_reporting/scores.json": json.dumps({"validation": validation, **test}),
        "06_models/histories.csv": "epoch,train_loss,model,fold\n1,0.9,main,0\n2,0.5,main,0\n",
        "06_models/ensemble/2026/ensemble/ensemble.json": json.dumps({"members": [{}] * 5}),
        "07_model_output/view_curve.csv": f"name,forwards,chosen\nall,8,False\nfirst 1,{passes / 5},True\n",
        "07_model_output/submission.csv": f"ID,target\na.jpg,{round(score * 100)}\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "05_model_input").mkdir()
    pd.DataFrame({"render_id": ["a", "a", "b"]}).to_parquet(root / "05_model_input/training_renders.parquet")
    votes(score, seed).to_parquet(root / "07_model_output/oof_votes.parquet")


class TinyProject:
    """Takes every parameter but a negative number of epochs, of which it has 2."""

    def __init__(self, root: Path = Path(), env: str | None = None) -> None:
        self.root = root

    def settings(self, given: dict[str, Any]) -> SimpleNamespace:
        main = given.get("members", {}).get("main", {})
        if main.get("epochs", 2) < 0:
            raise InputError("Expected `members.main.epochs` to be a whole number of at least 0.")
        source = {"layout": "sample", "raw_dir": None, "answer_key": None}
        members = {"main": {"epochs": 2, **main}}
        parameters = {**given, "members": members, "source": source, "cross_validation": {"folds": FOLDS}}
        return SimpleNamespace(parameters=parameters, ledgers=())


class TinyPlace:
    """Makes runs in this process. score: of a job; fails: how often a job of this name fails; polls: how often a run
    asks whether it is to end, before it has finished."""

    def __init__(
        self,
        score: Callable[[Job], float] = lambda job: 0.8,
        fails: Mapping[str, int] | None = None,
        polls: int = 1,
        while_running: Callable[..., object] = lambda root, job: None,
    ) -> None:
        self.score, self.fails, self.polls, self.while_running = score, dict(fails or {}), polls, while_running
        self.begun: list[str] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def run(self, queue: Queue, job: Job, project: Path, stop: Stop) -> Outcome:
        with self._lock:
            self.begun.append(job.name)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return self._run(queue, job, stop)
        finally:
            with self._lock:
                self._now -= 1

    def _run(self, queue: Queue, job: Job, stop: Stop) -> Outcome:
        self.while_running(queue.data_root(job), job)
        for _ in range(self.polls):
            if (why := stop()) is not None:
                return Outcome(STOPPED, 1.0, why)
            time.sleep(0.002)
        if self.fails.get(job.name, 0) >= self.begun.count(job.name):
            return Outcome(FAILED, 2.0, f"{job.name} has no memory.")
        if not queue.data_root(job).exists() or not (queue.data_root(job) / "08_reporting").exists():
            write_results(queue.data_root(job), self.score(job))
        return Outcome(FINISHED, 10.0)
