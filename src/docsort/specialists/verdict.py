"""Is a specialist accepted? Judged on pages that neither it nor the general models have seen.

Each group is judged by itself against the vote of all general models, on the test-like condition. Where it is asked and
what its answer may move is fitted, nested by fold (`specialists.rules`): a page's rule was chosen on the other folds.
It is accepted only when the whole interval of this nested gain in macro-F1 lies above zero: in public, specialists lost
as often as they won. Reported either way. Where several groups are judged, each interval is wider (Bonferroni), so that
the chance to accept any that knows nothing stays what it is for one. A group that its trial stopped
(`specialists.trial`) counts among them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import LeakError, listing
from docsort.gates import macro_f1_gain
from docsort.metrics import macro_f1
from docsort.seeding import derive_seed
from docsort.specialists.groups import GROUPS, SpecialistGroup, groups_of_table, members_of_group
from docsort.specialists.late import late_rules
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import RoutingRule, is_touched, top_targets
from docsort.specialists.rules import (
    FittedRule,
    candidate_rules,
    fit_rule,
    judged_pages,
    record_of_rule,
)
from docsort.specialists.trial import TRIAL_FOLDS
from docsort.tables import JUDGED_CONDITION

NO_RULE = "none"
"""In place of a routing and a trigger, where no rule is better than to ask no specialist."""

VERDICTS = (
    *GROUPS,
    "before",
    "after",
    "delta",
    "low",
    "high",
    "pages_touched",
    "pages_changed",
    "accepted",
    "reason",
    "routing",
    "trigger",
    "threshold",
    "weight",
    "fitted_delta",
)
"""before, after: macro-F1 over all classes; delta = after - before, nested; low, high: its interval. routing, trigger,
threshold, weight: of the rule that fits all folds best, which is the one that is used; fitted_delta: its gain on the
pages that it was fitted to; pages_touched, pages_changed: renders that it is asked about, and whose answer it
changes."""


def judge(
    votes: pd.DataFrame,
    specialist_members: pd.DataFrame,
    groups: Sequence[SpecialistGroup],
    parameters: SpecialistParameters,
    seed: int,
    late: Mapping[str, float] | None = None,
    trials: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table VERDICTS, a row per group, and the rules of the accepted groups (`rules.record_of_rule`): `all`, those
    that fit all folds best, and `by_fold`, for each fold those that fit the other folds best.

    votes: of the general models, as a table of members (`votes.fold_votes`), and specialist_members
    (`views.members_of`) are out of fold. late: of the groups that are late members, the share of the pages that each
    may be asked about; trials: of all others, the table `trial.TRIALS`, None where all folds trained each. Raises
    LeakError when a specialist's fold is not the fold that the general model held the page out of.
    """
    confidence = 1 - (1 - parameters.confidence) / max(len(groups), 1)
    means, page_folds = judged_pages(votes)
    stopped = {}
    if trials is not None:
        ended = trials[~trials["goes_on"].astype(bool)]
        stopped = dict(zip(ended["group_name"].astype(str), ended.to_dict("records"), strict=True))
    rows, accepted = [], []
    for group in groups:
        if group.name in stopped:
            rows.append(_stopped(means, group, stopped[group.name]))
            continue
        own = members_of_group(specialist_members, group)
        own = own[own["condition"] == JUDGED_CONDITION]
        _check_same_folds(means["render_id"], page_folds, own, group)
        share = (late or {}).get(group.name)
        tried = late_rules(means, group, share) if share else candidate_rules(means, group, parameters)
        found = fit_rule(means, own, page_folds, tried)
        row = _judge(means, group, found, parameters.draws, confidence, seed)
        rows.append(row)
        if row["accepted"]:
            accepted.append(found)
    folds = np.unique(page_folds).tolist()
    by_fold = {str(fold): _records([found.by_fold[fold] for found in accepted]) for fold in folds}
    rules = {"all": _records([found.rule for found in accepted]), "by_fold": by_fold}
    return pd.DataFrame(rows, columns=list(VERDICTS)), rules


def accepted_groups(verdicts: pd.DataFrame) -> list[SpecialistGroup]:
    """The groups whose specialist is accepted."""
    return groups_of_table(verdicts[verdicts["accepted"].astype(bool)])


def _judge(
    means: pd.DataFrame, group: SpecialistGroup, found: FittedRule, draws: int, confidence: float, seed: int
) -> dict[str, object]:
    """A row of VERDICTS."""
    labels, before, rule = means["label"].astype(int), top_targets(means), found.rule
    own = derive_seed(seed, "specialist verdict", group.name)
    gain = macro_f1_gain(labels, before, found.nested, means["group"], draws, own, confidence)
    reason = gain.verdict("its nested gain in macro-F1")
    if rule is None:
        reason = f"rejected: none of {found.rivals} ways to ask it is better than not to ask"
    return {
        "group_name": group.name,
        "classes": " ".join(map(str, group.targets)),
        "before": macro_f1(labels, before),
        "after": macro_f1(labels, found.nested),
        "delta": gain.delta,
        "low": gain.low,
        "high": gain.high,
        "pages_touched": int(is_touched(means, rule).sum()) if rule else 0,
        "pages_changed": int((before != found.fitted).sum()),
        "accepted": rule is not None and gain.accepted,
        "reason": reason,
        "routing": rule.routing if rule else NO_RULE,
        "trigger": rule.trigger if rule else NO_RULE,
        "threshold": rule.threshold if rule else 0.0,
        "weight": rule.weight if rule else 0.0,
        "fitted_delta": macro_f1(labels, found.fitted) - macro_f1(labels, before),
    }


def _stopped(means: pd.DataFrame, group: SpecialistGroup, trial: Mapping[Any, Any]) -> dict[str, object]:
    """A row of VERDICTS of a group that not all folds have trained."""
    score = macro_f1(means["label"].astype(int), top_targets(means))
    reason = (
        f"rejected after {TRIAL_FOLDS} folds: on their {trial['pages']} pages none of {trial['rivals']} ways to ask it "
        "is better than not to ask"
    )
    nothing = dict.fromkeys(("delta", "low", "high", "threshold", "weight", "fitted_delta"), 0.0)
    named = {"group_name": group.name, "classes": " ".join(map(str, group.targets)), "before": score, "after": score}
    unused = {"pages_touched": 0, "pages_changed": 0, "accepted": False, "routing": NO_RULE, "trigger": NO_RULE}
    return {**named, **nothing, **unused, "reason": reason}


def _records(rules: Sequence[RoutingRule | None]) -> list[dict[str, Any]]:
    return [record_of_rule(rule) for rule in rules if rule is not None]


def _check_same_folds(
    pages: "pd.Series[str]", page_folds: NDArray[np.int64], own: pd.DataFrame, group: SpecialistGroup
) -> None:
    """Every page must have been held out of the specialist by the same fold as of the general model."""
    general = pd.DataFrame({"render_id": pages, "fold": page_folds})
    both = general.merge(own[["render_id", "fold"]].drop_duplicates(), on="render_id")
    leaks = both.loc[both["fold_x"] != both["fold_y"], "render_id"].unique()
    if len(leaks):
        raise LeakError(
            f"Expected specialist {group.name} to hold out the same pages as the general model of the same fold, but "
            f"it may have been trained on {len(leaks)} that it is judged on: {listing(leaks)}; train it again on the "
            "folds of this run."
        )
