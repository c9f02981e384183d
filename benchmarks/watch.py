"""How often a watch raises a false alarm, and from how many pages on it tells a change of a given size.

    uv run python benchmarks/watch.py --json watch.json
    uv run python benchmarks/watch.py --quick

Numbers are drawn, no pages: each measure is normal, the reference has 500 pages of each set, and a watch sees three
days. On the last of them one measure is moved by so many standard deviations. A false alarm is a watch of three
unchanged days that says anything at all; a change counts as told where its measure is named on its day.
"""

import argparse
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.reference import Reference
from docsort.images.appearance import APPEARANCE
from docsort.seeding import derive_rng
from docsort.watching.comparison import Change, find_changes
from docsort.watching.pages import WatchedPages

KEPT, CLASSES, DAYS = 500, 10, 3
MOVES = (0.5, 1.0, 2.0)
COUNTS = (30, 60, 120, 240)
MEASURE = "sharpness"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    seeds, counts, moves = (3, COUNTS[:1], MOVES[-1:]) if options.quick else (options.seeds, COUNTS, MOVES)
    rows = [measure(pages, move, seeds) for pages in counts for move in (0.0, *moves)]
    for row in rows:
        print(f"{row['pages']:4} pages a day, moved by {row['move']:.1f} sd: told in {row['told']:.1%} of {seeds}")
    if options.json:
        options.json.write_text(json.dumps({"seeds": seeds, "rows": rows}, indent=1))


def measure(pages: int, move: float, seeds: int) -> dict[str, Any]:
    """told: share of the seeds; of a move of 0 those where anything is told."""
    told = 0
    for seed in range(seeds):
        found = watched(seed, pages, move)
        told += any(each.measure == MEASURE and each.period == DAYS - 1 for each in found) if move else bool(found)
    return {"pages": pages, "move": move, "told": told / seeds}


def watched(seed: int, pages: int, move: float) -> list[Change]:
    """What is told of three days, the last of which is moved downward."""
    days = WatchedPages()
    for number in range(DAYS):
        rng = derive_rng(seed, "day", pages, number)
        appearance = rng.normal(size=(pages, len(APPEARANCE)))
        appearance[:, APPEARANCE.index(MEASURE)] -= move if number == DAYS - 1 else 0.0
        answers = pd.DataFrame(rng.dirichlet(np.full(CLASSES, 0.1), pages), columns=[f"p_{c}" for c in range(CLASSES)])
        facts = {"confidence": rng.beta(8, 1, pages), "novelty": rng.uniform(size=pages), "page": np.arange(pages)}
        days.add(answers.assign(**facts), appearance, [date(2026, 3, 9) + timedelta(days=number)] * pages)
    return find_changes(reference_of(seed), days.periods("day"))


def reference_of(seed: int) -> Reference:
    rng = derive_rng(seed, "reference")
    sets = {
        name: {column: np.sort(rng.normal(size=KEPT)) for column in APPEARANCE}
        for name in ("training", "test_like", "test")
    }
    answered = np.bincount(rng.integers(CLASSES, size=KEPT), minlength=CLASSES).astype(float)
    return Reference(sets, np.sort(rng.beta(8, 1, KEPT)), np.sort(rng.uniform(size=KEPT)), answered)


if __name__ == "__main__":
    main()
