"""Does validation predict the test? Runs the whole pipeline once a seed and puts forecast and true test side by side.

    uv run python benchmarks/forecast.py --seeds 0 1 2 --params "sample.scale=1.0"
    uv run python benchmarks/forecast.py --params "raw_dir=../photos,layout=competition,answer_key=truth.csv"

Needs an answer key: the sample has one. Each run goes to its own folder below --data-root and is tracked there, apart
from the project's own runs; a run that is already there is only read.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("seed", "clean", "one model", "lift", "forecast", "low", "high", "test", "gap", "inside", "auc", "seconds")


def run_seed(seed: int, parameters: str, data_root: Path) -> dict[str, Any]:
    """The figures of one run, COLUMNS."""
    scores_file = data_root / "08_reporting/scores.json"
    began = time.monotonic()
    if not scores_file.is_file():
        given = ",".join(part for part in (parameters, f"seed={seed}", f"data_root={data_root}") if part)
        tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{data_root}/mlflow.db"}
        data_root.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "kedro", "run", "--params", given]
        with (data_root / "run.log").open("w") as log:
            done = subprocess.run(command, cwd=ROOT, env=os.environ | tracking, stdout=log, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"The run of seed {seed} failed; see {data_root / 'run.log'}.")
    scores = json.loads(scores_file.read_text())
    if "test" not in scores:
        sys.exit("Expected an answer key to compare with, but the run has none; give answer_key=FILE in --params.")
    forecast, test = scores["validation"]["test_like"], scores["test"]["macro_f1"]
    damage = json.loads(max((data_root / "03_primary/fitted_damage.json").glob("*/*.json")).read_text())
    return {
        "seed": seed,
        "clean": scores["validation"]["one_model"]["clean"]["macro_f1"],
        "one model": scores["validation"]["one_model"]["test_like"]["macro_f1"],
        "lift": scores["validation"]["ensemble_lift"]["macro_f1"],
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
    options = parser.parse_args()
    print("  ".join(f"{column:>9}" for column in COLUMNS if column != "auc"))
    runs = []
    for seed in options.seeds:
        runs.append(run_seed(seed, options.params, (options.data_root / f"seed_{seed}").resolve()))
        shown = (runs[-1][column] for column in COLUMNS if column != "auc")
        print("  ".join(f"{v:9.3f}" if isinstance(v, float) else f"{v!s:>9}" for v in shown), flush=True)
    gaps = [run["gap"] for run in runs]
    summary = {"mean_gap": statistics.mean(gaps), "largest_gap": max(gaps, key=abs), "runs": runs}
    print(f"mean gap {summary['mean_gap']:+.3f}, largest {summary['largest_gap']:+.3f}")
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
