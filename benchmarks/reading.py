"""What reading the pages is worth beside the image members: in score, on what share of the pages, and at what cost.

    uv run python benchmarks/reading.py --runs data/reading/seed_0 data/reading/seed_1 [--member reading] [--json FILE]
    uv run python benchmarks/reading.py --runs data/reading/photos --folder FOLDER [--key FILE]
    uv run python benchmarks/reading.py --quick

Reads finished runs, one a seed, that have the member `reading`, and asks it about all test pages. With --folder, photos
in the layout of the competition and maybe an answer key, the run is made first unless it is there, with
`members.reading.enabled=true`. --quick reads the run of `forecast.py --quick`, or makes it, with another member in
place of the reading one, to see that it runs; its figures mean little.

- alone: the image members together, by the weights of the run, and reading by itself.
- mixed: pages are read in the order of how unsure the image members are, the smallest lead of the first class over the
  second first, up to a share of all pages; the answer of reading counts by a weight, those of the image members by the
  rest. Every share and every weight is a row: nothing is chosen here, so that the best of them is the better looking.
- told: macro-F1 out of fold on test-like pages, by the given labels, and the gain with its 95 % interval over source
  groups. true: on the test, by the answer key. Mended, broken: pages whose answer becomes right, or wrong.
- certificates: mean F1 of the drawn sample's four classes that look alike, where the run has them; title only: share of
  right answers on the pages of these classes that nothing but their title tells apart.
- CPU-seconds: of one core, measured on some test photos that are read anew, times the pages of test and validation.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from ladder import Run, quick_run
from numpy.typing import NDArray

from docsort.ensembling.decisions import Decisions, vote_out_of_fold
from docsort.ensembling.temperature import PLAIN
from docsort.ensembling.votes import VotePlan
from docsort.gates import macro_f1_gain
from docsort.images.reading import read_rgb
from docsort.member_kinds import MAIN, kind_of, task_name
from docsort.members.prediction import predict
from docsort.members.splits import pages_to_judge
from docsort.metrics import macro_f1, per_class_scores
from docsort.specialists.late import leads
from docsort.tables import JUDGED_CONDITION, probability_columns, targets_of, values_of
from docsort.work.executor import stop_work
from docsort_sample.certificates import CONFUSABLE
from docsort_sample.kinds import CLASS_NAMES
from project import run_project

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.6, 1.0)
SHOWN_WEIGHT = 0.3
"""Of the table of shares that is printed; the file has all."""
CERTIFICATES = tuple(CLASS_NAMES[target] for target in CONFUSABLE)
TIMED_PAGES = 20
DRAWS, CONFIDENCE = 1000, 0.95

Floats = NDArray[np.float64]
Row = dict[str, Any]


class Pages:
    """Pages that the image members and the reading member have answered: the rows of the one table in their order.

    label: true classes of test pages, given ones of validation pages. read: (N,) whether there is an answer of the
    reading member; where there is none, the page keeps what it has.
    """

    def __init__(self, image: pd.DataFrame, reading: pd.DataFrame, label: "pd.Series[int]") -> None:
        columns = probability_columns(image)
        own = reading.drop_duplicates("render_id").set_index("render_id").reindex(image["render_id"])
        self.targets = np.array(targets_of(columns))
        self.image, self.words = values_of(image, columns), own.reindex(columns=columns).to_numpy(np.float64)
        self.read = ~np.isnan(self.words).any(axis=1)
        self.label, self.groups = label.to_numpy(np.int64), image["group"].astype(str).to_numpy()
        self.names = image["image_id"].astype(str).to_numpy()
        self.order = np.argsort(leads(image), kind="stable")

    def answers(self, share: float, weight: float) -> NDArray[np.int64]:
        """(N,) of the mix, when this share of the pages is read, the least sure first."""
        asked = np.zeros(len(self.label), dtype=bool)
        asked[self.order[: round(share * len(self.label))]] = True
        asked &= self.read
        mixed = self.image.copy()
        mixed[asked] = (1 - weight) * self.image[asked] + weight * self.words[asked]
        answers: NDArray[np.int64] = self.targets[mixed.argmax(axis=1)]
        return answers

    def score(self, share: float, weight: float, classes: pd.DataFrame, bare: set[str]) -> Row:
        """macro_f1, gain over the image members, mended, broken, certificates and title_only (None: it has none)."""
        before, after = self.answers(0, 0), self.answers(share, weight)
        was, now = before == self.label, after == self.label
        gain = macro_f1_gain(self.label, before, after, self.groups, DRAWS, 0, CONFIDENCE)
        own = per_class_scores(self.label, after, classes)
        alike = own.loc[own["class_name"].isin(CERTIFICATES), "f1"]
        titled = np.isin(self.names, sorted(bare))
        return {
            "macro_f1": macro_f1(self.label, after),
            "delta": gain.delta,
            "low": gain.low,
            "high": gain.high,
            "mended": int((now & ~was).sum()),
            "broken": int((was & ~now).sum()),
            "certificates": float(alike.mean()) if len(alike) == len(CERTIFICATES) else None,
            "title_only": float(now[titled].mean()) if titled.any() else None,
        }


def image_votes(run: Run, member: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """VOTES of all other general members: out of fold on test-like pages, and on the test."""
    chosen = run.ensemble.manifest.decisions
    if member in chosen.models:  # it was asked about every page: the others at equal weights
        rest = Decisions(tuple(name for name in chosen.models if name != member), chosen.views, VotePlan())
        oof = vote_out_of_fold(run.oof, run.folds, dict.fromkeys(run.folds["fold"].unique().tolist(), rest))
    else:
        rest = replace(chosen, plan=replace(chosen.plan, rules=()), calibration=PLAIN)
        oof = run.load("general_oof_votes")
    return oof[oof["condition"] == JUDGED_CONDITION].reset_index(drop=True), rest.vote_on(run.test)


def pages_of(run: Run, member: str) -> dict[str, Pages]:
    """`told` and `true`."""
    oof, test = image_votes(run, member)
    alone = Decisions((member,), run.ensemble.manifest.decisions.views, VotePlan())
    seen = alone.vote_on(out_of_fold(run, member))
    return {
        "told": Pages(oof, seen[seen["condition"] == JUDGED_CONDITION], oof["label"].astype(int)),
        "true": Pages(test, alone.vote_on(run.test), test["image_id"].astype(str).map(run.key).astype(int)),
    }


def out_of_fold(run: Run, member: str) -> pd.DataFrame:
    """Its predictions of all pages that it has not learnt; the run asked it late, about some of them."""
    if member in run.ensemble.manifest.decisions.models:
        return run.oof
    renders, store, parts = run.load("validation_renders"), run.load("prediction_store"), []
    for fold in sorted(run.folds["fold"].unique().tolist()):
        own = run.load(f"fold_{fold}_specialists")[member]
        pages = pages_to_judge(own, task_name(member, fold), fold, run.folds, renders)
        parts.append(predict(kind_of(own), own, pages, run.views, member, store))
    return pd.concat(parts, ignore_index=True)


def title_only_pages(run: Run) -> set[str]:
    """Ids of the sample's photos that nothing but their title tells apart; none in other data."""
    key = run.load("raw_location")["answer_key"]
    listed = Path(key).parent / "title_only.csv" if key else Path()
    if not listed.is_file():
        return set()
    files = set(pd.read_csv(listed)["ID"])
    images = run.load("images")
    return {str(row.image_id) for row in images.itertuples() if Path(str(row.path)).name in files}


