"""Is a group worth its trainings? Its specialist is tried on the first folds, and on the others only where it may help.

What the trial asks for is less than what the verdict asks for later: that some way to ask the specialist, the best in
hindsight, is better than not to ask it, on the pages that these folds held out. A specialist that is refused there
would have to win on the other folds alone whatever it is to win. The trial can only refuse, so that no more groups
that know nothing are accepted than by the verdict alone; and the verdict's intervals stay as wide as for all groups
that were tried.
"""

import pandas as pd

from docsort.metrics import macro_f1
from docsort.specialists.groups import GROUPS, groups_of_table, members_of_group
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import top_targets
from docsort.specialists.rules import candidate_rules, fit_rule, judged_pages
from docsort.tables import JUDGED_CONDITION

TRIAL_FOLDS = 2
"""How many folds train first: fewer and luck decides, more and little is saved."""

TRIALS = (*GROUPS, "pages", "rivals", "fitted_delta", "goes_on")
"""A row per group. pages: test-like renders that the first folds held out; rivals: rules that were tried; fitted_delta:
gain in macro-F1 of the best of them on these pages, 0 where none is better than not to ask; goes_on: whether the other
folds train it."""


def try_groups(
    votes: pd.DataFrame, specialist_members: pd.DataFrame, groups: pd.DataFrame, parameters: SpecialistParameters
) -> pd.DataFrame:
    """The table TRIALS.

    votes: of the general models, as a table of members; specialist_members: of the first TRIAL_FOLDS folds; both out
    of fold. groups: columns GROUPS. With `early_stop` off all go on.
    """
    own_folds = votes[votes["fold"].isin(range(TRIAL_FOLDS))]
    rows = []
    for group in groups_of_table(groups):
        means, page_folds = judged_pages(own_folds)
        members = members_of_group(specialist_members, group)
        rules = candidate_rules(means, group, parameters)
        found = fit_rule(means, members[members["condition"] == JUDGED_CONDITION], page_folds, rules)
        labels = means["label"].astype(int)
        gain = macro_f1(labels, found.fitted) - macro_f1(labels, top_targets(means))
        goes_on = found.rule is not None or not parameters.early_stop
        rows.append((group.name, " ".join(map(str, group.targets)), len(means), len(rules), gain, goes_on))
    return pd.DataFrame(rows, columns=list(TRIALS))


def promising(groups: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The rows of the groups that go on."""
    kept = trials.loc[trials["goes_on"].astype(bool), "group_name"].astype(str)
    return groups[groups["group_name"].astype(str).isin(kept)]
