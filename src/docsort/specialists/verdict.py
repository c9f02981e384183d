"""May a specialist speak? Judged on pages that neither it nor the general models have seen.

Each group is judged by itself against the mean of all general models, on the test-like view. Where it is asked and
what its answer may move is fitted, nested by fold (`specialists.fitting`): a page's rule was chosen on the other folds.
It is accepted only when the whole interval of this nested gain in macro-F1 lies above zero: in public, specialists lost
as often as they won. Reported either way. Where several groups are judged, each interval is wider (Bonferroni), so that
the chance to hear any that knows nothing stays what it is for one.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import LeakError, listing
from docsort.metrics import macro_f1, paired_bootstrap
from docsort.seeding import derive_seed
from docsort.specialists.fitting import JUDGED_VIEW, candidate_rules, fit_rule, judged_pages
from docsort.specialists.groups import GROUPS, SpecialistGroup, groups_of_table, members_of_group
from docsort.specialists.parameters import Routing, SpecialistParameters, Trigger
from docsort.specialists.routing import RoutingRule, is_touched, top_targets
from docsort.tables import check_columns

SILENT = "silent"
"""In place of a routing and a trigger, where no rule is better than silence."""

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
    "fitted_delta",
)
"""before, after: macro-F1 over all classes; delta = after - before, nested; low, high: its interval. routing, trigger,
threshold: of the rule that fits all folds best, which is the one that is used; fitted_delta: its gain on the pages that
it was fitted to; pages_touched, pages_changed: renders that it is asked about, and whose answer it changes."""


def judge(
    oof_members: pd.DataFrame,
    specialist_members: pd.DataFrame,
    groups: Sequence[SpecialistGroup],
    parameters: SpecialistParameters,
    seed: int,
) -> pd.DataFrame:
    """Columns VERDICTS, one row a group; no rows where there are no groups.

    Both tables of members (`views.members_of`) are out of fold. Raises LeakError when a specialist's fold is not
    the fold that the general model held the page out of.
    """
    rows = []
    if groups:
        means, page_folds = judged_pages(oof_members)
        confidence = 1 - (1 - parameters.confidence) / len(groups)
        for group in groups:
            own = members_of_group(specialist_members, group)
            own = own[own["view"] == JUDGED_VIEW]
            _check_same_folds(means["render_id"], page_folds, own, group)
            rows.append(_judge(means, own, page_folds, group, parameters, confidence, seed))
    return pd.DataFrame(rows, columns=list(VERDICTS))


def accepted_groups(verdicts: pd.DataFrame) -> list[SpecialistGroup]:
    """The groups whose specialist may speak."""
    return groups_of_table(verdicts[verdicts["accepted"].astype(bool)])


def accepted_rules(verdicts: pd.DataFrame) -> list[RoutingRule]:
    """How the specialists that may speak are routed, in the order of the verdicts."""
    check_columns(verdicts, VERDICTS, "specialist verdicts")
    heard = verdicts[verdicts["accepted"].astype(bool)]
    ways = zip(heard["routing"], heard["trigger"], heard["threshold"].astype(float), strict=True)
    return [
        RoutingRule(group, cast(Routing, routing), cast(Trigger, trigger), threshold)
        for group, (routing, trigger, threshold) in zip(groups_of_table(heard), ways, strict=True)
    ]


def _judge(
    means: pd.DataFrame,
    own: pd.DataFrame,
    page_folds: NDArray[np.int64],
    group: SpecialistGroup,
    parameters: SpecialistParameters,
    confidence: float,
    seed: int,
) -> tuple[object, ...]:
    labels, before = means["label"].astype(int), top_targets(means)
    found = fit_rule(means, own, page_folds, candidate_rules(means, group, parameters))
    delta, low, high = paired_bootstrap(
        labels,
        before,
        found.nested,
        means["group"],
        parameters.draws,
        derive_seed(seed, "specialist verdict", group.name),
        confidence,
    )
    rule = found.rule
    way = (rule.routing, rule.trigger, rule.threshold) if rule else (SILENT, SILENT, 0.0)
    accepted = rule is not None and low > 0
    return (
        group.name,
        " ".join(map(str, group.targets)),
        macro_f1(labels, before),
        macro_f1(labels, found.nested),
        delta,
        low,
        high,
        int(is_touched(means, rule).sum()) if rule else 0,
        int((before != found.fitted).sum()),
        accepted,
        _reason(low, high, rule, found.rivals, confidence),
        *way,
        macro_f1(labels, found.fitted) - macro_f1(labels, before),
    )


def _reason(low: float, high: float, rule: RoutingRule | None, rivals: int, confidence: float) -> str:
    if rule is None:
        return f"silent: none of {rivals} ways to ask it is better than not to ask"
    span = (
        f"the {confidence * 100:.4g} % interval of its gain in macro-F1, {low:+.4f} to {high:+.4f}, on folds that had "
        "no say in how it is asked,"
    )
    if low > 0:
        return f"may speak: {span} lies above zero"
    if high < 0:
        return f"silent: {span} lies below zero, it does harm"
    return f"silent: {span} is not above zero, the gain may be luck"


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
