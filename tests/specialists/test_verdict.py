"""The judge lets a specialist speak that helps beyond luck, and no other."""

from collections.abc import Callable
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.metrics import macro_f1, mean_over_members
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import apply_specialists, is_touched, top_targets
from docsort.specialists.verdict import VERDICTS, accepted_groups, accepted_rules
from docsort.specialists.verdict import judge as judge_specialists

GROUP = SpecialistGroup("certificates", (1, 2, 3))
PARAMETERS = SpecialistParameters(groups={}, draws=300)
Make = Callable[..., pd.DataFrame]


def judge(general: pd.DataFrame, specialist: pd.DataFrame) -> pd.DataFrame:
    return judge_specialists(general, specialist, [GROUP], PARAMETERS, seed=1)


def test_a_specialist_that_knows_its_classes_may_speak(general: pd.DataFrame, make_specialist: Make) -> None:
    verdicts = judge(general, make_specialist(1.0))
    row = verdicts.iloc[0]
    means = mean_over_members(general)
    (rule,) = accepted_rules(verdicts)
    after = apply_specialists(means, make_specialist(1.0), [rule])
    before = macro_f1(means["label"], top_targets(means))
    assert row["accepted"]
    assert row["before"] == pytest.approx(before)
    assert row["fitted_delta"] == pytest.approx(macro_f1(means["label"], top_targets(after)) - before)
    assert row["fitted_delta"] >= row["delta"]
    assert row["pages_touched"] == is_touched(means, rule).sum()
    assert row["pages_changed"] == (top_targets(means) != top_targets(after)).sum()
    assert 0 < row["low"] < row["delta"] < row["high"]
    assert "lies above zero" in row["reason"]
    assert accepted_groups(verdicts) == [GROUP]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("skill", [0.0, -1.0])
def test_a_specialist_that_knows_nothing_is_refused(
    skill: float, seed: int, general: pd.DataFrame, make_specialist: Make
) -> None:
    verdicts = judge(general, make_specialist(skill, seed=seed))
    assert not verdicts["accepted"].iloc[0]
    assert verdicts["reason"].iloc[0].startswith("silent")
    assert accepted_groups(verdicts) == accepted_rules(verdicts) == []


@pytest.mark.parametrize("certain", [False, True])
def test_a_specialist_that_always_says_the_same_is_refused(
    certain: bool, general: pd.DataFrame, make_specialist: Make
) -> None:
    """Whether all classes alike or one class alone."""
    same = make_specialist(0.0).assign(p_1=1 / 3, p_2=1 / 3, p_3=1 / 3)
    if certain:
        same = same.assign(p_1=0.0, p_2=1.0, p_3=0.0)
    assert not judge(general, same)["accepted"].iloc[0]


def test_a_specialist_whose_answers_belong_to_other_pages_is_refused(
    general: pd.DataFrame, make_specialist: Make
) -> None:
    good = make_specialist(1.0)
    order = np.random.default_rng(3).permutation(len(good))
    shuffled = good.assign(**{column: good[column].to_numpy()[order] for column in GROUP.columns})
    assert judge(general, good)["accepted"].iloc[0]
    assert not judge(general, shuffled)["accepted"].iloc[0]


def test_a_specialist_that_agrees_is_silent(general: pd.DataFrame) -> None:
    echo = general.drop(columns=["p_0", "p_4", "p_5"]).assign(model="certificates")
    echo[GROUP.columns] = echo[GROUP.columns].div(echo[GROUP.columns].sum(axis=1), axis=0)
    soft = SpecialistParameters(groups={}, draws=300, routings=("soft",))
    row = judge_specialists(general, echo, [GROUP], soft, seed=1).iloc[0]
    assert (row["pages_changed"], row["delta"], row["routing"], row["trigger"]) == (0, 0.0, "silent", "silent")
    assert row["reason"] == "silent: none of 11 ways to ask it is better than not to ask"


def test_the_more_groups_are_judged_the_wider_their_intervals(general: pd.DataFrame, make_specialist: Make) -> None:
    """Else of many specialists that know nothing one would be heard by luck."""
    pair = make_specialist(1.0, "pair").drop(columns="p_3")
    pair[["p_1", "p_2"]] = pair[["p_1", "p_2"]].div(pair[["p_1", "p_2"]].sum(axis=1), axis=0)
    both = pd.concat([make_specialist(1.0), pair], ignore_index=True).fillna(0)
    alone = judge(general, both).iloc[0]
    beside = judge_specialists(general, both, [GROUP, SpecialistGroup("pair", (1, 2))], PARAMETERS, seed=1).iloc[0]
    assert beside["delta"] == alone["delta"]
    assert beside["low"] < alone["low"] < alone["high"] < beside["high"]
    assert "97.5 %" in beside["reason"]


def test_only_the_test_like_view_is_judged(general: pd.DataFrame, make_specialist: Make) -> None:
    specialist = make_specialist(1.0)
    clean = general.assign(view="clean", render_id=general["render_id"] + "_clean", label=0)
    pd.testing.assert_frame_equal(judge(pd.concat([general, clean]), specialist), judge(general, specialist))
    with pytest.raises(InputError, match="view test_like"):
        judge(clean, specialist)


def test_a_specialist_of_another_fold_is_a_leak(general: pd.DataFrame, make_specialist: Make) -> None:
    specialist = make_specialist(1.0)
    page = specialist["render_id"] == "photo007_1"
    specialist.loc[page, "fold"] = (specialist.loc[page, "fold"] + 1) % 5
    with pytest.raises(LeakError, match="photo007_1"):
        judge(general, specialist)


def test_verdicts_survive_csv_and_no_groups_give_no_rows(general: pd.DataFrame, make_specialist: Make) -> None:
    verdicts = judge(general, make_specialist(1.0))
    again = pd.read_csv(StringIO(verdicts.to_csv(index=False)))
    assert accepted_groups(again) == [GROUP]
    assert accepted_rules(again) == accepted_rules(verdicts) != []
    none = judge_specialists(general, pd.DataFrame(), [], PARAMETERS, seed=1)
    assert list(none.columns) == list(VERDICTS)
    assert accepted_rules(pd.read_csv(StringIO(none.to_csv(index=False)))) == []
