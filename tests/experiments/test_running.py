"""A run in a process of its own: what it is given, how it ends, and what is told of it."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from docsort.experiments.description import Planned
from docsort.experiments.places import Here
from docsort.experiments.queue import Job, Queue
from docsort.experiments.running import LOG_FILE, RUN_FILE, Outcome, run_job
from docsort.stores import fingerprint

KEDRO = """
import json, os, sys, time, yaml
assert sys.argv[1:3] == ["run", "--config"]
options = yaml.safe_load(open(sys.argv[3]))["run"]
seen = {name: os.environ.get(name) for name in ("MLFLOW_RUN_NAME", "DOCSORT_WORKERS", "CUDA_VISIBLE_DEVICES")}
print(json.dumps({"options": options, "env": seen}), flush=True)
match options["params"].get("preset"):
    case "refused":
        sys.exit("Error: Expected a photo,\\n  but got none.")
    case "broken":
        raise ZeroDivisionError("by zero")
    case "killed":
        os.kill(os.getpid(), 9)
    case "hangs":
        time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder in which `python -m kedro` is a program that takes no time."""
    (tmp_path / "kedro.py").write_text(KEDRO)
    return tmp_path


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue")


def add(queue: Queue, preset: str = "quick", **changes: Any) -> Job:
    name = f"a/{preset}"
    given = {"preset": preset, "members": {"main": {"epochs": 2}}}
    (job,) = queue.add([(fingerprint(name), Planned(name, "sample", given, **changes))])
    return job


def run(queue: Queue, job: Job, project: Path, why: str | None = None) -> Outcome:
    return run_job(queue, job, project, lambda: why, {"DOCSORT_WORKERS": "3"})


def told(queue: Queue, job: Job) -> dict[str, Any]:
    log = queue.run_folder(job) / LOG_FILE
    found: dict[str, Any] = json.loads(log.read_text().splitlines()[0])
    return found


def test_a_run_gets_its_parameters_its_folders_and_its_name(project: Path, queue: Queue) -> None:
    job = add(queue, env="smoke")
    assert run(queue, job, project).status == "finished"
    found = told(queue, job)
    assert found["env"]["MLFLOW_RUN_NAME"] == "a/quick"
    assert found["env"]["DOCSORT_WORKERS"] == "3"
    assert found["options"] == {
        "env": "smoke",
        "params": {
            "preset": "quick",
            "members": {"main": {"epochs": 2}},
            "data_root": str(queue.data_root(job)),
            "store_root": str(queue.folder / "stores"),
        },
    }
    assert (queue.run_folder(job) / RUN_FILE).is_file()


@pytest.mark.parametrize(
    ("preset", "why"),
    [
        ("refused", "Expected a photo, but got none."),
        ("broken", "It ended with status 1: ZeroDivisionError: by zero (see "),
        ("killed", "It was ended by signal 9, as when memory ran out; see "),
    ],
)
def test_why_a_run_failed_is_one_sentence(project: Path, queue: Queue, preset: str, why: str) -> None:
    outcome = run(queue, add(queue, preset), project)
    assert outcome.status == "failed"
    assert outcome.why.startswith(why)
    assert "\n" not in outcome.why


def test_a_run_that_is_not_wanted_any_more_is_ended(project: Path, queue: Queue) -> None:
    outcome = run(queue, add(queue, "hangs"), project, why="it was cancelled")
    assert (outcome.status, outcome.why) == ("stopped", "it was cancelled")
    assert outcome.seconds < 600


def test_runs_side_by_side_share_out_the_cores_and_the_named_gpus(
    project: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    place, seen = Here(2), []
    for preset in ("one", "two"):
        job = add(queue, preset)
        place.run(queue, job, project, lambda: None)
        seen.append(told(queue, job)["env"])
    assert [each["DOCSORT_WORKERS"] for each in seen] == ["4", "4"]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in seen] == ["0,2", "1"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")  # its import comes after our settings
def test_on_ray_a_run_is_made_and_failed_and_ended_as_it_is_here(
    project: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docsort.experiments.on_ray import OnRay

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2] / "src"), *sys.path]))
    place = OnRay(1)
    try:
        finished, refused, ended = (add(queue, preset) for preset in ("quick", "refused", "hangs"))
        assert place.run(queue, finished, project, lambda: None).status == "finished"
        assert int(told(queue, finished)["env"]["DOCSORT_WORKERS"]) >= 1
        assert place.run(queue, refused, project, lambda: None).why == "Expected a photo, but got none."
        asked: list[None] = []
        stopped = place.run(queue, ended, project, lambda: asked.append(None) or ("stop" if len(asked) > 8 else None))
        assert (stopped.status, stopped.why) == ("stopped", "stop")
    finally:
        sys.modules["ray"].shutdown()
