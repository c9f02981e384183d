"""Real runs on a queue whose driver is killed between them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from kedro_command import ROOT

from docsort.experiments.description import expand, merged, read_description
from docsort.experiments.queue import Queue
from docsort.experiments.space import corners, read_space
from docsort.hooks.project_settings import Project

FILE = """
folder: {folder}
env: smoke
parameters: {{members.probe.enabled: false, specialists.groups: {{}}, members.main.epochs: 1}}
experiments:
  plain: {{}}
  smoother: {{parameters: {{members.main.label_smoothing: 0.1}}}}
"""
LIMIT_S = 1800


def docsort(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from docsort.commands.main import docsort; docsort()", *arguments]


def finished(queue: Queue) -> dict[str, float]:
    """When what has finished did, by name."""
    done = [each.job for each in queue.standings() if each.state == "finished"] if queue.exists() else []
    return {job.name: (queue.folder / "results" / f"{job.key}.json").stat().st_mtime for job in done}


def records(queue: Queue) -> dict[str, float]:
    """When each member was finished that the runs share, by key."""
    found = (queue.stores / "06_models" / "checkpoints").glob("*/complete.json")
    return {path.parent.name: path.stat().st_mtime for path in found}


@pytest.mark.slow
def test_a_queue_whose_driver_is_killed_goes_on_and_makes_nothing_twice(tmp_path: Path) -> None:
    file, queue = tmp_path / "two.yml", Queue(tmp_path / "queue")
    file.write_text(FILE.format(folder=queue.folder))
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    command = docsort("experiments", "run", str(file))
    with (tmp_path / "driver.log").open("w") as log:
        driver = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + LIMIT_S
    known: dict[str, float] = {}
    while not (known and len(records(queue)) > len(known)):  # one has finished, and the next has trained a member
        assert driver.poll() is None, (tmp_path / "driver.log").read_text()
        assert time.monotonic() < deadline
        known = known or (records(queue) if finished(queue) else {})
        time.sleep(0.1)
    (run,) = psutil.Process(driver.pid).children()
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before, trained = finished(queue), records(queue)
    psutil.wait_procs([run], timeout=60)
    assert not run.is_running()

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: when for name, when in finished(queue).items() if name in before} == before
    assert {key: when for key, when in records(queue).items() if key in trained} == trained
    assert set(finished(queue)) == {"plain", "smoother"}

    named = ["--queue", str(queue.folder)]
    told = subprocess.run(docsort("experiments", "leaderboard", *named), capture_output=True, text=True, check=True)
    assert "Take “" in told.stdout
    rows = json.loads((queue.folder / "leaderboard.json").read_text())["rows"]
    assert {row["experiment"] for row in rows} == {"plain", "smoother"}
    assert all(row["true"] == pytest.approx(row["forecast"] - row["difference"]) for row in rows)
    to = tmp_path / "submission.csv"
    subprocess.run(docsort("experiments", "submit", "best", *named, "--to", str(to)), capture_output=True, check=True)
    submissions = [queue.data_root(job) / "07_model_output/submission.csv" for job in queue.jobs()]
    assert to.read_bytes() in {path.read_bytes() for path in submissions}
    assert list(pd.read_csv(to).columns) == ["ID", "target"]


@pytest.mark.slow
def test_the_project_takes_every_parameter_of_the_examples_in_the_documentation(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/experiment_queue.md").read_text(), re.DOTALL)
    files = [tmp_path / "many.yml", tmp_path / "space.yml"]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block)
    project = Project(ROOT)
    described = expand(read_description(files[0]))
    assert len(described) == 2 + 4 + 2
    for one in described:
        project.settings(one.given)
    space = read_space(files[1])
    for changes in corners(space.space):
        project.settings(merged([space.parameters, changes, space.data.as_parameters()]))
