"""Which of the candidates would have been better, without a leaderboard: on held-out pages, all on the same draws.

Every candidate answers the test-like pages out of fold, through the very function that makes the submission, and is
compared with the answers that are used. Fitted weights are nested. Two-level votes have no rows of their own: out of
fold a model has one member per page, so `soft_soft` answers as `soft`, `soft_hard` and `hard_hard` as `hard`.

The interval of a difference is that of the difference alone. Of many candidates one looks better by luck, so the
verdict is corrected for their number, by the stepdown of Romano & Wolf ("Stepwise multiple testing as formalized data
snooping", Econometrica 2005) on the largest of the studentised differences. Like Holm's it holds the chance of any
false "real" to 1 - confidence; unlike Holm's it knows from the shared draws how much the candidates are alike, so that
ten near copies of one vote do not hide a difference.

Legend of shapes: P pages, K candidates, B bootstrap draws.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.decisions import Decisions
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import WAYS
from docsort.ensembling.votes import VotePlan, cast_votes
from docsort.ensembling.weighing import is_routed
from docsort.errors import InputError
from docsort.metrics import macro_f1, paired_draws
from docsort.seeding import derive_seed
from docsort.tables import JUDGED_CONDITION

CANDIDATES = (
    "candidate",
    "macro_f1",
    "low",
    "high",
    "delta",
    "delta_low",
    "delta_high",
    "p",
    "pages_changed",
    "verdict",
)
"""One row per candidate, what is used first, then the best first. low, high: interval of its test-like macro-F1; delta:
that less the used one's, above zero where the candidate is better, with its interval; p: corrected for the number of
candidates, in [0, 1]; pages_changed: renders answered otherwise; verdict: in words."""

USED = "as used"
ONE_LEVEL = ("soft", "geometric", "rank", "hard")
WEIGHED = {
    "stacked": "stacked weights",
    "selected": "selected weights",
    "routed": "routed classes",
    "logistic": "logistic stacker",
}
WITH, WITHOUT = "with specialists", "without specialists"

Floats = NDArray[np.float64]


def compare_candidates(
    predictions: pd.DataFrame,
    by_fold: Mapping[int, Decisions],
    used: pd.DataFrame,
    selection: Mapping[str, Any],
    parameters: EnsemblingParameters,
    seed: int,
) -> pd.DataFrame:
    """The table CANDIDATES.

    predictions: of general members and specialists, out of fold; by_fold: what the other folds chose; used: VOTES of
    `decisions.vote_out_of_fold`; selection: the record of `selection.select_ensemble`. Only test-like pages are looked
    at.
    """
    seen, used = (table[table["condition"] == JUDGED_CONDITION] for table in (predictions, used))
    used = used.sort_values("render_id", kind="stable", ignore_index=True)
    answers = {USED: used["predicted"].to_numpy(np.int64)}
    for name, votes in _cast(seen, by_fold, selection):
        if votes["render_id"].astype(str).tolist() != used["render_id"].astype(str).tolist():
            raise InputError(
                f"Expected candidate {name} to answer the pages of `oof_votes`, but it answers others; run the "
                "ensembling pipeline again."
            )
        answers[name] = votes["predicted"].to_numpy(np.int64)
    return rank_candidates(used["label"].astype(int), answers, used["group"], parameters, seed)


def rank_candidates(
    labels: pd.Series,
    answers: Mapping[str, NDArray[np.int64]],
    groups: pd.Series,
    parameters: EnsemblingParameters,
    seed: int,
) -> pd.DataFrame:
    """The table CANDIDATES of the answers (P,) by name, the first being those that are used."""
    names, answered = list(answers), list(answers.values())
    draws = paired_draws(labels, answered, groups, parameters.draws, derive_seed(seed, "candidates"))
    scores = np.array([macro_f1(labels, own) for own in answered])
    deltas, spread = scores - scores[0], draws - draws[:, :1]
    ends = [(1 - parameters.confidence) / 2, (1 + parameters.confidence) / 2]
    intervals, gains = np.quantile(draws, ends, axis=0), np.quantile(spread, ends, axis=0)
    table = pd.DataFrame({"candidate": names, "macro_f1": scores, "low": intervals[0], "high": intervals[1]})
    table = table.assign(delta=deltas, delta_low=gains[0], delta_high=gains[1], p=stepdown(deltas, spread))
    table["pages_changed"] = [int((own != answered[0]).sum()) for own in answered]
    compared = int((table["pages_changed"] > 0).sum())
    table["verdict"] = [_verdict(row, compared, parameters.confidence) for row in table.to_dict("records")]
    order = [0, *(1 + np.argsort(-scores[1:], kind="stable"))]
    return table.iloc[order].reset_index(drop=True)[list(CANDIDATES)]


def stepdown(deltas: Floats, draws: Floats) -> Floats:
    """(K,) p-values of differences (K,) with bootstrap draws (B, K) being zero, two-sided and corrected for their
    number; 1 where a difference does not vary."""
    spread = draws.std(axis=0)
    varies = np.flatnonzero(spread > 0)
    sizes = np.abs(deltas[varies]) / spread[varies]
    noise = np.abs(draws[:, varies] - deltas[varies]) / spread[varies]
    p, highest = np.ones(len(deltas)), 0.0
    order = np.argsort(-sizes, kind="stable")
    for place, i in enumerate(order):
        largest = noise[:, order[place:]].max(axis=1)
        highest = max(highest, (1 + (largest >= sizes[i]).sum()) / (1 + len(draws)))
        p[varies[i]] = highest
    return p


def _cast(
    predictions: pd.DataFrame,
    by_fold: Mapping[int, Decisions],
    selection: Mapping[str, Any],
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every candidate's name and VOTES, by render."""
    tables = {
        fold: (chosen.plan, *chosen.members(predictions[predictions["fold"] == fold]))
        for fold, chosen in by_fold.items()
    }
    names = list(selection["models"])
    specialised = any(plan.rules for plan, _, _ in tables.values())
    for name in names if len(names) > 1 else []:
        plans = {fold: leave_out(plan, name) for fold, (plan, _, _) in tables.items()}
        yield all_but(name), _vote(tables, plans, set(names) - {name})
    for suffix in (f", {WITH}", f", {WITHOUT}") if specialised else ("",):
        plans = {
            fold: VotePlan(rules=plan.rules if suffix == f", {WITH}" else ()) for fold, (plan, _, _) in tables.items()
        }
        for name in names:
            yield f"{name} alone{suffix}", _vote(tables, plans, {name})
        if len(names) == 1:
            continue
        for kind in ONE_LEVEL:
            changed = {fold: replace(plan, kind=kind) for fold, plan in plans.items()}  # type: ignore[arg-type]
            yield f"{kind} vote, equal weights{suffix}", _vote(tables, changed, names)
        for way in WAYS:
            fitted = selection[way]["by_fold"]
            changed = {fold: replace(plan, **fitted[str(fold)]) for fold, plan in plans.items()}
            yield f"{WEIGHED[way]}{suffix}", _vote(tables, changed, names)


