"""What each step from one model to the submission is worth: told out of fold, and true on the test.

    uv run python benchmarks/ladder.py --runs data/forecast/seed_0 data/forecast/seed_1 data/forecast/seed_2
                                       [--json FILE] [--figure FILE] [--title TEXT]

Reads finished runs with an answer key, one a seed (`forecast.py` makes them), and asks their models for the views that
are missing. Nothing is trained. A rung's answers are made on validation pages and on test images by the same code.

- one fold: the network of one fold, one view. On the test the mean of the five networks' own scores.
- five folds: the mean of the five networks, one view. dihedral views: the same in all eight.
- specialists: those that earn it against these networks; the same answers where none does.
- several models: the look beside them, and whatever else the run has, at equal weights.
- selected: weights, views and specialists as the run chose them: what it submits. calibrated: the same answers, with
  confidences that keep their word; ECE is of this rung and, in brackets, of the one before.

`told` is test-like macro-F1 out of fold, and from five folds on what their mean is worth beyond one of them, measured
without labels (`ensembling.lift`). Beside the ladder the old way, with the same networks: 20 random views, every
specialist overwrites, hard vote of the three folds that validate best, ties to the smallest class number.
"""

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
import pandas as pd

from docsort.ensembling.lift import ensemble_lift
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.votes import cast_votes
from docsort.inference.pages import test_pages
from docsort.inference.prediction import predict
from docsort.metrics import bootstrap_interval, macro_f1, mean_over_members
from docsort.seeding import derive_seed
from docsort.specialists.groups import groups_of_table, join_specialists
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import RoutingRule, apply_specialists, top_targets
from docsort.specialists.verdict import judge
from docsort.stores import Store
from docsort.training.checkpoints import Checkpoint
from docsort.views import ViewPolicy, all_views, members_of
from docsort.workers import stop_workers

FOLDS = 5
OLD_DRAWS, OLD_VOTERS = 20, 3
RUNGS = ("one fold", "five folds", "dihedral views", "specialists", "several models", "selected", "calibrated")
EQUAL = EnsemblingParameters(weights="equal")


