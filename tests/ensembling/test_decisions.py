"""Decisions: out of fold each fold's pages are answered by what the other folds chose, and by nothing that leaked."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_members import CLASSES, draw_members

from docsort.ensembling.decisions import (
    ChosenDecisions,
    Decisions,
    check_out_of_fold,
    choose_decisions,
    decisions_by_fold,
    given_weights,
    join_members,
    vote_fold_by_fold,
    vote_out_of_fold,
)
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import select_ensemble
from docsort.ensembling.temperature import Calibration
from docsort.ensembling.votes import VOTES, VotePlan
from docsort.errors import InputError, LeakError
from docsort.members.views import all_views
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.routing import RoutingRule
from docsort.specialists.rules import record_of_rule
from docsort.tables import RAW, REVIEWED

COLUMNS = [f"p_{target}" for target in range(CLASSES)]
GROUP = SpecialistGroup("certificates", (1, 2))
SOFT, HARD = (RoutingRule(GROUP, routing, "top1") for routing in ("soft", "hard"))
ONE, TWO = ({"name": f"first {n}", "views": [[turn, 100] for turn in range(n)]} for n in (1, 2))
PARAMETERS = EnsemblingParameters(weights="selected", draws=100)


def in_two_views(members: pd.DataFrame, model: str | None = None) -> pd.DataFrame:
    """Predictions whose second view is another page's: answers show which views were used."""
    first = members.assign(turn=0, scale=100)
    second = first.assign(turn=1)
    second[COLUMNS] = second[COLUMNS].to_numpy()[::-1]
    return pd.concat([first, second], ignore_index=True)


@pytest.fixture(scope="module")
def members() -> pd.DataFrame:
    return draw_members({"a": 1.5, "b": 2.5}, pages=100)


@pytest.fixture(scope="module")
def folds(members: pd.DataFrame) -> pd.DataFrame:
    return members[["image_id", "group", "label", "fold"]].drop_duplicates(ignore_index=True)


@pytest.fixture(scope="module")
def special() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    drawn = draw_members({GROUP.name: 1.0}, pages=100).drop(columns=["p_0", "p_3", "p_4"])
    drawn["p_1"] = rng.random(len(drawn))
    return pd.concat([drawn.assign(p_2=1 - drawn["p_1"], turn=turn, scale=100) for turn in range(2)])


@pytest.fixture
def records() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Fold 3's pages are to be answered from other views, by other weights and another rule than all folds chose."""
    views = {"policy": ONE, "by_fold": {str(fold): TWO if fold == 3 else ONE for fold in range(5)}}
    usual, other = ({"kind": "soft", "weights": {"a": a, "b": 1 - a}} for a in (0.75, 0.25))
    block = {"plan": usual, "by_fold": {str(fold): other if fold == 3 else usual for fold in range(5)}}
    selection = {"models": ["a", "b"], "used": "selected", "selected": block}
    own = {str(fold): [record_of_rule(HARD if fold == 3 else SOFT)] for fold in range(4)}
    return views, selection, {"all": [record_of_rule(SOFT)], "by_fold": own}


def test_without_a_fold_the_other_folds_choices_are_taken(records: tuple[dict, dict, dict]) -> None:
    every, without = (choose_decisions(*records, PARAMETERS, fold) for fold in (None, 3))
    assert every == choose_decisions(*records, PARAMETERS, 0)
    assert (every.views.name, without.views.name) == ("first 1", "first 2")
    assert (every.plan.weights, without.plan.weights) == ({"a": 0.75, "b": 0.25}, {"a": 0.25, "b": 0.75})
    assert (every.plan.rules, without.plan.rules) == ((SOFT,), (HARD,))
    assert choose_decisions(*records, PARAMETERS, 4).plan.rules == ()  # the others of fold 4 accepted no rule
    assert every.calibration == Calibration(1.0)


def test_decisions_come_back_from_a_file_as_they_went_in(records: tuple[dict, dict, dict], folds: pd.DataFrame) -> None:
    routes = {"kind": "soft", "weights": {"p_1": {"a": 0.3, "b": 0.7}}, "temperatures": {"a": 0.5, "b": 2.0}}
    shifted = {"kind": "geometric", "weights": {"a": 0.3, "b": 0.7}, "shift": {"p_0": 0.1, "p_1": -0.1}}
    blocks = [{"plan": plan, "by_fold": dict.fromkeys(map(str, range(5)), plan)} for plan in (routes, shifted)]
    fitted = [{"models": ["a", "b"], "used": "routed", "routed": block} for block in blocks]
    for selection in (records[1], *fitted):
        chosen = (records[0], selection, records[2])
        found = ChosenDecisions(choose_decisions(*chosen, PARAMETERS), decisions_by_fold(folds, *chosen, PARAMETERS))
        assert ChosenDecisions.from_record(json.loads(json.dumps(found.to_record()))) == found


