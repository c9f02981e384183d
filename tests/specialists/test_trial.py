"""A specialist is trained on all folds only where the first ones show some use of it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.metrics import macro_f1
from docsort.specialists.groups import SpecialistGroup, group_table
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import top_targets
from docsort.specialists.rules import judged_pages
from docsort.specialists.trial import TRIAL_FOLDS, promising, try_groups
from docsort.specialists.verdict import judge

GROUP = SpecialistGroup("certificates", (1, 2, 3))
GROUPS = group_table([GROUP])
PARAMETERS = SpecialistParameters(groups={}, draws=300)
Make = Callable[..., pd.DataFrame]


def first_folds(members: pd.DataFrame) -> pd.DataFrame:
    return members[members["fold"] < TRIAL_FOLDS]


def test_one_that_knows_its_classes_goes_on(general: pd.DataFrame, make_specialist: Make) -> None:
    trials = try_groups(general, first_folds(make_specialist(1.0)), GROUPS, PARAMETERS)
    (row,) = trials.to_dict("records")
    assert row["goes_on"]
    assert row["fitted_delta"] > 0
    assert row["pages"] == first_folds(general)["render_id"].nunique()
    assert promising(GROUPS, trials).equals(GROUPS)


def test_one_that_is_always_wrong_stops(general: pd.DataFrame, make_specialist: Make) -> None:
    trials = try_groups(general, first_folds(make_specialist(-1.0)), GROUPS, PARAMETERS)
    assert trials["goes_on"].tolist() == [False]
    assert trials["fitted_delta"].tolist() == [0.0]
    assert promising(GROUPS, trials).empty


def test_only_pages_that_the_first_folds_held_out_decide(general: pd.DataFrame, make_specialist: Make) -> None:
    """Right on the first folds and wrong on all others, and the other way round: the first one goes on."""
    right, wrong = make_specialist(1.0), make_specialist(-1.0)
    own, others = right["fold"] < TRIAL_FOLDS, right["fold"] >= TRIAL_FOLDS
    for early, late, goes_on in ((right, wrong, True), (wrong, right, False)):
        members = pd.concat([early[own], late[others]], ignore_index=True)
        assert try_groups(general, first_folds(members), GROUPS, PARAMETERS)["goes_on"].tolist() == [goes_on]


def test_all_go_on_where_that_is_wished(general: pd.DataFrame, make_specialist: Make) -> None:
    whole = PARAMETERS.model_copy(update={"early_stop": False})
    assert try_groups(general, first_folds(make_specialist(-1.0)), GROUPS, whole)["goes_on"].tolist() == [True]


@pytest.mark.parametrize("numbers", [False, True])
def test_no_groups_and_names_that_a_csv_reads_as_numbers(
    numbers: bool, general: pd.DataFrame, make_specialist: Make
) -> None:
    groups = GROUPS.assign(group_name=["7"]) if numbers else GROUPS.iloc[:0]
    members = make_specialist(1.0).assign(model="7")
    trials = try_groups(general, first_folds(members), groups, PARAMETERS)
    assert len(promising(groups.astype({"group_name": int} if numbers else {}), trials)) == len(groups)


def test_a_stopped_one_is_rejected_and_counted(general: pd.DataFrame, make_specialist: Make) -> None:
    """The other group's interval is as wide as if both had been trained."""
    trials = try_groups(general, first_folds(make_specialist(-1.0)), GROUPS, PARAMETERS)
    known = make_specialist(1.0)
    pair = SpecialistGroup("pair", (1, 2, 3))
    both = pd.concat([make_specialist(-1.0), known.assign(model="pair")], ignore_index=True)
    verdicts, rules = judge(general, both, [GROUP, pair], PARAMETERS, seed=1, trials=trials)
    stopped, kept = verdicts.to_dict("records")
    means = judged_pages(general)[0]
    assert not stopped["accepted"]
    assert stopped["before"] == stopped["after"] == macro_f1(means["label"].astype(int), top_targets(means))
    assert "rejected after 2 folds" in stopped["reason"]
    assert [rule["group_name"] for rule in rules["all"]] == ["pair"]
    alone = judge(general, both, [pair], PARAMETERS, seed=1)[0].iloc[0]
    assert kept["high"] - kept["low"] > alone["high"] - alone["low"]
    assert np.isclose(kept["delta"], alone["delta"])
