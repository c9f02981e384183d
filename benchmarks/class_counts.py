"""Is a set of few classes trained enough? The same number of photos, in few classes and in many.

    uv run python benchmarks/class_counts.py --counts 2 5 10 17 --photos 350 [--presets quick] [--json FILE]
    uv run python benchmarks/class_counts.py --quick

Draws the sample, keeps so many of its classes and so many photos of them, shared out evenly, with all test photos of
these classes, and runs the whole project on that: by each preset, and by the defaults of before there were presets
(`before`: a small network from scratch, 200 renders a class and five epochs, equal weights). Told, true on the test,
page-steps and seconds of each. Runs stay below --data-root; one that is there is only read. The sample has 17 classes,
so there is no count beyond. --quick takes two classes, a folder of its own and the environment `smoke`, to see that it
runs; its figures mean little.
"""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.seeding import derive_rng
from project import QUICK_ENV, QUICK_ROOT, ROOT, draw_sample, run_project

BEFORE = (
    "backbone=mobilenetv3_small_050,pretrained=false,augmentation.per_class=200,members.main.epochs=5,"
    "members.main.damaged=false,members.probe.enabled=false,ensembling.weights=equal"
)
QUICK = {"counts": [2], "photos": 24, "scale": 0.05, "presets": ["quick"], "before": False}


def keep(sample: Path, folder: Path, count: int, photos: int, seed: int) -> Path:
    """The competition layout with `count` classes and `photos` training photos; the path of its answer key."""
    rng = derive_rng(seed, "class counts", count)
    train, meta = (pd.read_csv(sample / f"{name}.csv") for name in ("train", "meta"))
    truth = pd.read_csv(sample / "answer_key/test_truth.csv")
    order = train["target"].value_counts().index.sort_values()
    kept = sorted(rng.permutation(order)[:count].tolist())
    each, more = divmod(photos, count)
    numbers = {target: number for number, target in enumerate(kept)}
    parts = [
        own.sample(frac=1, random_state=int(rng.integers(2**32))).head(each + (numbers[int(str(target))] < more))
        for target, own in train[train["target"].isin(kept)].groupby("target")
    ]
    tables = {"train.csv": pd.concat(parts).sort_index(), "truth.csv": truth[truth["target"].isin(kept)]}
    for name, table in tables.items():
        tables[name] = table.assign(target=table["target"].map(numbers))
    tables["meta.csv"] = meta[meta["target"].isin(kept)].assign(target=lambda table: table["target"].map(numbers))
    tables["sample_submission.csv"] = tables["truth.csv"].assign(target=0)
    for split, name in (("train", "train.csv"), ("test", "truth.csv")):
        (folder / split).mkdir(parents=True)
        for photo in tables[name]["ID"]:
            shutil.copy2(sample / split / photo, folder / split / photo)
    key = folder.with_name(f"{folder.name}_truth.csv")
    tables.pop("truth.csv").to_csv(key, index=False)
    for name, table in tables.items():
        table.to_csv(folder / name, index=False)
    return key


def measure(folder: Path, raw: Path, key: Path, params: str, seed: int, env: str | None) -> dict[str, Any]:
    """One run: told, true, page-steps of the main network, seconds where it was run now."""
    scores, seconds = folder / "08_reporting/scores.json", None
    if not scores.is_file():
        started = time.perf_counter()
        given = f"raw_dir={raw},layout=competition,answer_key={key},seed={seed},{params}"
        run_project(folder, given, env)
        seconds = time.perf_counter() - started
    found = json.loads(scores.read_text())
    plan = json.loads((folder / "06_models/training_plan.json").read_text())
    return {
        "told": found["validation"]["macro_f1"],
        "interval": found["validation"]["test_like"]["interval"],
        "true": found["test"]["macro_f1"],
        "page_steps": plan["page_steps"]["main"],
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[2, 5, 10, 17])
    parser.add_argument("--photos", type=int, default=350)
    parser.add_argument("--presets", nargs="+", default=["quick"])
    parser.add_argument("--no-before", dest="before", action="store_false")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    env = None
    if options.quick:
        vars(options).update(QUICK)
        env = QUICK_ENV
    root = (
        options.data_root or (QUICK_ROOT / "class_counts" if options.quick else ROOT / "data/class_counts")
    ).resolve()
    sample = draw_sample(options.scale, options.seed, root / f"sample_{options.scale:g}", env)
    ways = {
        **{preset: f"preset={preset}" for preset in options.presets},
        **({"before": BEFORE} if options.before else {}),
    }
    rows = []
    for count in options.counts:
        raw = root / f"{count}_of_{options.photos}_{options.seed}"
        key = raw.with_name(f"{raw.name}_truth.csv")
        if not key.is_file():
            shutil.rmtree(raw, ignore_errors=True)
            key = keep(sample, raw, count, options.photos, options.seed)
        for way, params in ways.items():
            row = measure(root / f"{raw.name}_{way}", raw, key, params, options.seed, env)
            rows.append({"classes": count, "way": way, **row})
            print(
                f"{count:3} classes, {way:6}: told {row['told']:.3f}, true {row['true']:.3f}, {row['page_steps']} steps"
            )
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
