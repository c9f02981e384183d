"""What a queue of experiments costs, what two workers gain over one, and what a kill -9 of the driver loses.

    uv run python benchmarks/experiments.py --json experiments.json
    uv run python benchmarks/experiments.py --quick

The queue is the real one, and each experiment a process of its own that ends with its driver; in place of `kedro run`
the process computes for so many CPU-seconds and then writes what a run would. So the queue itself is measured, and
what it takes from the cores. `--real` makes smoke-sized runs of Kedro instead: CPU-minutes each.

overhead: seconds that a worker spends on an experiment beside waiting for its process: to find it, to claim it, to note
what came of it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.experiments.description import Planned
from docsort.experiments.driver import Driver
from docsort.experiments.places import Here
from docsort.experiments.queue import FAILED, FINISHED, STOPPED, Job, Queue
from docsort.experiments.running import LOG_FILE, POLL_S, Outcome, Stop
from docsort.stores import fingerprint
from docsort.work.programs import Program
from project import ROOT

SECONDS = 4.0
RESULTS = {
    "06_models/histories.csv": "epoch,train_loss,model,fold\n1,0.9,main,0\n",
    "06_models/ensemble/1/ensemble/ensemble.json": json.dumps({"members": [{}]}),
    "07_model_output/view_curve.csv": "name,forwards,chosen\nall,8,True\n",
}
REAL = {
    "members": {"probe": {"enabled": False}, "main": {"epochs": 1}},
    "specialists": {"groups": {"certificates": []}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="CPU-seconds of each, without --real")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive:
        drive(Queue(options.drive), options.work, options.real)
        return
    if options.quick:
        options.experiments, options.seconds, options.rounds = 3, 0.05, 1
    figures = measure(options.experiments, options.seconds, options.rounds, options.real)
    for row in figures["rounds"]:
        print(f"{row['workers']} workers: {row['wall_s']:.1f} s, overhead {row['overhead_s']:.3f} s an experiment")
    print(f"two workers are {figures['speed_up']:.2f} times as fast as one")
    print("killed: {kept} of {finished} kept, {again} made twice, {orphans} processes left".format(**figures["killed"]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure(count: int, seconds: float, rounds: int, real: bool) -> dict[str, Any]:
    """One and two workers in turns, on queues of their own; then a driver that is killed."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="docsort-") as temporary:
        for number in range(rounds):
            for workers in (1, 2):
                queue = fill(Path(temporary) / f"{number}-{workers}", count, seconds, real)
                rows.append(timed(queue, workers, real))
                shutil.rmtree(queue.folder)
        killed = kill(fill(Path(temporary) / "killed", count, seconds, real), real)
    walls = {workers: [row["wall_s"] for row in rows if row["workers"] == workers] for workers in (1, 2)}
    speed_up = sum(walls[1]) / sum(walls[2])
    return {"experiments": count, "seconds": seconds, "rounds": rows, "speed_up": speed_up, "killed": killed}


def fill(folder: Path, count: int, seconds: float, real: bool) -> Queue:
    queue = Queue(folder)
    changes: dict[str, Any] = {"layout": "sample", **REAL} if real else {"seconds": seconds}
    given = [{**changes, "seed": number} for number in range(count)]
    names = [f"experiment {number}" for number in range(count)]
    planned = [Planned(name, "sample", each, env="smoke") for name, each in zip(names, given, strict=True)]
    queue.add([(fingerprint(one.name), one) for one in planned])
    return queue


def timed(queue: Queue, workers: int, real: bool) -> dict[str, Any]:
    began = time.perf_counter()
    drive(queue, workers, real)
    wall, jobs = time.perf_counter() - began, len(queue.jobs())
    inside = queue.spent_s() / workers
    return {"workers": workers, "wall_s": wall, "inside_s": inside, "overhead_s": (wall - inside) * workers / jobs}


def drive(queue: Queue, workers: int, real: bool) -> None:
    Driver(queue, ROOT, Here(workers) if real else StandIn()).work(workers)
    left = [each for each in queue.standings() if each.state != "finished"]
    if left:
        sys.exit(f"{left[0].job.name} is {left[0].state}: {left[0].why}")


def kill(queue: Queue, real: bool) -> dict[str, Any]:
    """Kills a driver when a third has finished, and looks what the next one makes of it."""
    command = [sys.executable, __file__, "--drive", str(queue.folder), "--work", "2", *(["--real"] if real else [])]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    third = max(1, len(queue.jobs()) // 3)
    while len(results(queue)) < third and driver.poll() is None:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = results(queue)
    began = time.perf_counter()
    drive(queue, 2, real)
    after = results(queue)
    return {
        "finished": len(before),
        "kept": sum(after[name] == when for name, when in before.items()),
        "again": sum(begun_after(queue, job, before) for job in queue.jobs()),
        "all": len(after),
        "goes_on_s": time.perf_counter() - began,
        "orphans": left_over(queue.folder),
    }


def results(queue: Queue) -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in (queue.folder / "results").glob("*.json")}


def begun_after(queue: Queue, job: Job, before: dict[str, float]) -> bool:
    """Whether a run that had finished was begun once more."""
    finished = before.get(f"{job.key}.json")
    return finished is not None and (queue.run_folder(job) / LOG_FILE).stat().st_mtime > finished


def left_over(folder: Path) -> int:
    """Processes of the queue that still run."""
    import psutil

    mine = [each for each in psutil.process_iter(["pid", "cmdline"]) if str(folder) in str(each.info["cmdline"])]
    return sum(each.pid != os.getpid() for each in mine)


class StandIn:
    """Processes that compute, after which what the leaderboard reads of a run is there."""

    def run(self, queue: Queue, job: Job, project: Path, stop: Stop) -> Outcome:
        began = time.monotonic()
        computing = f"import time\nwhile time.process_time() < {job.given['seconds']}: pass"
        program = Program(["timeit", "-n", "1", "-r", "1", computing], ROOT, queue.run_folder(job) / LOG_FILE, {})
        queue.claims.note_run(job.key, program.name)
        while (status := program.wait(POLL_S)) is None:
            if (why := stop()) is not None:
                program.end()
                return Outcome(STOPPED, time.monotonic() - began, why)
        outcome = Outcome(FAILED if status else FINISHED, time.monotonic() - began)
        write_results(queue.data_root(job))
        return outcome


def write_results(root: Path, forecast: float = 0.8, true: float | None = None) -> None:
    """What the leaderboard reads of a run."""
    block = {"macro_f1": forecast, "interval": [forecast - 0.02, forecast + 0.02]}
    validation = {"forecast": block, "one_model": {"clean": block, "test_like": block}}
    test = {} if true is None else {"test": {"macro_f1": true}}
    scores = {"08_reporting/scores.json": json.dumps({"validation": validation, **test})}
    for name, text in (RESULTS | scores).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "05_model_input").mkdir(exist_ok=True)
    pd.DataFrame({"render_id": ["a"]}).to_parquet(root / "05_model_input/training_renders.parquet")


if __name__ == "__main__":
    main()
