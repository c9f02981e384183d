"""Does validation predict the test? Runs the whole pipeline once a seed and puts forecast and true test side by side.

    uv run python benchmarks/forecast.py --seeds 0 1 2 --params "sample.scale=1.0"
    uv run python benchmarks/forecast.py --params "raw_dir=../photos,layout=competition,answer_key=truth.csv"
    uv run python benchmarks/forecast.py --quick

Needs an answer key: the sample has one. Each run goes to its own folder below --data-root and is tracked there, apart
from the project's own runs; a run that is already there is only read. --quick takes one seed, a folder of its own and
the environment `smoke`, to see that it runs; its figures mean little.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from project import QUICK_ENV, QUICK_ROOT, ROOT, run_project

COLUMNS = ("seed", "clean", "one model", "gain", "forecast", "low", "high", "test", "gap", "inside", "auc", "seconds")


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
    damage = json.loads(max((data_root / "03_primary/fitted_damage.json").glob("*/*.json")).read_text())
    return {
        "seed": seed,
        "clean": scores["validation"]["one_model"]["clean"]["macro_f1"],
        "one model": scores["validation"]["one_model"]["test_like"]["macro_f1"],
        "gain": scores["validation"]["ensemble_gain"]["macro_f1"],
        "forecast": forecast["macro_f1"],
        "low": forecast["interval"][0],
        "high": forecast["interval"][1],
        "test": test,
        "gap": scores["gap"],
        "inside": forecast["interval"][0] <= test <= forecast["interval"][1],
        "auc": damage["auc"],
        "seconds": round(time.monotonic() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--params", default="", help="for kedro run, apart from seed and data_root")
    parser.add_argument(
        "--data-root", type=Path, default=ROOT / "data/forecast", help="a folder a seed is made below it"
    )
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="one seed, small, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(seeds=[0], data_root=QUICK_ROOT)
        options = parser.parse_args()
    env = QUICK_ENV if options.quick else None
    print("  ".join(f"{column:>9}" for column in COLUMNS if column != "auc"))
    runs = []
    for seed in options.seeds:
        runs.append(run_seed(seed, options.params, env, (options.data_root / f"seed_{seed}").resolve()))
        shown = (runs[-1][column] for column in COLUMNS if column != "auc")
        print("  ".join(f"{v:9.3f}" if isinstance(v, float) else f"{v!s:>9}" for v in shown), flush=True)
    gaps = [run["gap"] for run in runs]
    summary = {"mean_gap": statistics.mean(gaps), "largest_gap": max(gaps, key=abs), "runs": runs}
    print(f"mean gap {summary['mean_gap']:+.3f}, largest {summary['largest_gap']:+.3f}")
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
