"""What a task costs beyond its own work, on workers of this machine and on Ray, started on this machine or joined.

    uv run python benchmarks/executors.py [--tasks N] [--rounds N] [--cluster HOST:PORT] [--json FILE] [--quick]

Tiny tasks do nothing: one after the other, each waited for, and many at once by `map`. The training is of a small
network from scratch, as the plan of a run measures it; its worker has trained before. Rounds alternate between the
executors, so that what else runs on the machine hits both. `start` is from nothing to the first result.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from docsort.work.local import LocalExecutor
from docsort.work.pool_executor import PoolExecutor
from docsort.work.ray import RayExecutor

Row = dict[str, float]
Job = tuple[Callable[..., object], tuple[Any, ...]]


def training() -> Job:
    """Some steps of a small network on pages of 128 pixels."""
    from docsort.training.parameters import TrainingParameters
    from docsort.training.speed import learn_a_little

    fitting = {"learning_rate": {"scratch": 0.003, "pretrained": 0.001}, "epochs": 1, "patience": 1, "batch_size": 64}
    network = {"backbone": "lcnet_035", "pretrained": False, "image_size": 128, "device": "cpu"}
    return learn_a_little, (TrainingParameters.model_validate({**network, **fitting}), "cpu")


def counting() -> Job:
    """Stands for a training where it only has to run."""
    return sum, (range(10**6),)


def round_of(work: PoolExecutor, long: Job, tasks: int) -> Row:
    """Milliseconds of a tiny task, and seconds of a training."""
    times = [time.perf_counter()]
    for number in range(tasks):
        work.submit(abs, -number).result()
    times.append(time.perf_counter())
    for _ in work.map(abs, [(-number,) for number in range(tasks)]):
        pass
    times.append(time.perf_counter())
    function, args = long
    work.submit(function, *args).result()
    times.append(time.perf_counter())
    one_by_one, at_once, trained = (end - start for start, end in pairwise(times))
    return {
        "one_by_one_ms": 1000 * one_by_one / tasks,
        "at_once_ms": 1000 * at_once / tasks,
        "training_s": trained,
    }


def measure(executors: dict[str, PoolExecutor], long: Job, tasks: int, rounds: int) -> dict[str, Any]:
    """Figures by executor: each round, and the median of all."""
    figures: dict[str, Any] = {}
    for name, work in executors.items():
        start = time.perf_counter()
        work.submit(abs, -1).result()
        figures[name] = {"start_s": time.perf_counter() - start, "rounds": []}
        list(work.map(abs, [(-1,)] * 4 * work.workers))
        list(work.map(long[0], [long[1]] * 2 * work.workers))
    for number in range(rounds):
        for name, work in executors.items():
            figures[name]["rounds"].append(row := round_of(work, long, tasks))
            print(
                f"round {number + 1}, {name}: " + ", ".join(f"{key} {value:.3g}" for key, value in row.items()),
                flush=True,
            )
    for found in figures.values():
        found["median"] = {key: statistics.median(row[key] for row in found["rounds"]) for key in found["rounds"][0]}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=500, help="tiny ones, of each kind")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cluster", help="address of the head node; without it Ray is started here")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a few tasks, to see that it runs")
    options = parser.parse_args()
    long, tasks, rounds = (counting(), 5, 1) if options.quick else (training(), options.tasks, options.rounds)
    executors: dict[str, PoolExecutor] = {"local": LocalExecutor(), "ray": RayExecutor(options.cluster)}
    try:
        figures = measure(executors, long, tasks, rounds)
    finally:
        for work in executors.values():
            work.stop()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