class Run:
    """The tables of a finished run, and its models' answers in all views."""

    def __init__(self, root: Path) -> None:
        self.root, self.output = root, root / "07_model_output"
        location = json.loads((root / "01_raw/raw_location.json").read_text())
        key = pd.read_csv(location["answer_key"], dtype={"ID": str})
        self.key = dict(zip(key["ID"], key["target"].astype(int), strict=True))
        self.scores = json.loads((root / "08_reporting/scores.json").read_text())
        self.oof = self.table("oof_predictions.parquet")
        self.special_oof = self.table("specialist_oof_predictions.parquet")
        self.groups = groups_of_table(pd.read_csv(self.output / "specialist_groups.csv", dtype=str))
        self.renders = pd.read_parquet(root / "05_model_input/test_renders.parquet")
        self.renders["path"] = [str(root / "05_model_input/renders" / path) for path in self.renders["path"]]
        self.test, self.special_test = self.ask("checkpoint"), self.ask("specialists")

    def table(self, name: str) -> pd.DataFrame:
        """The newest version, or the only one."""
        path = self.output / name
        return pd.read_parquet(max(path.glob("*/*")) if path.is_dir() else path)

    def ask(self, pointer: str) -> pd.DataFrame:
        """What the models of all folds say of the test images, in all views."""
        store, tables = Store(self.output / "predictions"), []
        for fold in range(FOLDS):
            newest = max((self.root / f"06_models/fold_{fold}_{pointer}.json").glob("*/*.json"))
            for model, key in json.loads(newest.read_text()).items():
                checkpoint = Checkpoint(self.root / "06_models/checkpoints" / key, key)
                tables.append(predict(checkpoint, test_pages(self.renders, fold), all_views(), model, store))
        return join_specialists(tables)

    def networks(self, policy: ViewPolicy) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Members of the main model: of test-like validation pages, of test images."""
        seen = self.oof[(self.oof["model"] == "main") & (self.oof["view"] == "test_like")]
        return members_of(seen, policy), members_of(self.test[self.test["model"] == "main"], policy)

    def specialists(self, policy: ViewPolicy) -> tuple[pd.DataFrame, pd.DataFrame]:
        seen = self.special_oof[self.special_oof["view"] == "test_like"]
        return members_of(seen, policy), members_of(self.special_test, policy)

    def truth(self, votes: pd.DataFrame) -> np.ndarray:
        return votes["image_id"].map(self.key).to_numpy(int)


def rung(run: Run, oof_votes: pd.DataFrame, test_votes: pd.DataFrame, lift: float) -> dict[str, float]:
    """told, low, high, test."""
    labels, answers = oof_votes["label"].astype(int), oof_votes["predicted"].astype(int)
    low, high = bootstrap_interval(labels, answers, oof_votes["group"], 1000, derive_seed(0, "ladder"))
    return {
        "told": macro_f1(labels, answers) + lift,
        "low": low + lift,
        "high": high + lift,
        "test": macro_f1(run.truth(test_votes), test_votes["predicted"].astype(int)),
    }


def climb(run: Run) -> dict[str, dict[str, float]]:
    """Every rung of one run."""
    none = pd.DataFrame(columns=["accepted", "routing", "trigger", "threshold", "group_name", "classes"])
    one, eight = ViewPolicy(name="one", views=((0, 100),)), all_views()
    ladder: dict[str, dict[str, float]] = {}
    for name, policy in (("one fold", one), ("five folds", one), ("dihedral views", eight)):
        seen, test = run.networks(policy)
        lift = 0.0 if name == "one fold" else ensemble_lift(test, seen, EQUAL)["macro_f1"]
        oof_votes = vote(seen, none, none)
        ladder[name] = rung(run, oof_votes, vote(test, none, none), lift)
        if name == "one fold":
            alone = [vote(own, none, none) for _, own in test.groupby("fold")]
            ladder[name]["test"] = statistics.mean(macro_f1(run.truth(own), own["predicted"]) for own in alone)
    special, special_test = run.specialists(eight)
    verdicts = judge(seen, special, run.groups, SpecialistParameters(), 0)
    ladder["specialists"] = rung(run, vote(seen, special, verdicts), vote(test, special_test, verdicts), lift)
    ladder["specialists"]["heard"] = float(verdicts["accepted"].astype(bool).sum())
    all_seen = run.table("oof_members.parquet").query("view == 'test_like'")
    all_test = run.table("test_members.parquet")
    lift = ensemble_lift(all_test, all_seen, EQUAL)["macro_f1"]
    ladder["several models"] = rung(run, vote(all_seen, none, none), vote(all_test, none, none), lift)
    ladder["selected"] = submitted(run, "uncalibrated_oof_votes.parquet", "uncalibrated_test_votes.parquet")
    ladder["calibrated"] = submitted(run, "oof_votes.parquet", "test_probabilities.parquet")
    reliability = run.scores["calibration"]["test"]
    ladder["selected"]["ece"] = reliability["before"]["ece"]
    ladder["calibrated"]["ece"] = reliability["after"]["ece"]
    ladder["the old way"] = old_way(run)
    return ladder


def vote(members: pd.DataFrame, special: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    if verdicts.empty:
        means = mean_over_members(members)
        return means.assign(predicted=top_targets(means))
    return cast_votes(members, special, verdicts, EQUAL)


def submitted(run: Run, oof: str, test: str) -> dict[str, float]:
    seen = run.table(oof).query("view == 'test_like'")
    return rung(run, seen, run.table(test), run.scores["validation"]["ensemble_lift"]["macro_f1"])


def old_way(run: Run) -> dict[str, float]:
    """The same networks, asked and counted as it was usual."""
    drawn = ViewPolicy(name="drawn", views=all_views().views, draws=OLD_DRAWS)
    (seen, test), (special, special_test) = run.networks(drawn), run.specialists(drawn)
    rules = [RoutingRule(group, "hard", "top1") for group in run.groups]
    if rules:
        seen, test = apply_specialists(seen, special, rules), overwritten(test, special_test, rules)
    clean = members_of(run.oof[(run.oof["model"] == "main") & (run.oof["view"] == "clean")])
    scores = {fold: macro_f1(own["label"].astype(int), top_targets(own)) for fold, own in clean.groupby("fold")}
    best = sorted(scores, key=lambda fold: -scores[fold])[:OLD_VOTERS]
    ballots = [own.sort_values("render_id") for fold, own in test.groupby("fold") if fold in best]
    guesses = np.stack([top_targets(own) for own in ballots])
    winners = [int(np.bincount(column).argmax()) for column in guesses.T]  # ties to the smallest number
    oof_votes = mean_over_members(seen)
    oof_votes = oof_votes.assign(predicted=top_targets(oof_votes))
    return rung(run, oof_votes, ballots[0].assign(predicted=winners), 0.0)


def overwritten(test: pd.DataFrame, special: pd.DataFrame, rules: list[RoutingRule]) -> pd.DataFrame:
    """Each fold's answers, overwritten by the same fold's specialists."""
    folds = [apply_specialists(own, special[special["fold"] == fold], rules) for fold, own in test.groupby("fold")]
    return pd.concat(folds, ignore_index=True)


def table_of(runs: list[dict[str, dict[str, float]]]) -> str:
    """Markdown: a row a rung, means over the runs."""
    lines = ["| rung | told out of fold [95 %] | true test | test, each seed | ECE |", "|---|---|---|---|---|"]
    for name in (*RUNGS, "the old way"):
        own = [run[name] for run in runs]
        mean = {each: statistics.mean(one[each] for one in own) for each in ("told", "low", "high", "test")}
        seeds = ", ".join(f"{one['test']:.3f}" for one in own)
        ece = f"{statistics.mean(one['ece'] for one in own):.3f}" if "ece" in own[0] else ""
        told = f"{mean['told']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]"
        lines.append(f"| {name} | {told} | {mean['test']:.3f} | {seeds} | {ece} |")
    return "\n".join(lines)


def draw(ladders: dict[str, list[dict[str, dict[str, float]]]], file: Path) -> None:
    """A panel a data set: told with its interval, and the true test, rung by rung."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    names = [*RUNGS[:-1], "the old way"]
    figure, panels = plt.subplots(1, len(ladders), figsize=(5.4 * len(ladders), 3.6), squeeze=False)
    for panel, (title, runs) in zip(panels[0], ladders.items(), strict=True):
        for row, name in enumerate(names):
            told, low, high, test = (
                statistics.mean(run[name][each] for run in runs) for each in ("told", "low", "high", "test")
            )
            panel.plot([low, high], [row, row], color="#9bb7d4", linewidth=5, solid_capstyle="butt", zorder=1)
            panel.plot(told, row, "o", color="#1f5a99", markersize=7, label="told out of fold" if not row else None)
            panel.plot(test, row, "D", color="#d1495b", markersize=6, label="true test" if not row else None)
        panel.set_yticks(range(len(names)), names)
        panel.invert_yaxis()
        panel.set_title(title, loc="left", fontsize=11)
        panel.set_xlabel("macro-F1, mean of the seeds")
        panel.grid(axis="x", color="#e5e5e5")
        panel.set_axisbelow(True)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(length=0)
    panels[0][0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(file, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", action="append", required=True, help="once a data set")
    parser.add_argument("--title", action="append", default=[], help="of each data set")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--figure", type=Path, help="PNG that the ladders are drawn to")
    options = parser.parse_args()
    titles = options.title or [f"data set {number + 1}" for number in range(len(options.runs))]
    ladders = {}
    try:
        for title, roots in zip(titles, options.runs, strict=True):
            ladders[title] = [climb(Run(root.resolve())) for root in roots]
            print(f"\n{title}\n\n{table_of(ladders[title])}", flush=True)
    finally:
        stop_workers()
    if options.json:
        options.json.write_text(json.dumps(ladders, indent=2) + "\n")
    if options.figure:
        draw(ladders, options.figure)


if __name__ == "__main__":
    main()