def cpu_seconds_a_page(run: Run, member: str) -> float:
    """Of reading, on some test photos, the engine being open already; 0 for a member that reads nothing."""
    parameters = run.load("params:members")[member]
    if parameters.kind != "reading":
        return 0.0
    from docsort.reading.engines import open_engine
    from docsort.reading.page_reader import read_page
    from docsort.reading.reader import settle

    images = run.load("images")
    paths = images.loc[images["split"] == "test", "path"].tolist()
    some = [paths[row] for row in np.unique(np.linspace(0, len(paths) - 1, TIMED_PAGES + 1).astype(int))]
    named = settle(images.loc[images["split"] == "train", "path"].tolist(), parameters)
    photos, engine = [read_rgb(path) for path in some], open_engine(named)
    cv2.setNumThreads(1)
    read_page(photos[0], engine, named.lines)
    began = time.process_time()
    for photo in photos[1:]:
        read_page(photo, engine, named.lines)
    return (time.process_time() - began) / (len(photos) - 1)


def measure(run: Run, member: str) -> Row:
    """rows: every share and weight; alone: reading by itself; cpu_seconds_a_page; pages: read for the whole curve."""
    pages, classes, bare = pages_of(run, member), run.load("classes"), title_only_pages(run)
    tried = [(0.0, 0.0), *((share, weight) for share in SHARES[1:] for weight in WEIGHTS)]
    cost, count = cpu_seconds_a_page(run, member), sum(len(own.label) for own in pages.values())
    rows = [
        {
            **{"share": share, "weight": weight, "cpu_seconds": cost * share * count},
            **{name: own.score(share, weight, classes, bare) for name, own in pages.items()},
        }
        for share, weight in tried
    ]
    alone = {name: own.score(1, 1, classes, bare) for name, own in pages.items()}
    return {"member": member, "cpu_seconds_a_page": cost, "pages": count, "alone": alone, "rows": rows}


