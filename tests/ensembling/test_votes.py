"""Votes by property: order of members, ties, weights, specialists and external answers."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.external_answers import EXTERNAL_ANSWERS
from docsort.ensembling.parameters import EnsemblingParameters, VoteKind
from docsort.ensembling.temperature import Calibration, calibrate_votes
from docsort.ensembling.votes import VOTES, VotePlan, cast_votes, fold_votes
from docsort.errors import InputError
from docsort.members.views import members_of
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import Routing
from docsort.specialists.routing import RoutingRule

KINDS = get_args(VoteKind)
MEMBERS = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0), ("c", 1)]
COLUMNS = [f"p_{target}" for target in range(5)]
RULE = RoutingRule(SpecialistGroup("certificates", (1, 2)), "soft", "top1")
Make = Callable[..., pd.DataFrame]


def crafted(make: Make, rows: list[list[float]], model: str = "m") -> pd.DataFrame:
    """Members of one page with the given probabilities, one a fold."""
    tables = [make(model, fold, pages=1, turns=1, classes=len(values)) for fold, values in enumerate(rows)]
    for table, values in zip(tables, rows, strict=True):
        table[[f"p_{t}" for t in range(len(values))]] = values
    return members_of(pd.concat(tables, ignore_index=True))


def cast(members: pd.DataFrame, kind: VoteKind, **weights: float) -> pd.DataFrame:
    """Votes of members alone, without a specialist."""
    return cast_votes(members, VotePlan(kind, weights or None))


@pytest.mark.parametrize("kind", KINDS)
def test_a_vote_depends_on_neither_the_order_of_members_nor_of_rows(kind: VoteKind, make_predictions: Make) -> None:
    tables = [make_predictions(*member) for member in MEMBERS]
    expected = cast(members_of(pd.concat(tables)), kind)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(tables))
        shuffled = pd.concat([tables[i] for i in order]).sample(frac=1, random_state=seed)
        votes = cast(members_of(shuffled), kind)
        pd.testing.assert_frame_equal(votes, expected, check_exact=True)


def test_the_soft_vote_is_the_mean_over_models_folds_and_turns(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    votes = cast(members_of(predictions), "soft")
    expected = predictions.groupby("image_id")[COLUMNS].mean()
    assert tuple(votes.columns) == (*VOTES, *COLUMNS)
    assert votes["image_id"].is_unique
    assert votes.set_index("image_id")[COLUMNS].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert (votes["predicted"].to_numpy() == expected.to_numpy().argmax(axis=1)).all()
    assert votes["confidence"].to_numpy() == pytest.approx(expected.max(axis=1).to_numpy(), abs=1e-6)


def test_the_hard_vote_counts_first_guesses(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    members = members_of(predictions)
    votes = cast(members, "hard")
    firsts = members.assign(first=members[COLUMNS].to_numpy().argmax(axis=1))
    ballots = pd.crosstab(firsts["image_id"], firsts["first"])
    for row in votes.itertuples():
        counts = ballots.loc[row.image_id]
        assert counts[row.predicted] == counts.max()
        means = {target: getattr(row, f"p_{target}") for target in counts.index[counts == counts.max()]}
        assert row.predicted == max(means, key=means.__getitem__)
        assert row.confidence == getattr(row, f"p_{row.predicted}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_vote_has_probabilities_that_sum_to_one(kind: VoteKind, make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    votes = cast(members, kind, a=3, b=1, c=0)
    assert votes[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(votes)))
    picked = votes[COLUMNS].to_numpy()[np.arange(len(votes)), votes["predicted"]]
    assert (votes["confidence"].to_numpy() == picked).all()


def test_a_majority_beats_one_loud_member_only_in_the_hard_vote(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.4, 0.6, 0.0], [0.4, 0.6, 0.0], [1.0, 0.0, 0.0]])
    assert cast(members, "hard")["predicted"].tolist() == [1]
    assert cast(members, "soft")["predicted"].tolist() == [0]


def test_a_class_that_a_member_rules_out_loses_the_geometric_vote(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.0, 0.3, 0.7]])
    assert cast(members, "soft")["predicted"].tolist() == [0]
    assert cast(members, "geometric")["predicted"].tolist() == [1]


def test_the_rank_vote_counts_places_and_not_how_sure_a_member_is(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.4, 0.35, 0.25], [0.4, 0.35, 0.25], [0.01, 0.09, 0.9]])
    assert cast(members, "soft")["predicted"].tolist() == [2]
    assert cast(members, "rank")["predicted"].tolist() == [0]  # Borda: 3 + 3 + 1 against 2 + 2 + 2 and 1 + 1 + 3


def test_in_two_levels_a_model_has_one_ballot(make_predictions: Make) -> None:
    """Model a says 1 in all three folds, narrowly; b and c say 0 in two folds of three, b and c being torn."""
    torn = [[0.55, 0.45, 0.0], [0.55, 0.45, 0.0], [0.0, 1.0, 0.0]]
    members = pd.concat(
        [
            crafted(make_predictions, [[0.45, 0.55, 0.0]] * 3, "a"),
            crafted(make_predictions, torn, "b"),
            crafted(make_predictions, torn, "c"),
        ]
    )
    assert cast(members, "hard")["predicted"].tolist() == [1]  # five ballots to four
    assert cast(members, "hard_hard")["predicted"].tolist() == [0]  # b and c, each by two folds to one
    assert cast(members, "soft_hard")["predicted"].tolist() == [1]  # the means of b and c are for 1


def test_the_two_level_mean_is_the_mean_where_all_models_have_as_many_folds(make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    pd.testing.assert_frame_equal(cast(members, "soft_soft"), cast(members, "soft"))


def test_a_tie_goes_to_the_surer_class_not_to_the_smaller_number(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.6, 0.0, 0.4], [0.1, 0.0, 0.9]])
    assert cast(members, "hard")["predicted"].tolist() == [2]


@pytest.mark.parametrize("kind", KINDS)
def test_what_nothing_can_decide_goes_by_lot_and_not_by_number(kind: VoteKind, make_predictions: Make) -> None:
    table = make_predictions("m", 0, pages=200, turns=1, classes=3)
    table["p_1"] /= 3
    table["p_0"] = table["p_2"] = (1 - table["p_1"]) / 2
    counts = cast(members_of(table), kind)["predicted"].value_counts()
    assert set(counts.index) == {0, 2}
    assert 70 <= counts[0] <= 130


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_member_is_repeated_by_every_vote(kind: VoteKind, make_predictions: Make) -> None:
    members = members_of(make_predictions("a", 0))
    repeated = cast(members, kind)
    pd.testing.assert_frame_equal(repeated, cast(members, "soft"))


@pytest.mark.parametrize("kind", KINDS)
def test_all_the_weight_makes_a_model_the_ensemble(kind: VoteKind, make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    alone = cast(members[members["model"] == "b"], kind)
    weighed = cast(members, kind, a=0, b=7, c=0)
    pd.testing.assert_frame_equal(weighed, alone)


def test_weights_of_other_models_are_refused(make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    with pytest.raises(InputError, match="weights for the models a, b, c, but they were chosen for a, z;"):
        cast(members, "soft", a=1, z=1)


def test_what_the_models_of_a_fold_predict_together_averages_to_the_vote(make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    plan = VotePlan("soft", {"a": 3, "b": 1, "c": 0}, (RULE,))
    together = fold_votes(members, plan)
    assert len(together) == 80
    assert together[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(80))
    pd.testing.assert_frame_equal(cast(together, "soft"), cast(members, "soft", a=3, b=1, c=0))


def test_members_are_calibrated_before_they_vote_and_a_shift_moves_a_geometric_vote(make_predictions: Make) -> None:
    torn = crafted(make_predictions, [[0.9, 0.06, 0.04]], "sure")
    torn = pd.concat([torn, crafted(make_predictions, [[0.3, 0.6, 0.1]], "vague")])
    even = {"sure": 0.5, "vague": 0.5}
    assert cast_votes(torn, VotePlan("soft", even))["predicted"].tolist() == [0]
    flat = VotePlan("soft", even, temperatures={"sure": 20.0, "vague": 1.0})
    assert cast_votes(torn, flat)["predicted"].tolist() == [1]
    assert fold_votes(torn, flat)[["p_0", "p_1", "p_2"]].to_numpy().argmax() == 1
    moved = cast_votes(torn, VotePlan("geometric", even, shift={"p_0": 0.0, "p_1": 0.0, "p_2": 3.0}))
    plain = cast_votes(torn, VotePlan("geometric", even))
    assert (plain["predicted"].tolist(), moved["predicted"].tolist()) == ([0], [2])
    ratios = [np.log(votes[["p_0", "p_1", "p_2"]].to_numpy(float)[0]) for votes in (plain, moved)]
    assert np.diff(ratios[1] - ratios[0]) == pytest.approx([0, 3])


def sheet(**answers: int) -> pd.DataFrame:
    return pd.DataFrame([(name, "0000.jpg", target) for name, target in answers.items()], columns=EXTERNAL_ANSWERS)


def test_an_external_answer_breaks_a_tie_and_cannot_outvote_two(make_predictions: Make) -> None:
    torn = crafted(make_predictions, [[0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    plan = VotePlan("hard")
    assert cast_votes(torn, plan, external=sheet(old=0))["predicted"].tolist() == [0]
    assert cast_votes(torn, plan, external=sheet(old=1))["predicted"].tolist() == [1]
    agreed = crafted(make_predictions, [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    assert cast_votes(agreed, plan, external=sheet(old=2))["predicted"].tolist() == [0]
    votes = cast_votes(agreed, VotePlan("hard", external={"old": 3.0}), external=sheet(old=2))
    assert votes["predicted"].tolist() == [2]
    assert votes["confidence"].tolist() == [pytest.approx(0.1)]


def test_external_answers_do_not_count_out_of_fold(oof: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    members = members_of(oof[0])
    plan = VotePlan("hard", external={"old": 100.0})
    other = pd.DataFrame({"sheet": "old", "image_id": members["image_id"].unique(), "predicted": 0})
    on_test = members.assign(condition="test", render_id=members["image_id"], fold=0).drop_duplicates("image_id")
    assert (cast_votes(on_test, plan, external=other)["predicted"] == 0).all()
    pd.testing.assert_frame_equal(cast_votes(members, plan, external=other), cast_votes(members, plan))


@pytest.mark.parametrize("kind", KINDS)
def test_a_specialist_counts_only_where_its_rule_was_accepted(kind: VoteKind, make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    own = make_predictions("certificates", 0).drop(columns=["p_0", "p_3", "p_4"]).assign(p_1=0.0, p_2=1.0)
    specialist = members_of(own)
    without = cast(members, kind)
    rejected = cast_votes(members, VotePlan(kind), specialist)
    accepted = cast_votes(members, VotePlan(kind, rules=(RULE,)), specialist)
    pd.testing.assert_frame_equal(rejected, without)
    assert (without["predicted"] == 1).any()
    assert not (accepted["predicted"] == 1).any()
    assert accepted[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(accepted)), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_gets_the_same_votes_alone_as_in_company_bit_for_bit(kind: VoteKind, make_predictions: Make) -> None:
    members = members_of(pd.concat([make_predictions(*member) for member in MEMBERS]))
    plan = VotePlan(kind, {"a": 0.3, "b": 0.1, "c": 0.6}, (RULE,))
    own = make_predictions("certificates", 0, classes=2).rename(columns={"p_1": "p_2", "p_0": "p_1"})
    specialist = members_of(own)
    together = cast_votes(members, plan, specialist)
    alone = [cast_votes(members[members["image_id"] == page], plan, specialist) for page in together["image_id"]]
    pd.testing.assert_frame_equal(pd.concat(alone, ignore_index=True), together, check_exact=True)


def test_data_without_test_images_gives_no_votes(make_predictions: Make) -> None:
    votes = cast(members_of(make_predictions("a", 0).iloc[:0]), "soft")
    assert votes.empty
    assert tuple(votes.columns) == (*VOTES, *COLUMNS)


def test_a_member_that_lacks_a_page_is_named(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions("a", 0), make_predictions("a", 1, pages=39)])
    with pytest.raises(InputError, match=r"all 40 pages, but model a fold 1 lacks 1: 0039\.jpg;"):
        cast(members_of(predictions), "soft")


@pytest.mark.parametrize("turns", [[], [0, 0], [8], [-1]])
def test_turns_that_are_no_dihedral_views_are_refused(turns: list[int]) -> None:
    with pytest.raises(ValueError, match="different numbers from 0 to 7"):
        EnsemblingParameters.model_validate({"turns": turns})


@pytest.mark.parametrize("classes", [3, 17])
@pytest.mark.parametrize("routing", ["soft", "hard"])
def test_calibration_and_specialists_do_not_depend_on_the_company_of_a_page_either(
    routing: Routing, classes: int, make_predictions: Make
) -> None:
    """Sums over eight classes and more are where numpy's order shows."""
    members = members_of(pd.concat([make_predictions(*member, classes=classes) for member in MEMBERS]))
    group = SpecialistGroup("certificates", tuple(range(1, classes)))
    own = make_predictions(group.name, 0, classes=classes - 1)
    own.columns = [f"p_{int(name[2:]) + 1}" if name.startswith("p_") else name for name in own.columns]
    plan = VotePlan("soft", rules=(RoutingRule(group, routing, "mass", 0.3),))

    def vote(table: pd.DataFrame) -> pd.DataFrame:
        return calibrate_votes(cast_votes(table, plan, members_of(own)), Calibration(0.7))

    together = vote(members)
    alone = [vote(members[members["image_id"] == page]) for page in together["image_id"]]
    pd.testing.assert_frame_equal(pd.concat(alone, ignore_index=True), together, check_exact=True)
