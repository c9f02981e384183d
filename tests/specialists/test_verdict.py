"""A specialist is accepted that helps beyond luck, and no other."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.gates import macro_f1_gain
from docsort.metrics import macro_f1, mean_over_members
from docsort.specialists import verdict
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import apply_specialists, is_touched, top_targets
from docsort.specialists.rules import FittedRule, candidate_rules, fit_rule, judged_pages, rules_of_record
from docsort.specialists.verdict import VERDICTS, accepted_groups
from docsort.specialists.verdict import judge as judge_specialists

GROUP = SpecialistGroup("certificates", (1, 2, 3))
PARAMETERS = SpecialistParameters(groups={}, draws=300)
Make = Callable[..., pd.DataFrame]


def judge(general: pd.DataFrame, specialist: pd.DataFrame) -> pd.DataFrame:
    return judge_specialists(general, specialist, [GROUP], PARAMETERS, seed=1)[0]


def test_a_specialist_that_knows_its_classes_is_accepted(general: pd.DataFrame, make_specialist: Make) -> None:
    verdicts, rules = judge_specialists(general, make_specialist(1.0), [GROUP], PARAMETERS, seed=1)
    row = verdicts.iloc[0]
    means = mean_over_members(general)
    (rule,) = rules_of_record(rules["all"])
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
    verdicts, rules = judge_specialists(general, make_specialist(skill, seed=seed), [GROUP], PARAMETERS, seed=1)
    assert not verdicts["accepted"].iloc[0]
    assert verdicts["reason"].iloc[0].startswith("rejected")
    assert accepted_groups(verdicts) == rules["all"] == []


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


def test_a_specialist_that_agrees_is_never_asked(general: pd.DataFrame) -> None:
    echo = general.drop(columns=["p_0", "p_4", "p_5"]).assign(model="certificates")
    echo[GROUP.columns] = echo[GROUP.columns].div(echo[GROUP.columns].sum(axis=1), axis=0)
    soft = SpecialistParameters(groups={}, draws=300, routings=("soft",))
    verdicts, rules = judge_specialists(general, echo, [GROUP], soft, seed=1)
    row = pd.read_csv(StringIO(verdicts.to_csv(index=False))).iloc[0]
    assert (row["pages_changed"], row["delta"], row["routing"], row["trigger"]) == (0, 0.0, "none", "none")
    assert row["reason"] == "rejected: none of 11 ways to ask it is better than not to ask"
    assert rules == {"all": [], "by_fold": {str(fold): [] for fold in range(5)}}


def test_a_gain_that_may_be_luck_is_rejected(general: pd.DataFrame, make_specialist: Make) -> None:
    """Above zero as measured, and not with its whole interval."""
    verdicts, rules = judge_specialists(general, make_specialist(0.1, seed=9), [GROUP], PARAMETERS, seed=1)
    row = verdicts.iloc[0]
    assert row["delta"] > 0.03
    assert row["low"] < 0
    assert row["routing"] != "none"
    assert not row["accepted"]
    assert rules["all"] == []


def test_the_gain_that_is_judged_is_that_of_rules_chosen_on_other_folds(
    general: pd.DataFrame, make_specialist: Make
) -> None:
    """The fitted rule's own gain would be accepted."""
    specialist = make_specialist(0.12, seed=0)
    means, folds = judged_pages(general)
    found = fit_rule(means, specialist, folds, candidate_rules(means, GROUP, PARAMETERS))
    labels, before = means["label"].astype(int), top_targets(means)
    fitted, nested = (
        macro_f1_gain(labels, before, answers, means["group"], 300, 0, 0.95) for answers in (found.fitted, found.nested)
    )
    assert fitted.accepted
    assert not nested.accepted
    row = judge(general, specialist).iloc[0]
    assert (row["delta"], row["fitted_delta"]) == pytest.approx((nested.delta, fitted.delta))
    assert row["after"] == macro_f1(labels, found.nested)
    assert not row["accepted"]


def test_each_fold_has_the_rule_of_the_others(general: pd.DataFrame, make_specialist: Make) -> None:
    specialist = make_specialist(0.18, seed=4)
    means, folds = judged_pages(general)
    found = fit_rule(means, specialist, folds, candidate_rules(means, GROUP, PARAMETERS))
    assert len(set(found.by_fold.values())) > 1
    verdicts, record = judge_specialists(general, specialist, [GROUP], PARAMETERS, seed=1)
    rules = json.loads(json.dumps(record))
    assert verdicts["accepted"].iloc[0]
    assert rules_of_record(rules["all"]) == [found.rule]
    assert {fold: rules_of_record(own) for fold, own in rules["by_fold"].items()} == {
        str(fold): [rule] for fold, rule in found.by_fold.items()
    }
    for fold in range(5):
        own = folds == fold
        after = apply_specialists(means[own], specialist, rules_of_record(rules["by_fold"][str(fold)]))
        assert (top_targets(after) == found.nested[own]).all()


def test_a_fold_whose_others_would_not_ask_has_no_rule(
    general: pd.DataFrame, make_specialist: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*arguments: Any) -> FittedRule:
        found = fit_rule(*arguments)
        return replace(found, by_fold={**found.by_fold, 2: None})

    monkeypatch.setattr(verdict, "fit_rule", fit)
    rules = judge_specialists(general, make_specialist(1.0), [GROUP], PARAMETERS, seed=1)[1]
    assert [len(rules["all"]), *(len(own) for own in rules["by_fold"].values())] == [1, 1, 1, 0, 1, 1]


def test_the_more_groups_are_judged_the_wider_their_intervals(general: pd.DataFrame, make_specialist: Make) -> None:
    """Else of many specialists that know nothing one would be accepted by luck."""
    pair = make_specialist(1.0, "pair").drop(columns="p_3")
    pair[["p_1", "p_2"]] = pair[["p_1", "p_2"]].div(pair[["p_1", "p_2"]].sum(axis=1), axis=0)
    both = pd.concat([make_specialist(1.0), pair], ignore_index=True).fillna(0)
    alone = judge(general, both).iloc[0]
    beside = judge_specialists(general, both, [GROUP, SpecialistGroup("pair", (1, 2))], PARAMETERS, seed=1)[0].iloc[0]
    assert beside["delta"] == alone["delta"]
    assert beside["low"] < alone["low"] < alone["high"] < beside["high"]
    assert "97.5 %" in beside["reason"]


def test_only_the_test_like_view_is_judged(general: pd.DataFrame, make_specialist: Make) -> None:
    specialist = make_specialist(1.0)
    clean = general.assign(condition="clean", render_id=general["render_id"] + "_clean", label=0)
    pd.testing.assert_frame_equal(judge(pd.concat([general, clean]), specialist), judge(general, specialist))
    with pytest.raises(InputError, match="condition test_like"):
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
    none, rules = judge_specialists(general, pd.DataFrame(), [], PARAMETERS, seed=1)
    assert rules == {"all": [], "by_fold": {str(fold): [] for fold in range(5)}}
    assert list(none.columns) == list(VERDICTS)
    assert accepted_groups(pd.read_csv(StringIO(none.to_csv(index=False)))) == []
