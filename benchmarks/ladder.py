"""What each step from one model to the submission is worth: told out of fold, and true on the test.

    uv run python benchmarks/ladder.py --runs data/forecast/seed_0 data/forecast/seed_1 data/forecast/seed_2
                                       [--json FILE] [--figure FILE] [--title TEXT]
    uv run python benchmarks/ladder.py --quick

Reads finished runs with an answer key, one a seed (`forecast.py` makes them), and asks their members for the views that
are missing. Nothing is trained. A rung's answers are made on validation pages and on test images by the same code.
--quick reads the run of `forecast.py --quick`, or makes it, to see that it runs; its figures mean little.

- one fold: the network of one fold, one view. On the test the mean of the networks' own scores.
- five folds: the mean of the networks of all folds, one view. dihedral views: the same in all turns of the run.
- specialists: those that are accepted against these networks, by nested rules; the same answers where none is. One that
  the run gave up after two folds is none.
- several models: the kernel model beside them, and whatever else the run has, at equal weights.
- selected: weights, views and specialists as the run chose them: what it submits. calibrated: the same answers, with
  calibrated confidences; ECE is of this rung and, in brackets, of the one before.

`told` is the forecast against right labels (`ensembling.forecast`), from five folds on with what their mean is worth
beyond one of them; which labels are wrong is believed as the run itself believes it. Beside the ladder the old way,
with the same networks: 20 random views, every specialist overwrites, hard vote of the three folds that validate best,
ties to the smallest class number.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from docsort.ensembling.decisions import Decisions, join_members, vote_out_of_fold
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleMember
from docsort.ensembling.forecast import Luck, forecast_score
from docsort.ensembling.gain import NO_GAIN, EnsembleGain, ensemble_gain
from docsort.ensembling.label_noise import estimate_label_noise, gather_sources
from docsort.ensembling.votes import VotePlan
from docsort.member_kinds import MAIN
from docsort.members.views import ViewPolicy, all_views, members_of
from docsort.metrics import macro_f1, mean_over_members
from docsort.reporting.answer_key import read_answer_key
from docsort.specialists.groups import groups_of_table
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import RoutingRule, apply_specialists, top_targets
from docsort.specialists.rules import rules_of_record
from docsort.specialists.verdict import judge
from docsort.work.executor import stop_work
from project import QUICK_ENV, QUICK_ROOT, open_project, run_project

OLD_DRAWS, OLD_VOTERS = 20, 3
RUNGS = ("one fold", "five folds", "dihedral views", "specialists", "several models", "selected", "calibrated")
NETWORK = Decisions((MAIN,), ViewPolicy(name="one", views=((0, 100),)), VotePlan())


class Run:
    """The tables of a finished run, and its members' predictions in all views."""

    def __init__(self, root: Path) -> None:
        self.load = open_project(f"data_root={root}", None).catalog.load
        logging.getLogger("docsort").setLevel(logging.WARNING)  # Kedro has just set it lower
        key = read_answer_key(self.load("raw_location"))
        if key is None:
            sys.exit(f"Expected a run with an answer key, but {root} has none.")
        self.key = dict(zip(key["ID"].astype(str), key["target"].astype(int), strict=True))
        self.scores, self.folds = self.load("scores"), self.load("folds")
        self.numbers = sorted(self.folds["fold"].unique().tolist())
        self.specialists = {fold: self.load(f"fold_{fold}_specialists") for fold in self.numbers}
        self.whole = set.intersection(*map(set, self.specialists.values()))  # others were given up after two folds
        groups = [group for group in groups_of_table(self.load("specialist_groups")) if group.name in self.whole]
        self.everyone = VotePlan(rules=tuple(RoutingRule(group, "hard", "top1") for group in groups))
        self.oof = join_members(self.load("oof_predictions"), self.load("specialist_oof_predictions"))
        self.views = all_views(tuple(sorted({int(turn) for turn in self.oof["turn"]})))
        self.ensemble: Ensemble = self.load("ensemble")
        self.noise = estimate_label_noise(gather_sources(*map(self.load, ("oof_votes", "clean_images", "label_fixes"))))
        self.test = self.ask()

    def ask(self) -> pd.DataFrame:
        """What the members of all folds and every specialist predict of the test images, in all views."""
        found = [
            (name, fold, checkpoint)
            for fold, special in self.specialists.items()
            for name, checkpoint in (self.load(f"fold_{fold}_members") | special).items()
            if name in self.whole or name not in special
        ]
        manifest = self.ensemble.manifest
        members = tuple(EnsembleMember(name, fold, own.key) for name, fold, own in found)
        decisions = Decisions(manifest.decisions.models, self.views, self.everyone)
        checkpoints = {own.key: own for _, _, own in found}
        whole = replace(
            self.ensemble,
            manifest=replace(manifest, members=members, decisions=decisions),
            checkpoints=checkpoints,
        )
        images = self.load("images").query("split == 'test'")
        paths, names = images["path"].tolist(), images["image_id"].tolist()
        with tempfile.TemporaryDirectory(prefix="docsort-ladder-") as folder:
            return whole.save(Path(folder)).predict(paths, names, self.load("prediction_store"), in_workers=True)

    def true_score(self, votes: pd.DataFrame) -> float:
        """Macro-F1 on test images."""
        return macro_f1(votes["image_id"].map(self.key).to_numpy(int), votes["predicted"].astype(int))


def rung(run: Run, oof_votes: pd.DataFrame, test_votes: pd.DataFrame, gain: EnsembleGain = NO_GAIN) -> dict[str, float]:
    """told, low, high, test."""
    told = forecast_score(oof_votes, run.noise, gain, len(test_votes), Luck(1000, 0.95, 0))
    low, high = told["interval"]
    return {"told": told["macro_f1"], "low": low, "high": high, "test": run.true_score(test_votes)}


