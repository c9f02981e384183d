"""May a specialist speak? Judged on pages that neither it nor the general model has seen.

Each group is judged by itself against the general model, on the test-like view, with the averaging that the ensemble
will use. It is accepted only when the whole interval of its gain in macro-F1 lies above zero: in public, specialists
lost as often as they won. Reported either way.
"""

from collections.abc import Sequence

import pandas as pd

from docsort.errors import InputError, LeakError, listing
from docsort.metrics import macro_f1, mean_over_members, paired_bootstrap
from docsort.seeding import derive_seed
from docsort.specialists.groups import GROUPS, SpecialistGroup, groups_of_table, predictions_of_group
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import apply_specialists, is_touched, top_targets
from docsort.views import ViewPolicy, members_of

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
)
"""before, after: macro-F1 over all classes; delta = after - before; low, high: its interval; pages are renders."""

JUDGED_VIEW = "test_like"


def judge(
    oof_predictions: pd.DataFrame,
    specialist_predictions: pd.DataFrame,
    groups: Sequence[SpecialistGroup],
    parameters: SpecialistParameters,
    seed: int,
    policy: ViewPolicy | None = None,
) -> pd.DataFrame:
    """Columns VERDICTS, one row a group; no rows where there are no groups.

    Both prediction tables are out of fold; policy: the views that the ensemble will use. Raises LeakError when a
    specialist's fold is not the fold that the general model held the page out of.
    """
    general = oof_predictions[oof_predictions["view"] == JUDGED_VIEW]
    if general.empty:
        raise InputError(f"Expected out-of-fold predictions of the view {JUDGED_VIEW}, but there are none.")
    rows = []
    if groups:
        means = mean_over_members(members_of(general, policy).drop(columns="views"))
        for group in groups:
            own = predictions_of_group(specialist_predictions, group)
            own = own[own["view"] == JUDGED_VIEW]
            _check_same_folds(general, own, group)
            rows.append(_judge(means, own, group, parameters, seed, policy))
    return pd.DataFrame(rows, columns=list(VERDICTS))


def accepted_groups(verdicts: pd.DataFrame) -> list[SpecialistGroup]:
    """The groups whose specialist may speak."""
    return groups_of_table(verdicts[verdicts["accepted"].astype(bool)])


def _judge(
    means: pd.DataFrame,
    own: pd.DataFrame,
    group: SpecialistGroup,
    parameters: SpecialistParameters,
    seed: int,
    policy: ViewPolicy | None,
) -> tuple[object, ...]:
    labels = means["label"].astype(int)
    before, after = top_targets(means), top_targets(apply_specialists(means, own, [group], policy))
    delta, low, high = paired_bootstrap(
        labels,
        before,
        after,
        means["group"],
        parameters.draws,
        derive_seed(seed, "specialist verdict", group.name),
        parameters.confidence,
    )
    touched, changed = int(is_touched(means, group).sum()), int((before != after).sum())
    return (
        group.name,
        " ".join(map(str, group.targets)),
        macro_f1(labels, before),
        macro_f1(labels, after),
        delta,
        low,
        high,
        touched,
        changed,
        low > 0,
        _reason(low, high, changed, parameters.confidence),
    )


def _reason(low: float, high: float, changed: int, confidence: float) -> str:
    span = f"the {confidence * 100:g} % interval of its gain in macro-F1, {low:+.4f} to {high:+.4f},"
    if not changed:
        return "silent: it would change no answer"
    if low > 0:
        return f"may speak: {span} lies above zero"
    if high < 0:
        return f"silent: {span} lies below zero, it does harm"
    return f"silent: {span} is not above zero, the gain may be luck"


def _check_same_folds(general: pd.DataFrame, own: pd.DataFrame, group: SpecialistGroup) -> None:
    """Every page must have been held out of the specialist by the same fold as of the general model."""
    pages = ["render_id", "fold"]
    both = general[pages].drop_duplicates().merge(own[pages].drop_duplicates(), on="render_id")
    leaks = both.loc[both["fold_x"] != both["fold_y"], "render_id"].unique()
    if len(leaks):
        raise LeakError(
            f"Expected specialist {group.name} to hold out the same pages as the general model of the same fold, but "
            f"it may have been trained on {len(leaks)} that it is judged on: {listing(leaks)}; train it again on the "
            "folds of this run."
        )
