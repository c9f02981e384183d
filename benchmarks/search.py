"""Is a search better than a grid of the same cost, and is the figure told after it true?

    uv run python benchmarks/search.py [--data NAME=FOLDER:KEY …] [--seeds 0 1] [--data-root FOLDER] [--json FILE]
    uv run python benchmarks/search.py --quick

A small network on small pages, trained briefly, whose learning rate and label smoothing are searched for. The grid has
six points, all made to the end. The search goes on until it has taken as many seconds, and ends trials that are behind.
Of both the run with the best forecast is chosen and judged again with another seed, as `docsort search` does.

- chosen: the forecast by which it was chosen. judged: the forecast with other folds and damage.
- true: the test score of the run that was chosen, and of the one that was judged.
- folds: how many networks were trained for the choice, the cost that no other work on the machine changes.

A data set is a folder in the layout of a competition and its answer key; without one the sample is drawn. What is
finished below --data-root is only read. --quick puts runs in the place of the project that write what a score with one
best point would, to see that it runs; its figures mean little.
"""

import argparse
import json
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

from docsort.experiments.description import Changes, DataSet
from docsort.experiments.driver import Driver
from docsort.experiments.places import Here, Place
from docsort.experiments.queue import FINISHED, STOPPED, Job, Queue, Standing
from docsort.experiments.running import Outcome, Stop
from docsort.experiments.search import Search
from docsort.experiments.space import Dimension, SearchParameters
from docsort.experiments.verdict import JUDGED
from docsort.hooks.project_settings import Project
from docsort.seeding import derive_rng
from experiments import write_results
from project import ROOT, draw_sample

RATE, SMOOTHING = "members.main.learning_rate.pretrained", "members.main.label_smoothing"
RATES, SMOOTHINGS = (2e-4, 2e-3, 2e-2), (0.0, 0.1)
SPACE = {
    RATE: Dimension(real=(RATES[0], RATES[-1]), log=True),
    SMOOTHING: Dimension(real=(SMOOTHINGS[0], SMOOTHINGS[-1])),
}
SMALL: Changes = {
    "image_size": 64,
    "augmentation": {"per_class": 15},
    "members": {
        "kernel": {"enabled": False},
        "probe": {"enabled": False},
        "main": {"epochs": 2, "backbone": "tf_efficientnet_lite0", "pretrained": "package"},
    },
    "specialists": {"groups": {"certificates": []}},
    "reporting": {"explained_pages": 0, "projected_pages": 0},
}
MOST_TRIALS, STARTUP_TRIALS = 40, 4
QUICK_POINTS = 3
JUDGE_SEED = 1000
GRID, SEARCH, GIVEN = "grid", "search", "given"
HISTORIES = "06_models/fold_*_history.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=FOLDER:KEY")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--scale", type=float, default=0.3, help="of the sample")
    parser.add_argument("--data-root", type=Path, default=ROOT / "data/search")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory(prefix="docsort-") as temporary:
            rows = measure({"stand-in": DataSet(layout="sample")}, [0], Path(temporary), StandIn(), QUICK_POINTS)
    else:
        root = options.data_root.resolve()
        rows = measure(data_sets(options.data, options.scale, root), options.seeds, root, Here(1))
    for row in rows:
        print(
            "{data:8} seed {seed} {way:6} {finished} finished, {ended} ended early, {folds} folds, {seconds:.0f} s, "
            "chosen {chosen:.3f} true {chosen_true:.3f}, judged {judged:.3f} true {judged_true:.3f}".format(**row)
        )
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


def data_sets(given: list[str], scale: float, root: Path) -> dict[str, DataSet]:
    if not given:
        sample = draw_sample(scale, 0, root / f"sample_{scale:g}", None)
        given = [f"sample={sample}:{sample / 'answer_key/test_truth.csv'}"]
    found = {}
    for each in given:
        name, _, paths = each.partition("=")
        folder, _, key = paths.partition(":")
        found[name] = DataSet(layout="competition", raw_dir=folder, answer_key=key)
    return found


def measure(
    data: dict[str, DataSet], seeds: list[int], root: Path, place: Place, points: int | None = None
) -> list[dict[str, Any]]:
    """points: of the grid; None: all."""
    rows = []
    for name, one in data.items():
        for seed in seeds:
            search = searching(one, seed, root / f"{name}_{seed}", place)
            search.finished(search.job(GIVEN, {}))  # what all share is made now and costs neither way
            by_grid(search, points)
            by_search(search)
            rows += [{"data": name, "seed": seed, **judged(search, way)} for way in (GRID, SEARCH)]
    return rows


