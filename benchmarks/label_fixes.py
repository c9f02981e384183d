"""What is it worth to correct the wrong labels? Runs the sample as it came, then with its planted errors put right.

    uv run python benchmarks/label_fixes.py --noise 0.1 --seeds 0 1
    uv run python benchmarks/label_fixes.py --quick

Each seed draws a sample with wrong labels, runs the whole project, writes a ledger with the true labels of the planted
errors, and runs it again: same folds, damage and recipe. What the project itself says out of fold of such a batch
(`label_gains.csv`) stands beside what the sealed answer key says of both submissions, with 95 % intervals of a paired
bootstrap. Both runs' results stay below --data-root; a run that is there is only read. --quick takes one seed, a
folder of its own and the environment `smoke`, to see that it runs; its figures mean little.
"""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.metrics import macro_f1, paired_bootstrap
from docsort.reporting.answer_key import read_answer_key
from docsort.reporting.scores import join_answer_key
from docsort.tables import LEDGER
from project import QUICK_ENV, QUICK_ROOT, ROOT, run_project

SUBMISSION = Path("07_model_output/submission.csv")


def ensure_submission(data_root: Path, params: str, env: str | None, ledger: Path, done: Path) -> None:
    """One run with the ledger, unless it is there; its submission is kept as `done`."""
    if not done.is_file():
        run_project(data_root, f"{params},label_fixes={ledger}", env)
        done.write_bytes((data_root / SUBMISSION).read_bytes())


def write_ledger(path: Path, planted: pd.DataFrame) -> None:
    """A row for each planted error (ID, given, true): relabelled to the truth."""
    rows = pd.DataFrame({"image_id": planted["ID"], "old_label": planted["given"], "new_label": planted["true"]})
    rows = rows.assign(action="relabel", reason="planted", decided_by="the answer key", decided_on=date.today())
    rows.reindex(columns=list(LEDGER)).sort_values("image_id").to_csv(path, index=False, lineterminator="\n")


def measure_seed(seed: int, params: str, env: str | None, noise: float, root: Path) -> dict[str, Any]:
    """What the true labels were worth, out of fold and on the test."""
    folder = root / f"seed_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    data_root, empty, fixes = folder / "data", folder / "none.csv", folder / "fixes.csv"
    empty.write_text(",".join(LEDGER) + "\n")
    params = ",".join(part for part in (params, f"seed={seed}", f"sample.label_noise={noise}") if part)
    ensure_submission(data_root, params, env, empty, folder / "submission_before.csv")
    (planted_file,) = (data_root / "01_raw/sample").glob("*/answer_key/planted_label_errors.csv")
    planted = pd.read_csv(planted_file, dtype={"ID": str})
    write_ledger(fixes, planted)
    ensure_submission(data_root, params, env, fixes, folder / "submission_after.csv")
    location = json.loads((data_root / "01_raw/raw_location.json").read_text())
    key = read_answer_key(location)
    assert key is not None
    answers = [
        join_answer_key(pd.read_csv(folder / f"submission_{when}.csv", dtype={"ID": str}), key)
        for when in ("before", "after")
    ]
    before, after = (each.sort_values("image_id", ignore_index=True) for each in answers)
    gain, low, high = paired_bootstrap(before["label"], before["predicted"], after["predicted"], before["group"])
    told = pd.read_csv(data_root / "08_reporting/label_gains.csv").iloc[-1]
    return {
        "seed": seed,
        "fixed": len(planted),
        "test_before": macro_f1(before["label"], before["predicted"]),
        "test_after": macro_f1(after["label"], after["predicted"]),
        "test_gain": [gain, low, high],
        "told_gain": [float(told[name]) for name in ("gain", "low", "high")],
        "told_before": float(told["before"]),
        "told_judged_anew": float(told["judged_anew"]),
        "told_after": float(told["after"]),
        "verdict": str(told["verdict"]),
    }


def show(gain: list[float]) -> str:
    return f"{gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--noise", type=float, default=0.1, help="share of wrong training labels")
    parser.add_argument("--params", default="", help="for kedro run, apart from seed, data_root, noise and ledger")
    parser.add_argument("--data-root", type=Path, default=ROOT / "data/label_fixes", help="a folder a seed below it")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="one seed, small, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(seeds=[0], data_root=QUICK_ROOT / "label_fixes")
        options = parser.parse_args()
    env = QUICK_ENV if options.quick else None
    print("| seed | labels fixed | test before | after | gain on the test | gain told out of fold | verdict |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for seed in options.seeds:
        row = measure_seed(seed, options.params, env, options.noise, options.data_root.resolve())
        rows.append(row)
        cells = (seed, row["fixed"], f"{row['test_before']:.3f}", f"{row['test_after']:.3f}")
        told = (show(row["test_gain"]), show(row["told_gain"]), row["verdict"])
        print(f"| {' | '.join(map(str, (*cells, *told)))} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"noise": options.noise, "runs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
