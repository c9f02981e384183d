"""Does validation predict the test? Runs the whole pipeline once a seed and puts forecast and true test side by side.

    uv run python benchmarks/forecast.py --seeds 0 1 2 --params "sample.scale=1.0"
    uv run python benchmarks/forecast.py --params "raw_dir=../photos,layout=competition,answer_key=truth.csv"
    uv run python benchmarks/forecast.py --relabel 0 0.02 0.05 0.1 --trials 5 [--renders-only]
    uv run python benchmarks/forecast.py --quick

Needs an answer key: the sample has one. Each run goes to its own folder below --data-root and is tracked there, apart
from the project's own runs; a run that is already there is only read. --relabel makes shares of the labels wrong and
lets the kernel member, which is cheap, learn each version; with --renders-only nothing else is trained, and no run has
a forecast of its own. --quick takes one seed, a folder of its own and the environment `smoke`, to see that it runs; its
figures mean little.
"""

import argparse
import json
import logging
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import relabelled

from docsort.folds import FOLD_COUNT
from docsort.work.executor import stop_work
from project import QUICK_ENV, QUICK_ROOT, ROOT, open_project, run_project

COLUMNS = (
    *("seed", "clean", "one model", "gain", "shift", "noise", "share", "given", "forecast", "low", "high", "test"),
    *("gap", "inside", "auc", "seconds"),
)
TRIAL = ("told", "given", "true", "gap", "gap given", "inside", "share told")


def run_seed(seed: int, parameters: str, env: str | None, data_root: Path) -> dict[str, Any]:
    """The figures of one run, COLUMNS."""
    scores_file = data_root / "08_reporting/scores.json"
    began = time.monotonic()
    if not scores_file.is_file():
        run_project(data_root, ",".join(part for part in (parameters, f"seed={seed}") if part), env)
    scores = json.loads(scores_file.read_text())
    if "test" not in scores:
        sys.exit("Expected an answer key to compare with, but the run has none; give answer_key=FILE in --params.")
    forecast, test = scores["validation"]["test_like"], scores["test"]["macro_f1"]
    terms = scores["validation"]["forecast"]["terms"]
    damage = json.loads(max((data_root / "03_primary/fitted_damage.json").glob("*/*.json")).read_text())
    return {
        "seed": seed,
        "clean": scores["validation"]["one_model"]["clean"]["macro_f1"],
        "one model": scores["validation"]["one_model"]["test_like"]["macro_f1"],
        "gain": terms["mean_gain"]["value"],
        "shift": terms["test_shift"]["value"],
        "noise": terms["label_noise"]["value"],
        "share": terms["label_noise"]["share"]["value"],
        "given": scores["validation"]["forecast"]["given"]["macro_f1"],
        "forecast": forecast["macro_f1"],
        "low": forecast["interval"][0],
        "high": forecast["interval"][1],
        "test": test,
        "gap": scores["gap"],
        "inside": forecast["interval"][0] <= test <= forecast["interval"][1],
        "auc": damage["auc"],
        "seconds": round(time.monotonic() - began),
    }


def render_seed(seed: int, parameters: str, env: str | None, data_root: Path) -> None:
    """A run as far as its renders."""
    if not (data_root / "05_model_input/leak_report.json").exists():
        given = ",".join(part for part in (parameters, f"seed={seed}") if part)
        run_project(data_root, given, env, "--pipelines", "ingestion,cleaning,augmentation")


def relabel(
    root: Path, parameters: str, env: str | None, shares: list[float], trials: int, draws: int
) -> list[dict[str, Any]]:
    """The mean of the trials of each share and kind, on one run."""
    found, given = [], ",".join(part for part in (parameters, f"data_root={root}") if part)
    run = relabelled.Run.read(open_project(given, env).catalog.load)
    logging.getLogger("docsort").setLevel(logging.WARNING)  # Kedro has just set it lower
    dealt = [relabelled.matrices(run, seed, FOLD_COUNT) for seed in range(trials)]
    for share in shares:
        for kind in relabelled.KINDS if share else relabelled.KINDS[:1]:
            rows = [relabelled.trial(run, folds, share, kind, seed, draws) for seed, folds in enumerate(dealt)]
            means = {name: statistics.mean(row[name] for row in rows) for name in rows[0]}
            found.append({"run": root.name, "kind": kind, **means, "trials": rows})
            shown = (f"{name} {means[name]:+.3f}" for name in TRIAL)
            print(f"{root.name}: {share:4.0%} wrong, {kind:8}", *shown, sep="  ", flush=True)
    return found


def forecasts(roots: dict[int, Path], parameters: str, env: str | None) -> dict[str, Any]:
    """Each run's figures, and the mean and the largest gap."""
    shown = [column for column in COLUMNS if column != "auc"]
    print("  ".join(f"{column:>9}" for column in shown))
    runs = []
    for seed, root in roots.items():
        runs.append(run_seed(seed, parameters, env, root))
        values = (runs[-1][column] for column in shown)
        print("  ".join(f"{v:9.3f}" if isinstance(v, float) else f"{v!s:>9}" for v in values), flush=True)
    gaps = [run["gap"] for run in runs]
    print(f"mean gap {statistics.mean(gaps):+.3f}, largest {max(gaps, key=abs):+.3f}")
    return {"mean_gap": statistics.mean(gaps), "largest_gap": max(gaps, key=abs), "runs": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--params", default="", help="for kedro run, apart from seed and data_root")
    parser.add_argument(
        "--data-root", type=Path, default=ROOT / "data/forecast", help="a folder a seed is made below it"
    )
    parser.add_argument("--relabel", type=float, nargs="+", default=[], help="shares of wrong labels that are tried")
    parser.add_argument("--trials", type=int, default=5, help="folds that are dealt for each of them")
    parser.add_argument("--renders-only", action="store_true", help="with --relabel, no training but for that")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="one seed, small, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(seeds=[0], data_root=QUICK_ROOT, relabel=[0.1], trials=1)
        options = parser.parse_args()
    env = QUICK_ENV if options.quick else None
    roots = {seed: (options.data_root / f"seed_{seed}").resolve() for seed in options.seeds}
    summary: dict[str, Any] = {}
    if options.renders_only:
        for seed, root in roots.items():
            render_seed(seed, options.params, env, root)
    else:
        summary = forecasts(roots, options.params, env)
    if options.relabel:
        draws = 100 if options.quick else 1000
        tried = [relabel(root, options.params, env, options.relabel, options.trials, draws) for root in roots.values()]
        summary["relabelled"] = [row for rows in tried for row in rows]
        stop_work()
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