@pytest.mark.parametrize("what", ["views", "weights", "rules"])
def test_each_folds_pages_are_answered_by_what_the_others_chose(
    what: str, records: tuple[dict, dict, dict], members: pd.DataFrame, special: pd.DataFrame, folds: pd.DataFrame
) -> None:
    predictions = join_members(in_two_views(members), special)
    nested = decisions_by_fold(folds, *records, PARAMETERS)
    chosen = choose_decisions(*records, PARAMETERS)
    other = {"views": replace(chosen, views=nested[3].views)}
    other["weights"] = replace(chosen, plan=replace(chosen.plan, weights=nested[3].plan.weights))
    other["rules"] = replace(chosen, plan=replace(chosen.plan, rules=nested[3].plan.rules))
    by_fold = dict.fromkeys(range(5), chosen) | {3: other[what]}
    votes = vote_out_of_fold(predictions, folds, by_fold).set_index("render_id")
    fitted = vote_out_of_fold(predictions, folds, dict.fromkeys(range(5), chosen)).set_index("render_id")
    own = votes["fold"] == 3
    differs = (votes[COLUMNS] != fitted[COLUMNS]).any(axis=1)
    assert differs[own].any()  # so nested and fitted can be told apart
    assert not differs[~own].any()
    page = predictions[predictions["fold"] == 3]
    expected = other[what].vote_on(page).set_index("render_id")
    pd.testing.assert_frame_equal(votes.loc[own, COLUMNS], expected.loc[votes.index[own], COLUMNS])


def test_the_whole_nesting_is_that_of_the_records(
    records: tuple[dict, dict, dict], members: pd.DataFrame, special: pd.DataFrame, folds: pd.DataFrame
) -> None:
    predictions = join_members(in_two_views(members), special)
    votes = vote_out_of_fold(predictions, folds, decisions_by_fold(folds, *records, PARAMETERS))
    assert tuple(votes.columns) == (*VOTES, *COLUMNS, "fold")
    assert len(votes) == 100
    for fold, own in votes.groupby("fold"):
        decisions = choose_decisions(*records, PARAMETERS, int(str(fold)))
        expected = decisions.vote_on(predictions[predictions["fold"] == fold])
        pd.testing.assert_frame_equal(own.drop(columns="fold").reset_index(drop=True), expected)


def test_a_specialist_without_an_accepted_rule_takes_no_part_in_any_vote(
    records: tuple[dict, dict, dict], members: pd.DataFrame, folds: pd.DataFrame
) -> None:
    """Not even as one more general model."""
    views, selection, _ = records
    nobody = {"all": [], "by_fold": {str(fold): [] for fold in range(5)}}
    sure = members[members["model"] == "a"].assign(model=GROUP.name, p_0=0.0, p_1=1.0, p_2=0.0, p_3=0.0, p_4=0.0)
    asked, alone = join_members(in_two_views(members), in_two_views(sure)), in_two_views(members)
    for used in ("selected", "equal"):
        by_fold = decisions_by_fold(folds, views, {**selection, "used": used}, nobody, PARAMETERS)
        found, expected = (vote_out_of_fold(table, folds, by_fold) for table in (asked, alone))
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        on_test = asked[asked["fold"] == 0].assign(condition="test")
        own = on_test[on_test["model"] != GROUP.name]
        decisions = by_fold[0]
        pd.testing.assert_frame_equal(decisions.vote_on(on_test), decisions.vote_on(own), check_exact=True)
        pd.testing.assert_frame_equal(vote_fold_by_fold(on_test, decisions), vote_fold_by_fold(own, decisions))
    counted = replace(decisions, models=("a", "b", GROUP.name), plan=VotePlan())
    assert (counted.vote_on(on_test)[COLUMNS] != decisions.vote_on(own)[COLUMNS]).any(axis=None)


