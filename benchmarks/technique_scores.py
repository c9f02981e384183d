"""Scores of training techniques beside the base: differences with intervals, verdicts, and the table of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from docsort.errors import InputError
from docsort.metrics import macro_f1, paired_bootstrap
from docsort.reporting.scores import join_answer_key

BASE = "base"
ANSWERS = ("condition", "page", "group", "label", "predicted")
"""condition: clean, test_like or test; page: render or image id; label: missing for test until the key is joined."""
CONDITIONS = ("test_like", "clean", "test")

Delta = tuple[float, float, float]
"""Difference, and the low and high end of its interval."""


@dataclass(frozen=True)
class Answers:
    """table: ANSWERS, one row a page; seconds: of all epochs of all folds."""

    table: pd.DataFrame
    seconds: float


def with_truth(answers: Answers, truth: pd.DataFrame | None) -> Answers:
    """The answers with the labels of the test pages, or without the test pages where there is no key."""
    is_test = answers.table["condition"] == "test"
    judged = answers.table[~is_test]
    if truth is not None and is_test.any():
        test = answers.table[is_test]
        submission = pd.DataFrame({"ID": test["page"], "target": test["predicted"]})
        labels = join_answer_key(submission, truth)["label"].astype("Int64")
        judged = pd.concat([judged, test.assign(label=labels.to_numpy())], ignore_index=True)
    return Answers(judged, answers.seconds)


def of_condition(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    return table[table["condition"] == condition]


def score(table: pd.DataFrame, condition: str) -> float:
    own = of_condition(table, condition)
    return macro_f1(own["label"].astype(int), own["predicted"])


def compare(base: pd.DataFrame, variant: pd.DataFrame, condition: str) -> Delta:
    """What the variant scores more than the base on the same pages. Raises InputError where they are not the same."""
    ours, theirs = (of_condition(table, condition).sort_values("page") for table in (base, variant))
    if ours["page"].tolist() != theirs["page"].tolist():
        raise InputError("Expected both variants to have answered the same pages; delete the kept answers.")
    return paired_bootstrap(ours["label"].astype(int), ours["predicted"], theirs["predicted"], ours["group"])


def put_together(tables: Mapping[int, pd.DataFrame], pages_differ: bool) -> pd.DataFrame:
    """The answers of all seeds as one table whose macro-F1 is the mean of the seeds': each seed's classes are classes
    of their own. Groups of one name are drawn together, unless each seed has drawn pages of its own.
    """
    span = 1 + max(int(table[["label", "predicted"]].max().max()) for table in tables.values())
    parts = []
    for place, (seed, table) in enumerate(tables.items()):
        moved = {name: table[name] + place * span for name in ("label", "predicted")}
        group = f"{seed}/" + table["group"] if pages_differ else table["group"]
        parts.append(table.assign(page=f"{seed}/" + table["page"], group=group, **moved))
    return pd.concat(parts, ignore_index=True)


def verdict(deltas: Sequence[float], low: float, high: float) -> str:
    """helps | hurts | noise, from every seed's difference and the interval of their mean, all on test-like pages."""
    if low > 0 and all(delta > 0 for delta in deltas):
        return "helps"
    if high < 0 and all(delta < 0 for delta in deltas):
        return "hurts"
    return "noise"


def summarise(found: Mapping[int, Mapping[str, Answers | None]], pages_differ: bool) -> dict[str, dict[str, Any]]:
    """The figures of every variant, JSON-able; found: by seed and variant, with truth. The base has its own scores.

    A variant that diverged at any seed has none: a mean over the lucky seeds would flatter it.
    """
    bases = {seed: answers[BASE] for seed, answers in found.items()}
    good = {seed: base for seed, base in bases.items() if base is not None}
    if len(good) < len(bases):
        raise InputError("Expected the base to be trained at every seed, but it diverged; lower its learning rate.")
    conditions = [each for each in CONDITIONS if all((base.table["condition"] == each).any() for base in good.values())]
    scores = {each: {str(seed): score(base.table, each) for seed, base in good.items()} for each in conditions}
    figures: dict[str, dict[str, Any]] = {BASE: {"scores": scores, "seconds": sum(b.seconds for b in good.values())}}
    for name in next(iter(found.values())):
        if name == BASE:
            continue
        answers = {seed: own for seed in found if (own := found[seed][name]) is not None}
        if len(answers) < len(found):
            diverged = [seed for seed in found if seed not in answers]
            figures[name] = {"verdict": "diverged", "diverged_at": diverged}
        else:
            figures[name] = _against(good, answers, conditions, pages_differ)
    return figures


def _against(
    bases: Mapping[int, Answers], variants: Mapping[int, Answers], conditions: Sequence[str], pages_differ: bool
) -> dict[str, Any]:
    """Of each condition the differences by seed and their mean; times: seconds over the base's; the verdict."""
    figures: dict[str, Any] = {}
    for condition in conditions:
        tables = [{s: of_condition(own.table, condition) for s, own in each.items()} for each in (bases, variants)]
        seeds = {str(seed): compare(tables[0][seed], tables[1][seed], condition) for seed in bases}
        both = [put_together(each, pages_differ) for each in tables]
        figures[condition] = {"seeds": seeds, "mean": compare(both[0], both[1], condition)}
    seconds = [sum(own.seconds for own in each.values()) for each in (bases, variants)]
    judge = figures["test_like"]
    decided = verdict([delta for delta, _, _ in judge["seeds"].values()], *judge["mean"][1:])
    return {**figures, "seconds": seconds[1], "times": seconds[1] / seconds[0], "verdict": decided}


def table_of(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: the scores of the base, then what each variant changes of them."""
    base = figures[BASE]["scores"]
    seeds = list(base["test_like"])
    head = ["variant", *(f"test-like, seed {seed}" for seed in seeds), "test-like, mean", "clean", "test", "time"]
    rows = [[*head, "verdict"], ["---"] * (len(head) + 1)]
    others = [f"{_mean(base[each].values()):.3f}" if each in base else "–" for each in CONDITIONS]
    own = [f"{base['test_like'][seed]:.3f}" for seed in seeds]
    rows.append([BASE, *own, *others, f"{figures[BASE]['seconds']:.0f} s", ""])
    for name, row in figures.items():
        if name != BASE:
            rows.append([name, *_cells(row, seeds), row["verdict"]])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cells(row: Mapping[str, Any], seeds: Sequence[str]) -> list[str]:
    if "diverged_at" in row:
        return ["diverged" if int(seed) in row["diverged_at"] else "–" for seed in seeds] + ["–"] * 4
    judge = row["test_like"]
    others = [f"{row[each]['mean'][0]:+.3f}" if each in row else "–" for each in CONDITIONS[1:]]
    return [*(_interval(judge["seeds"][s]) for s in seeds), _interval(judge["mean"]), *others, f"×{row['times']:.2f}"]


def _interval(delta: Sequence[float]) -> str:
    return f"{delta[0]:+.3f} [{delta[1]:+.3f}, {delta[2]:+.3f}]"


def _mean(values: Any) -> float:
    numbers = list(values)
    return float(sum(numbers) / len(numbers))