def all_but(model: str) -> str:
    """The candidate that lacks one member, and is as used otherwise."""
    return f"all but {model}"


def leave_out(plan: VotePlan, model: str) -> VotePlan:
    """The plan of the others, equal among them where only the one that is left out counted."""

    def rest(weights: Mapping[str, float]) -> dict[str, float]:
        others = {name: weight for name, weight in weights.items() if name != model}
        return others if any(others.values()) else dict.fromkeys(others, 1.0)

    if plan.weights is None:
        return plan
    if is_routed(plan.weights):
        return replace(plan, weights={column: rest(own) for column, own in plan.weights.items()})
    return replace(plan, weights=rest(plan.weights))


def _vote(
    tables: Mapping[int, tuple[VotePlan, pd.DataFrame, pd.DataFrame]],
    plans: Mapping[int, VotePlan],
    models: Collection[str],
) -> pd.DataFrame:
    """VOTES of all folds, each by its plan, of some of the models."""
    parts = []
    for fold, (_, general, special) in tables.items():
        parts.append(cast_votes(general[general["model"].isin(models)], plans[fold], special))
    return pd.concat(parts, ignore_index=True).sort_values("render_id", kind="stable", ignore_index=True)


def _verdict(row: Mapping[Any, Any], compared: int, confidence: float) -> str:
    if row["candidate"] == USED:
        return "what is used"
    if not row["pages_changed"]:
        return "the same answers"
    size, among = f"{abs(row['delta']):.4f}", f"p {row['p']:.3f}, corrected for {compared} compared"
    if row["p"] <= 1 - confidence:
        return f"real: {'better' if row['delta'] > 0 else 'worse'} by {size} than what is used ({among})"
    if row["delta_low"] > 0 or row["delta_high"] < 0:
        return f"noise: alone it would look real, but of so many one may by luck ({among})"
    return f"noise: a difference of {row['delta']:+.4f} may be luck ({among})"
