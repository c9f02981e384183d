"""What is real is found, what is luck is called so, and the correction holds for many candidates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_members import CLASSES, draw_members

from docsort.ensembling.candidates import CANDIDATES, all_but, compare_candidates, leave_out, rank_candidates, stepdown
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import select_ensemble
from docsort.ensembling.votes import VotePlan, cast_votes
from docsort.errors import InputError
from docsort.members.views import all_views
from docsort.metrics import macro_f1, paired_bootstrap
from docsort.seeding import derive_seed
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.routing import RoutingRule

PARAMETERS = EnsemblingParameters(draws=300, weights="equal")
SOFT = VotePlan()


def compare(
    members: pd.DataFrame, used: pd.DataFrame, plan: VotePlan = SOFT, specialist: pd.DataFrame | None = None
) -> pd.DataFrame:
    record = select_ensemble(members, PARAMETERS, 0)
    asked = pd.concat([members, specialist]).assign(turn=0, scale=100)
    chosen = Decisions(tuple(record["models"]), all_views((0,)), plan)
    return compare_candidates(asked, dict.fromkeys(range(5), chosen), used, record, PARAMETERS, 0)


@pytest.fixture(scope="module")
def compared() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    members = draw_members({"good": 1.0, "bad": 30.0})
    used = cast_votes(members, SOFT)
    return members, used, compare(members, used.sample(frac=1, random_state=0))


def test_every_candidate_has_its_row_and_what_is_used_stands_first(
    compared: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    members, used, table = compared
    assert tuple(table.columns) == CANDIDATES
    assert table["candidate"].iloc[0] == "as used"
    assert set(table["candidate"].iloc[1:]) == {
        "all but good",
        "all but bad",
        "good alone",
        "bad alone",
        "soft vote, equal weights",
        "geometric vote, equal weights",
        "rank vote, equal weights",
        "hard vote, equal weights",
        "stacked weights",
        "selected weights",
        "routed classes",
        "logistic stacker",
    }
    assert table["macro_f1"].iloc[1:].is_monotonic_decreasing
    row = table.set_index("candidate").loc["good alone"]
    alone = members[members["model"] == "good"].sort_values("render_id")
    answers = alone[[f"p_{c}" for c in range(CLASSES)]].to_numpy().argmax(axis=1)
    assert row["macro_f1"] == macro_f1(alone["label"], answers)
    expected = paired_bootstrap(
        used["label"], used["predicted"], answers, used["group"], 300, derive_seed(0, "candidates")
    )
    assert tuple(row[["delta", "delta_low", "delta_high"]]) == pytest.approx(expected)


def test_real_differences_are_called_real_and_equal_answers_the_same(
    compared: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    verdicts = compared[2].set_index("candidate")["verdict"]
    assert verdicts["as used"] == "what is used"
    assert verdicts["soft vote, equal weights"] == "the same answers"
    assert verdicts["good alone"].startswith("real: better by 0.")
    assert verdicts["bad alone"].startswith("real: worse by 0.")


def test_all_but_one_member_is_the_others_as_they_are_used(
    compared: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    table = compared[2].drop(columns="verdict").set_index("candidate")
    pd.testing.assert_series_equal(table.loc[all_but("good")], table.loc["bad alone"], check_names=False)
    assert table.loc[all_but("bad"), "pages_changed"] == table.loc["good alone", "pages_changed"] > 0


@pytest.mark.parametrize(
    ("weights", "left"),
    [
        ({"a": 0.6, "b": 0.4, "c": 0.0}, {"b": 0.4, "c": 0.0}),
        ({"a": 1.0, "b": 0.0, "c": 0.0}, {"b": 1.0, "c": 1.0}),
        ({f"p_{c}": {"a": 0.5, "b": 0.5, "c": 0.0} for c in range(CLASSES)}, {"b": 1.0, "c": 0.0}),
        (None, None),
    ],
    ids=["others count", "no other counts", "routes", "equal"],
)
def test_without_a_member_the_others_answer_by_the_weights_that_are_left(
    weights: dict[str, Any], left: dict[str, float] | None
) -> None:
    members = draw_members({"a": 1.5, "b": 1.5, "c": 1.5}, pages=100)
    others = members[members["model"] != "a"]
    plan = VotePlan(weights=weights)
    answered = cast_votes(others, leave_out(plan, "a"))
    pd.testing.assert_frame_equal(answered, cast_votes(others, VotePlan(weights=left)))
    assert (answered["predicted"] != cast_votes(members, plan)["predicted"]).any()


def test_one_model_has_only_itself_to_compare_with() -> None:
    members = draw_members({"main": 1.5}, pages=100)
    table = compare(members, cast_votes(members, SOFT))
    assert table["candidate"].tolist() == ["as used", "main alone"]
    assert table["verdict"].tolist() == ["what is used", "the same answers"]


def test_candidates_stand_with_and_without_the_specialists_that_are_accepted() -> None:
    members = draw_members({"a": 1.5, "b": 1.5}, pages=100)
    specialist = draw_members({"certificates": 1.5}, pages=100).assign(p_0=0.0, p_1=0.0, p_2=1.0, p_3=0.0, p_4=0.0)
    plan = VotePlan(rules=(RoutingRule(SpecialistGroup("certificates", (1, 2)), "soft", "top1"),))
    used = cast_votes(members, plan, specialist)
    table = compare(members, used, plan, specialist).set_index("candidate")
    assert len(table) == 23
    assert table.loc["soft vote, equal weights, with specialists", "pages_changed"] == 0
    changed = int((cast_votes(members, SOFT)["predicted"] != used["predicted"]).sum())
    assert table.loc["soft vote, equal weights, without specialists", "pages_changed"] == changed > 0


def test_a_specialist_without_an_accepted_rule_is_no_candidate(
    compared: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    members, used, table = compared
    rejected = draw_members({"certificates": 30.0})
    pd.testing.assert_frame_equal(compare(members, used, specialist=rejected), table)


def test_votes_of_other_pages_are_refused(compared: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    members, used, _ = compared
    with pytest.raises(
        InputError, match="Expected candidate all but bad to answer the pages of `oof_votes`, but it answers others"
    ):
        compare(members, used.iloc[1:])


def test_rivals_that_are_only_lucky_are_rarely_called_real() -> None:
    """Twenty rivals that are as good as what is used: in a hundred comparisons few name one of them."""
    alarms = naive = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        labels = pd.Series(rng.integers(3, size=150))
        said = [np.where(rng.random(150) < 0.7, labels, rng.integers(3, size=150)) for _ in range(21)]
        answers = {str(i): own for i, own in enumerate(said)}
        parameters = EnsemblingParameters(draws=200)
        table = rank_candidates(labels, answers, pd.Series(range(150)), parameters, seed)
        alarms += (table["p"] <= 0.05).any()
        naive += ((table["delta_low"] > 0) | (table["delta_high"] < 0)).any()
    assert naive > 25
    assert alarms <= 12


def test_the_correction_is_none_for_one_and_never_lets_a_smaller_difference_pass_a_larger_one() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (2000, 4))
    deltas = np.array([0.0, 1.5, 2.5, 4.0])
    draws = noise + deltas
    corrected = stepdown(deltas, draws)
    alone = [stepdown(deltas[[i]], draws[:, [i]])[0] for i in range(4)]
    assert (corrected >= np.array(alone) - 1e-12).all()
    assert (np.diff(corrected) <= 0).all()
    assert alone[1] == pytest.approx(0.134, abs=0.03)  # two-sided, of a normal at 1.5 standard deviations
    assert stepdown(np.zeros(2), np.zeros((50, 2))).tolist() == [1, 1]
