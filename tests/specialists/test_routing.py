"""Routing moves probability within the group only, and only where the general model's first guess is in it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.metrics import mean_over_members, mean_over_turns
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.routing import apply_specialists, is_touched, top_targets
from docsort.tables import probability_columns

GROUP = SpecialistGroup("certificates", (1, 2, 3))
OUTSIDE = ["p_0", "p_4", "p_5"]


@pytest.fixture
def means(general: pd.DataFrame) -> pd.DataFrame:
    return mean_over_members(mean_over_turns(general))


def test_rows_still_sum_to_one_and_nothing_outside_the_group_moves(
    means: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    spoken = apply_specialists(means, make_specialist(1.0), [GROUP])
    touched = is_touched(means, GROUP)
    assert 0 < touched.sum() < len(means)
    assert spoken[probability_columns(spoken)].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(means)))
    pd.testing.assert_frame_equal(spoken[OUTSIDE], means[OUTSIDE])
    pd.testing.assert_frame_equal(spoken[~touched], means[~touched])


def test_within_the_group_the_shares_are_the_specialists(
    means: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    specialist = make_specialist(0.5)
    own = mean_over_members(mean_over_turns(specialist)).set_index("render_id")
    spoken = apply_specialists(means, specialist, [GROUP]).set_index("render_id")
    for render in means.loc[is_touched(means, GROUP), "render_id"]:
        shares = spoken.loc[render, GROUP.columns] / spoken.loc[render, GROUP.columns].sum()
        assert shares.to_numpy(float) == pytest.approx(own.loc[render, GROUP.columns].to_numpy(float))


def test_a_specialist_that_says_what_the_general_model_says_changes_nothing(
    general: pd.DataFrame, means: pd.DataFrame
) -> None:
    echo = means.assign(model="certificates", fold=0, turn=0, scale=100)
    mass = echo[GROUP.columns].sum(axis=1)
    echo[GROUP.columns] = echo[GROUP.columns].div(mass, axis=0)
    spoken = apply_specialists(means, echo, [GROUP])
    assert spoken[GROUP.columns].to_numpy() == pytest.approx(means[GROUP.columns].to_numpy())


def test_the_order_of_groups_is_of_no_account(
    means: pd.DataFrame, make_specialist: Callable[..., pd.DataFrame]
) -> None:
    one, other = SpecialistGroup("a", (1, 2)), SpecialistGroup("b", (3, 5))
    first = make_specialist(1.0, "a").drop(columns="p_3")
    first[["p_1", "p_2"]] = first[["p_1", "p_2"]].div(first[["p_1", "p_2"]].sum(axis=1), axis=0)
    second = first.rename(columns={"p_1": "p_3", "p_2": "p_5"}).assign(model="b")
    joined = pd.concat([first, second], ignore_index=True)
    forth = apply_specialists(means, joined, [one, other])
    back = apply_specialists(means, joined, [other, one])
    pd.testing.assert_frame_equal(forth, back)


def test_members_are_routed_one_by_one(general: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]) -> None:
    members = mean_over_turns(pd.concat([general, general.assign(model="second")]))
    spoken = apply_specialists(members, make_specialist(1.0), [GROUP])
    by_model = [spoken.loc[spoken["model"] == model, "p_2"].to_numpy() for model in ("main", "second")]
    assert by_model[0] == pytest.approx(by_model[1])
    assert (top_targets(spoken) != top_targets(members)).any()


def test_the_input_is_left_as_it_was(means: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]) -> None:
    before = means.copy()
    apply_specialists(means, make_specialist(1.0), [GROUP])
    pd.testing.assert_frame_equal(means, before)


def test_a_page_that_the_specialist_never_saw_is_named(
    means: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    touched = means.loc[is_touched(means, GROUP), "render_id"].iloc[0]
    specialist = make_specialist(1.0)
    with pytest.raises(InputError, match=touched):
        apply_specialists(means, specialist[specialist["render_id"] != touched], [GROUP])