def searching(data: DataSet, seed: int, folder: Path, place: Place) -> Search:
    """A search that has made nothing yet."""
    described = SearchParameters(
        name=SEARCH,
        data=data,
        parameters={**SMALL, "seed": seed},
        space=SPACE,
        trials=MOST_TRIALS,
        startup_trials=STARTUP_TRIALS,
        seed=seed,
    )
    queue = Queue(folder)
    return Search(described, queue, Project(ROOT, None), Driver(queue, ROOT, place))


def by_grid(search: Search, points: int | None) -> None:
    """Makes so many points, or all."""
    grid = [{RATE: rate, SMOOTHING: smoothing} for rate in RATES for smoothing in SMOOTHINGS][:points]
    jobs = [search.job(f"{GRID}/{number}", point) for number, point in enumerate(grid)]
    search.driver.work(1, [job.key for job in jobs])


def by_search(search: Search) -> None:
    """Goes on until it has cost what the grid has, unless it has done so before."""
    queue = search.queue
    if any(job.name == f"{SEARCH}/{JUDGED}" for job in queue.jobs()):
        return
    cost = {way: sum(seconds_of(queue, each) for each in made_by(queue, way)) for way in (GRID, SEARCH)}
    queue.set_budget((queue.spent_s() + cost[GRID] - cost[SEARCH]) / 3600)
    search.run(1)
    queue.set_budget(None)


def made_by(queue: Queue, way: str) -> list[Standing]:
    """Without the run that judges the best."""
    own = (each for each in queue.standings() if each.job.name.startswith(f"{way}/"))
    return [each for each in own if each.job.name != f"{way}/{JUDGED}"]


def judged(search: Search, way: str) -> dict[str, Any]:
    """The best of a way, and what it comes to with another seed."""
    made = made_by(search.queue, way)
    finished = [each for each in made if each.state == "finished"]
    best = max(finished, key=lambda each: float(each.result["forecast"]))
    main = best.job.given["members"]["main"]
    changes = {RATE: main["learning_rate"]["pretrained"], SMOOTHING: main["label_smoothing"]}
    again = search.finished(search.job(f"{way}/{JUDGED}", changes, JUDGE_SEED + search.described.seed))
    return {
        "way": way,
        "finished": len(finished),
        "ended": sum(each.state == "cancelled" for each in made),
        "seconds": sum(seconds_of(search.queue, each) for each in made),
        "folds": sum(len(list(search.queue.data_root(each.job).glob(HISTORIES))) for each in made),
        **changes,
        **{f"chosen{end}": best.result[name] for end, name in (("", "forecast"), ("_true", "true"))},
        **{f"judged{end}": again.result[name] for end, name in (("", "forecast"), ("_true", "true"))},
        "mean_forecast": statistics.mean(float(each.result["forecast"]) for each in finished),
    }


def seconds_of(queue: Queue, standing: Standing) -> float:
    if standing.state == "finished":
        return float(standing.result["seconds"])
    return sum(
        float(json.loads(path.read_text())["seconds"])
        for path in (queue.folder / "tries" / standing.job.key).glob("*.json")
    )


class StandIn:
    """Writes what a run would whose score falls from one best point on, with luck of its seed."""

    def run(self, queue: Queue, job: Job, project: Path, stop: Stop) -> Outcome:
        main = {"learning_rate": {"pretrained": RATES[0]}, "label_smoothing": 0, **job.given["members"]["main"]}
        away = math.log10(main["learning_rate"]["pretrained"] / 1e-3), (main["label_smoothing"] - 0.05) / 0.2
        true = 0.9 - 0.1 * sum(each**2 for each in away)
        lucky = true + float(derive_rng(job.given["seed"], *map(str, away)).normal(0, 0.01))
        root = queue.data_root(job)
        for fold in range(2):
            history = root / HISTORIES.replace("*", str(fold))
            history.parent.mkdir(parents=True, exist_ok=True)
            history.write_text(f"model,test_like_macro_f1\nmain,{lucky}\n")
            if (why := stop()) is not None:
                return Outcome(STOPPED, 2.0, why)
        write_results(root, lucky, true)
        return Outcome(FINISHED, 5.0)


if __name__ == "__main__":
    main()
