"""The judge lets a specialist speak that helps beyond luck, and no other."""

from collections.abc import Callable
from io import StringIO

import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.metrics import macro_f1, mean_over_members, mean_over_turns
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import apply_specialists, top_targets
from docsort.specialists.verdict import VERDICTS, accepted_groups
from docsort.specialists.verdict import judge as judge_specialists

GROUP = SpecialistGroup("certificates", (1, 2, 3))
PARAMETERS = SpecialistParameters(groups={}, draws=300)


def judge(general: pd.DataFrame, specialist: pd.DataFrame) -> pd.DataFrame:
    return judge_specialists(general, specialist, [GROUP], PARAMETERS, seed=1)


def test_a_specialist_that_knows_its_classes_may_speak(
    general: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    verdicts = judge(general, make_specialist(1.0))
    row = verdicts.iloc[0]
    means = mean_over_members(mean_over_turns(general))
    after = apply_specialists(means, make_specialist(1.0), [GROUP])
    assert row["accepted"]
    assert row["before"] == pytest.approx(macro_f1(means["label"], top_targets(means)))
    assert row["after"] == pytest.approx(macro_f1(means["label"], top_targets(after)))
    assert 0 < row["low"] < row["delta"] < row["high"]
    assert 0 < row["pages_changed"] <= row["pages_touched"] < 300
    assert "lies above zero" in row["reason"]
    assert accepted_groups(verdicts) == [GROUP]


@pytest.mark.parametrize("skill", [0.0, -1.0])
def test_a_specialist_that_knows_nothing_is_refused(
    skill: float, general: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    verdicts = judge(general, make_specialist(skill))
    assert not verdicts["accepted"].iloc[0]
    assert verdicts["reason"].iloc[0].startswith("silent")
    assert accepted_groups(verdicts) == []


def test_a_specialist_that_agrees_is_silent(general: pd.DataFrame) -> None:
    echo = general.drop(columns=["p_0", "p_4", "p_5"]).assign(model="certificates")
    means = mean_over_members(mean_over_turns(general)).set_index("render_id")
    for column in GROUP.columns:
        echo[column] = echo["render_id"].map(means[column] / means[GROUP.columns].sum(axis=1))
    verdicts = judge(general, echo)
    assert verdicts["pages_changed"].iloc[0] == 0
    assert verdicts["delta"].iloc[0] == 0.0
    assert verdicts["reason"].iloc[0] == "silent: it would change no answer"


def test_only_the_test_like_view_is_judged(
    general: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    specialist = make_specialist(1.0)
    clean = general.assign(view="clean", render_id=general["render_id"] + "_clean", label=0)
    pd.testing.assert_frame_equal(judge(pd.concat([general, clean]), specialist), judge(general, specialist))
    with pytest.raises(InputError, match="view test_like"):
        judge(clean, specialist)


def test_a_specialist_of_another_fold_is_a_leak(
    general: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    specialist = make_specialist(1.0)
    page = specialist["render_id"] == "photo007_1"
    specialist.loc[page, "fold"] = (specialist.loc[page, "fold"] + 1) % 5
    with pytest.raises(LeakError, match="photo007_1"):
        judge(general, specialist)


def test_verdicts_survive_csv_and_no_groups_give_no_rows(
    general: pd.DataFrame, make_specialist: Callable[[float], pd.DataFrame]
) -> None:
    verdicts = judge(general, make_specialist(1.0))
    again = pd.read_csv(StringIO(verdicts.to_csv(index=False)))
    assert accepted_groups(again) == [GROUP]
    none = judge_specialists(general, pd.DataFrame(), [], PARAMETERS, seed=1)
    assert list(none.columns) == list(VERDICTS)
    assert accepted_groups(pd.read_csv(StringIO(none.to_csv(index=False)))) == []
