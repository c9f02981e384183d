"""Which of the candidates would have been better, told without a leaderboard: on held-out pages, all on the same draws.

Every candidate answers the test-like pages out of fold, through the very function that makes the submission, and is
compared with the answers that are used. Fitted weights are nested. Two-level votes have no rows of their own: out of
fold a model has one member a page, so `soft_soft` answers as `soft`, `soft_hard` and `hard_hard` as `hard`.

The interval of a difference is that of the difference alone. Of many candidates one looks better by luck, so the
verdict is corrected for their number, by the stepdown of Romano & Wolf ("Stepwise multiple testing as formalized data
snooping", Econometrica 2005) on the largest of the studentised differences. Like Holm's it holds the chance of any
false "real" to 1 - confidence; unlike Holm's it knows from the shared draws how much the candidates are alike, so that
ten near copies of one vote do not hide a difference.

Legend of shapes: P pages, K candidates, B bootstrap draws.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import FITTED, JUDGED_VIEW
from docsort.ensembling.votes import cast_votes
from docsort.errors import InputError
from docsort.metrics import macro_f1, paired_draws
from docsort.seeding import derive_seed
from docsort.specialists.verdict import accepted_groups

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
"""One row a candidate, what is used first, then the best first. low, high: interval of its test-like macro-F1; delta:
that less the used one's, above zero where the candidate is better, with its interval; p: corrected for the number of
candidates, in [0, 1]; pages_changed: renders answered otherwise; verdict: in words."""

USED = "as used"
ONE_LEVEL = ("soft", "geometric", "rank", "hard")
WEIGHED = {"selected": "selected weights", "routed": "routed classes"}
WITH, WITHOUT = "with specialists", "without specialists"

Floats = NDArray[np.float64]


def compare_candidates(
    members: pd.DataFrame,
    specialist_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    used: pd.DataFrame,
    selection: Mapping[str, Any],
    parameters: EnsemblingParameters,
    seed: int,
) -> pd.DataFrame:
    """The table CANDIDATES.

    members, specialist_members: out of fold; used: VOTES of `votes.vote_out_of_fold`; selection: the record of
    `selection.select_ensemble`. Only test-like pages are looked at.
    """
    members, special, used = (table[table["view"] == JUDGED_VIEW] for table in (members, specialist_members, used))
    used = used.sort_values("render_id", kind="stable", ignore_index=True)
    answers = {USED: used["predicted"].to_numpy(np.int64)}
    for name, votes in _cast(members, special, verdicts, selection, parameters):
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
    names, said = list(answers), list(answers.values())
    draws = paired_draws(labels, said, groups, parameters.draws, derive_seed(seed, "candidates"))
    scores = np.array([macro_f1(labels, own) for own in said])
    deltas, spread = scores - scores[0], draws - draws[:, :1]
    ends = [(1 - parameters.confidence) / 2, (1 + parameters.confidence) / 2]
    intervals, gains = np.quantile(draws, ends, axis=0), np.quantile(spread, ends, axis=0)
    table = pd.DataFrame({"candidate": names, "macro_f1": scores, "low": intervals[0], "high": intervals[1]})
    table = table.assign(delta=deltas, delta_low=gains[0], delta_high=gains[1], p=stepdown(deltas, spread))
    table["pages_changed"] = [int((own != said[0]).sum()) for own in said]
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
    members: pd.DataFrame,
    specialist_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    selection: Mapping[str, Any],
    parameters: EnsemblingParameters,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every candidate's name and VOTES, by render."""
    names, silent = list(selection["models"]), verdicts.iloc[:0]
    hearings = {WITH: verdicts, WITHOUT: silent} if accepted_groups(verdicts) else {"": silent}
    level = parameters.model_copy(update={"weights": "equal"})
    single = level.model_copy(update={"vote": "soft"})
    for hearing, own in hearings.items():
        suffix = f", {hearing}" if hearing else ""
        for name in names:
            alone = members[members["model"] == name]
            yield f"{name} alone{suffix}", cast_votes(alone, specialist_members, own, single)
        if len(names) == 1:
            continue
        for kind in ONE_LEVEL:
            changed = level.model_copy(update={"vote": kind})
            yield f"{kind} vote, equal weights{suffix}", cast_votes(members, specialist_members, own, changed)
        for way in FITTED:
            changed = parameters.model_copy(update={"weights": way})
            record = {**selection, "used": way}
            yield f"{WEIGHED[way]}{suffix}", cast_votes(members, specialist_members, own, changed, record)


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