def test_a_page_predicted_by_a_member_that_has_learnt_it_is_a_leak(members: pd.DataFrame, folds: pd.DataFrame) -> None:
    predictions = in_two_views(members)
    check_out_of_fold(predictions, folds)
    moved = folds.assign(fold=folds["fold"].where(folds["image_id"] != "0007.jpg", 0))
    chosen = dict.fromkeys(range(5), Decisions(("a", "b"), all_views((0, 1)), VotePlan()))
    with pytest.raises(LeakError, match=r"1 are not: 0007\.jpg"):
        vote_out_of_fold(predictions, moved, chosen)
    leaky = members[members["image_id"] == "0007.jpg"].assign(fold=4, model=GROUP.name)
    with pytest.raises(LeakError, match=r"1 are not: 0007\.jpg"):
        vote_out_of_fold(join_members(predictions, in_two_views(leaky)), folds, chosen)


def test_a_source_without_a_prediction_is_named_unless_it_is_a_page_that_judges_nothing(
    members: pd.DataFrame, folds: pd.DataFrame
) -> None:
    with pytest.raises(InputError, match=r"1 have none: 0013\.jpg"):
        check_out_of_fold(members[members["image_id"] != "0013.jpg"], folds)
    judged = folds.assign(origin=[REVIEWED if name == "0013.jpg" else RAW for name in folds["image_id"]])
    check_out_of_fold(members[members["image_id"] != "0013.jpg"], judged)


def test_what_each_folds_members_answer_by_themselves_is_told_apart(members: pd.DataFrame) -> None:
    on_test = pd.concat([members.assign(condition="test", fold=fold) for fold in range(2)])
    on_test = on_test.assign(turn=0, scale=100)
    on_test.loc[on_test["fold"] == 1, COLUMNS] = 0.2
    decisions = Decisions(("a", "b"), all_views((0,)), VotePlan())
    votes = vote_fold_by_fold(on_test, decisions)
    assert votes.groupby("fold").size().tolist() == [100, 100]
    assert (votes.loc[votes["fold"] == 1, COLUMNS] == 0.2).all(axis=None)
    first = votes[votes["fold"] == 0].drop(columns="fold").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, decisions.vote_on(on_test[on_test["fold"] == 0]))
    nothing = vote_fold_by_fold(on_test.head(0), decisions)
    assert tuple(nothing.columns) == (*VOTES, *COLUMNS, "fold")


def test_calibration_is_the_last_step_of_a_vote(members: pd.DataFrame) -> None:
    on_test = members.assign(condition="test", fold=0, turn=0, scale=100)
    plain = Decisions(("a", "b"), all_views((0,)), VotePlan())
    before, after = plain.vote_on(on_test), replace(plain, calibration=Calibration(2.0)).vote_on(on_test)
    roots = np.sqrt(before[COLUMNS])
    assert after[COLUMNS].to_numpy() == pytest.approx(roots.div(roots.sum(axis=1), axis=0).to_numpy())
    assert after["predicted"].tolist() == before["predicted"].tolist()


def test_a_class_that_a_specialist_does_not_know_has_probability_zero(
    members: pd.DataFrame, special: pd.DataFrame
) -> None:
    joined = join_members(in_two_views(members), special)
    own = joined[joined["model"] == GROUP.name]
    assert (own[["p_0", "p_3", "p_4"]] == 0).all(axis=None)
    assert (own[["p_1", "p_2"]].to_numpy() == special[["p_1", "p_2"]].to_numpy()).all()
    assert len(joined) == 2 * len(members) + len(special)
    alone = in_two_views(members)
    pd.testing.assert_frame_equal(join_members(alone, special.iloc[:0]), alone)


def test_given_weights_count_as_they_are_and_sheets_as_shares_of_an_average_member(
    members: pd.DataFrame, records: tuple[dict, dict, dict]
) -> None:
    sheets = {"external_answers": {"old": "old.csv"}, "vote": "hard"}
    parameters = EnsemblingParameters.model_validate({"weights": {"a": 1, "b": 3, "old": 4}, **sheets})
    assert given_weights(["a", "b"], parameters) == ({"a": 1.0, "b": 3.0}, {"old": 2.0})
    selection = select_ensemble(members, parameters, 0)
    assert choose_decisions(records[0], selection, records[2], parameters, 3).plan == VotePlan(
        "hard", {"a": 1.0, "b": 3.0}, (HARD,), {"old": 2.0}
    )


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ({"a": 1, "z": 1}, "b, c are missing and z are unknown"),
        ({"a": 0, "b": 0, "c": 0}, "not all zero, but none are missing and none are unknown"),
    ],
)
def test_given_weights_of_other_models_are_refused(weights: dict[str, float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        given_weights(["a", "b", "c"], EnsemblingParameters.model_validate({"weights": weights}))