def climb(run: Run) -> dict[str, dict[str, float]]:
    """Every rung of one run."""
    turned, chosen = replace(NETWORK, views=run.views), run.ensemble.manifest.decisions
    return {
        "one fold": one_fold(run),
        "five folds": decided(run, NETWORK),
        "dihedral views": decided(run, turned),
        "specialists": specialised(run, turned),
        "several models": decided(run, Decisions(chosen.models, chosen.views, VotePlan())),
        "selected": submitted(run, "uncalibrated_test_votes", "before"),
        "calibrated": submitted(run, "test_probabilities", "after"),
        "the old way": old_way(run),
    }


def one_fold(run: Run) -> dict[str, float]:
    """The network of each fold by itself."""
    alone = [run.true_score(NETWORK.vote_on(own)) for _, own in run.test.groupby("fold")]
    return {**decided(run, NETWORK, averaged=False), "test": statistics.mean(alone)}


def decided(
    run: Run, decisions: Decisions, by_fold: Mapping[int, Decisions] | None = None, averaged: bool = True
) -> dict[str, float]:
    """The rung of test images answered by `decisions`, validation pages by those of their fold, else the same.

    averaged: whether what the mean of the folds is worth counts.
    """
    by_fold = by_fold or dict.fromkeys(run.folds["fold"].unique().tolist(), decisions)
    test, seen = (decisions.members(table)[0] for table in (run.test, run.oof))
    plans = {fold: own.plan for fold, own in by_fold.items()}
    gain = ensemble_gain(test, seen, decisions.plan, plans, run.noise) if averaged else NO_GAIN
    return rung(run, vote_out_of_fold(run.oof, run.folds, by_fold), decisions.vote_on(run.test), gain)


def specialised(run: Run, decisions: Decisions) -> dict[str, float]:
    """The same networks with the specialists that are accepted, and how many these are."""
    general, special = replace(decisions, plan=run.everyone).members(run.oof)
    groups = [rule.group for rule in run.everyone.rules]
    _, rules = judge(general, special, groups, SpecialistParameters(), 0)
    every, *each = (
        replace(decisions, plan=VotePlan(rules=tuple(rules_of_record(own))))
        for own in (rules["all"], *rules["by_fold"].values())
    )
    by_fold = dict(zip(map(int, rules["by_fold"]), each, strict=True))
    return {**decided(run, every, by_fold), "accepted": len(rules["all"])}


def submitted(run: Run, test: str, when: str) -> dict[str, float]:
    """What the run itself answers and forecasts; when: before or after calibration."""
    told = run.scores["validation"]["test_like"]
    (low, high), votes = told["interval"], run.load(test).rename(columns={"target": "predicted"})
    scores = {"told": told["macro_f1"], "low": low, "high": high, "test": run.true_score(votes)}
    return {**scores, "ece": run.scores["calibration"]["test"][when]["ece"]}


def old_way(run: Run) -> dict[str, float]:
    """The same networks, asked and counted as it was usual."""
    drawn = ViewPolicy(name="drawn", views=run.views.views, draws=OLD_DRAWS)
    asked = Decisions((MAIN,), drawn, run.everyone)
    (seen, special), (test, special_test) = asked.members(run.oof), asked.members(run.test)
    if run.everyone.rules:
        seen = apply_specialists(seen, special, run.everyone.rules)
        test = overwritten(test, special_test, run.everyone.rules)
    clean = members_of(run.oof[(run.oof["model"] == MAIN) & (run.oof["condition"] == "clean")])
    scores = {fold: macro_f1(own["label"].astype(int), top_targets(own)) for fold, own in clean.groupby("fold")}
    best = sorted(scores, key=lambda fold: -scores[fold])[:OLD_VOTERS]
    ballots = [own.sort_values("render_id") for fold, own in test.groupby("fold") if fold in best]
    guesses = np.stack([top_targets(own) for own in ballots])
    winners = [int(np.bincount(column).argmax()) for column in guesses.T]  # ties to the smallest number
    oof_votes = mean_over_members(seen)
    oof_votes = oof_votes.assign(predicted=top_targets(oof_votes))
    return rung(run, oof_votes, ballots[0].assign(predicted=winners))


def overwritten(test: pd.DataFrame, special: pd.DataFrame, rules: tuple[RoutingRule, ...]) -> pd.DataFrame:
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


def quick_run() -> Path:
    """The folder of a small run, which is made unless it is there."""
    root = QUICK_ROOT / "seed_0"
    if not (root / "08_reporting/scores.json").is_file():
        run_project(root, "seed=0", QUICK_ENV)
    return root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", action="append", help="once a data set")
    parser.add_argument("--title", action="append", default=[], help="of each data set")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--figure", type=Path, help="PNG that the ladders are drawn to")
    parser.add_argument("--quick", action="store_true", help="one small run, to see that it runs")
    options = parser.parse_args()
    if options.quick and not options.runs:
        options.runs = [[quick_run()]]
    if not options.runs:
        parser.error("--runs or --quick is required")
    titles = options.title or [f"data set {number + 1}" for number in range(len(options.runs))]
    ladders = {}
    try:
        for title, roots in zip(titles, options.runs, strict=True):
            ladders[title] = [climb(Run(root.resolve())) for root in roots]
            print(f"\n{title}\n\n{table_of(ladders[title])}", flush=True)
    finally:
        stop_work()
    if options.json:
        options.json.write_text(json.dumps(ladders, indent=2) + "\n")
    if options.figure:
        draw(ladders, options.figure)


if __name__ == "__main__":
    main()