def table_of(found: Row) -> str:
    """Markdown: by share at one weight, by weight when all pages are read, and reading alone."""
    lines = [
        "| read | weight | told, gain [95 %] | mended, broken | true, gain | mended, broken | certificates told, true "
        "| title only | CPU-s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    chosen = [row for row in found["rows"] if row["weight"] in (0, SHOWN_WEIGHT) or row["share"] == 1]
    lines += [_line(f"{row['share']:.0%}", f"{row['weight']:g}", row, row["cpu_seconds"]) for row in chosen]
    whole = found["cpu_seconds_a_page"] * found["pages"]
    return "\n".join([*lines, _line("alone", "1", found["alone"], whole)])


def _line(share: str, weight: str, row: Row, seconds: float) -> str:
    told, true = row["told"], row["true"]
    cells = (
        share,
        weight,
        f"{told['macro_f1']:.3f}, {told['delta']:+.3f} [{told['low']:+.3f}, {told['high']:+.3f}]",
        f"{told['mended']}, {told['broken']}",
        f"{true['macro_f1']:.3f}, {true['delta']:+.3f}",
        f"{true['mended']}, {true['broken']}",
        f"{_shown(told['certificates'])}, {_shown(true['certificates'])}",
        _shown(true["title_only"]),
        f"{seconds:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def another_member(run: Run) -> str:
    """Of the quick form: one that is not the main one."""
    return next(name for name in run.ensemble.manifest.decisions.models if name != MAIN)


def make_run(root: Path, folder: Path, key: Path | None) -> None:
    """The run of a folder in the layout of the competition, unless it is there."""
    if not (root / "08_reporting/scores.json").is_file():
        given = {"raw_dir": folder.resolve(), "layout": "competition", "members.reading.enabled": "true"}
        given |= {"answer_key": key.resolve()} if key else {}
        run_project(root, ",".join(f"{name}={value}" for name, value in given.items()), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", help="data roots of finished runs, one a seed")
    parser.add_argument("--folder", type=Path, help="of photos, in the layout of the competition, to make a run of")
    parser.add_argument("--key", type=Path, help="its answer key")
    parser.add_argument("--member", default="reading", help="name of the member that is asked late")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="one small run, to see that it runs")
    options = parser.parse_args()
    if options.quick and not options.runs:
        options.runs = [quick_run()]
    if not options.runs:
        parser.error("--runs or --quick is required")
    figures = {}
    try:
        for root in options.runs:
            if options.folder:
                make_run(root.resolve(), options.folder, options.key)
            run = Run(root.resolve())
            member = another_member(run) if options.quick else options.member
            if member not in set(run.oof["model"]):
                sys.exit(f"Expected {root} to have the member {member}; run it with members.{member}.enabled=true.")
            figures[str(root)] = measure(run, member)
            print(f"\n{root}: {member}\n\n{table_of(figures[str(root)])}", flush=True)
    finally:
        stop_work()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
