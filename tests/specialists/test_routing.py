"""Routing moves what its rule says and nothing else, on the pages that its trigger catches and on no other."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from docsort.errors import InputError
from docsort.metrics import mean_over_members
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import Routing, Trigger
from docsort.specialists.routing import RoutingRule, apply_specialists, is_touched, top_targets
from docsort.tables import probability_columns

GROUP = SpecialistGroup("certificates", (1, 2, 3))
OUTSIDE = ["p_0", "p_4", "p_5"]
SOFT = RoutingRule(GROUP, "soft", "top1")
TRIGGERS: list[tuple[Trigger, float]] = [("top1", 0.0), ("mass", 0.4), ("margin", 0.3), ("entropy", 0.5)]
Make = Callable[..., pd.DataFrame]


@pytest.fixture
def means(general: pd.DataFrame) -> pd.DataFrame:
    return mean_over_members(general)


def halves(make_specialist: Make) -> pd.DataFrame:
    """Specialists `a` of the classes 1 and 2, and `b` of 3 and 5."""
    first = make_specialist(1.0, "a").drop(columns="p_3")
    first[["p_1", "p_2"]] = first[["p_1", "p_2"]].div(first[["p_1", "p_2"]].sum(axis=1), axis=0)
    second = first.rename(columns={"p_1": "p_3", "p_2": "p_5"}).assign(model="b")
    return pd.concat([first, second], ignore_index=True).fillna(0)


@pytest.mark.parametrize("routing", ["soft", "hard"])
@pytest.mark.parametrize(("trigger", "threshold"), TRIGGERS)
def test_rows_still_sum_to_one_and_pages_that_are_not_asked_about_stay(
    routing: Routing, trigger: Trigger, threshold: float, means: pd.DataFrame, make_specialist: Make
) -> None:
    rule = RoutingRule(GROUP, routing, trigger, threshold)
    spoken = apply_specialists(means, make_specialist(1.0), [rule])
    touched = is_touched(means, rule)
    assert 0 < touched.sum() < len(means)
    assert spoken[probability_columns(spoken)].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(means)))
    pd.testing.assert_frame_equal(spoken[~touched], means[~touched])


def test_soft_routing_moves_nothing_outside_the_group_and_hard_routing_takes_all(
    means: pd.DataFrame, make_specialist: Make
) -> None:
    touched = is_touched(means, SOFT)
    soft = apply_specialists(means, make_specialist(1.0), [SOFT])
    pd.testing.assert_frame_equal(soft[OUTSIDE], means[OUTSIDE])
    hard = apply_specialists(means, make_specialist(1.0), [RoutingRule(GROUP, "hard", "top1")])
    assert (hard.loc[touched, OUTSIDE] == 0).all(axis=None)
    own = mean_over_members(make_specialist(1.0)).loc[touched, GROUP.columns]
    assert hard.loc[touched, GROUP.columns].to_numpy() == pytest.approx(own.to_numpy())


def test_within_the_group_the_shares_are_the_specialists(means: pd.DataFrame, make_specialist: Make) -> None:
    specialist = make_specialist(0.5)
    own = mean_over_members(specialist).set_index("render_id")
    spoken = apply_specialists(means, specialist, [SOFT]).set_index("render_id")
    for render in means.loc[is_touched(means, SOFT), "render_id"]:
        shares = spoken.loc[render, GROUP.columns] / spoken.loc[render, GROUP.columns].sum()
        assert shares.to_numpy(float) == pytest.approx(own.loc[render, GROUP.columns].to_numpy(float))


def test_triggers_catch_what_they_say(means: pd.DataFrame) -> None:
    first = np.isin(top_targets(means), GROUP.targets)
    values = means[GROUP.columns].to_numpy()
    shares = np.sort(values / values.sum(axis=1, keepdims=True), axis=1)
    expected = {
        "top1": first,
        "mass": values.sum(axis=1) >= 0.4,
        "margin": first & (shares[:, 2] - shares[:, 1] <= 0.3),
        "entropy": first & (entropy(shares, axis=1) / np.log(3) >= 0.5),
    }
    for trigger, threshold in TRIGGERS:
        touched = is_touched(means, RoutingRule(GROUP, "soft", trigger, threshold))
        assert touched.tolist() == expected[trigger].tolist(), trigger


def test_a_page_that_is_surely_unsure_is_caught_at_the_ends_of_the_range(means: pd.DataFrame) -> None:
    equal = means.assign(p_0=0.1, p_1=0.3, p_2=0.3, p_3=0.3, p_4=0.0, p_5=0.0)
    assert is_touched(equal, RoutingRule(GROUP, "soft", "margin", 0.0)).all()
    assert is_touched(equal, RoutingRule(GROUP, "soft", "entropy", 1 - 1e-9)).all()
    empty = equal.assign(p_0=1.0, p_1=0.0, p_2=0.0, p_3=0.0)
    assert not is_touched(empty, RoutingRule(GROUP, "soft", "margin", 1.0)).any()


def test_a_specialist_that_says_what_the_general_model_says_changes_nothing(means: pd.DataFrame) -> None:
    echo = means.assign(model="certificates", fold=0)
    echo[GROUP.columns] = echo[GROUP.columns].div(echo[GROUP.columns].sum(axis=1), axis=0)
    spoken = apply_specialists(means, echo, [SOFT])
    assert spoken[GROUP.columns].to_numpy() == pytest.approx(means[GROUP.columns].to_numpy())


@pytest.mark.parametrize("routing", ["soft", "hard"])
@pytest.mark.parametrize(("trigger", "threshold"), TRIGGERS[:2])
def test_the_order_of_rules_is_of_no_account(
    routing: Routing, trigger: Trigger, threshold: float, means: pd.DataFrame, make_specialist: Make
) -> None:
    groups = SpecialistGroup("a", (1, 2)), SpecialistGroup("b", (3, 5))
    rules = [RoutingRule(group, routing, trigger, threshold) for group in groups]
    forth = apply_specialists(means, halves(make_specialist), rules)
    back = apply_specialists(means, halves(make_specialist), rules[::-1])
    pd.testing.assert_frame_equal(forth, back)


def test_a_page_that_two_rules_catch_goes_to_the_group_with_more_of_its_mass(
    means: pd.DataFrame, make_specialist: Make
) -> None:
    both = means.assign(p_0=0.0, p_1=0.2, p_2=0.1, p_3=0.3, p_4=0.0, p_5=0.4)
    groups = SpecialistGroup("a", (1, 2)), SpecialistGroup("b", (3, 5))
    rules = [RoutingRule(group, "hard", "mass", 0.3) for group in groups]
    spoken = apply_specialists(both, halves(make_specialist), rules)
    assert spoken[["p_3", "p_5"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(both)))


def test_members_are_routed_one_by_one(general: pd.DataFrame, make_specialist: Make) -> None:
    members = pd.concat([general, general.assign(model="second")], ignore_index=True)
    spoken = apply_specialists(members, make_specialist(1.0), [SOFT])
    by_model = [spoken.loc[spoken["model"] == model, "p_2"].to_numpy() for model in ("main", "second")]
    assert by_model[0] == pytest.approx(by_model[1])
    assert (top_targets(spoken) != top_targets(members)).any()


def test_the_input_is_left_as_it_was(means: pd.DataFrame, make_specialist: Make) -> None:
    before = means.copy()
    apply_specialists(means, make_specialist(1.0), [RoutingRule(GROUP, "hard", "top1")])
    pd.testing.assert_frame_equal(means, before)


def test_a_page_that_the_specialist_never_saw_is_named(means: pd.DataFrame, make_specialist: Make) -> None:
    touched = means.loc[is_touched(means, SOFT), "render_id"].iloc[0]
    specialist = make_specialist(1.0)
    with pytest.raises(InputError, match=touched):
        apply_specialists(means, specialist[specialist["render_id"] != touched], [SOFT])
