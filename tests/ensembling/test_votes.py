"""Votes by property: order of members, ties, equal weights, and the honesty of out-of-fold ones."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.old_submissions import OLD_ANSWERS
from docsort.ensembling.parameters import EnsemblingParameters, VoteKind
from docsort.ensembling.votes import VOTES, cast_votes, fold_votes, vote_out_of_fold
from docsort.errors import InputError, LeakError
from docsort.metrics import mean_over_turns
from docsort.specialists.verdict import VERDICTS
from docsort.views import members_of

KINDS = get_args(VoteKind)
MEMBERS = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0), ("c", 1)]
COLUMNS = [f"p_{target}" for target in range(5)]
NOBODY = pd.DataFrame(columns=list(VERDICTS))
Make = Callable[..., pd.DataFrame]


def parameters(vote: str = "soft", **changes: object) -> EnsemblingParameters:
    return EnsemblingParameters.model_validate({"vote": vote, "turns": [0, 1, 2], **changes})


def crafted(make: Make, rows: list[list[float]], model: str = "m") -> pd.DataFrame:
    """Members of one page with the given probabilities, one a fold."""
    tables = [make(model, fold, pages=1, turns=1, classes=len(values)) for fold, values in enumerate(rows)]
    for table, values in zip(tables, rows, strict=True):
        table[[f"p_{t}" for t in range(len(values))]] = values
    return mean_over_turns(pd.concat(tables, ignore_index=True))


def cast(members: pd.DataFrame, kind: str, **changes: object) -> pd.DataFrame:
    """Votes of members alone, without a specialist."""
    return cast_votes(members, pd.DataFrame(), NOBODY, parameters(kind, **changes))


@pytest.mark.parametrize("kind", KINDS)
def test_a_vote_depends_on_neither_the_order_of_members_nor_of_rows(
    kind: str, make_predictions: Make, no_verdicts: pd.DataFrame
) -> None:
    tables = [make_predictions(*member) for member in MEMBERS]
    expected = cast_votes(members_of(pd.concat(tables)), pd.DataFrame(), no_verdicts, parameters(kind))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(tables))
        shuffled = pd.concat([tables[i] for i in order]).sample(frac=1, random_state=seed)
        votes = cast_votes(members_of(shuffled), pd.DataFrame(), no_verdicts, parameters(kind))
        pd.testing.assert_frame_equal(votes, expected, check_exact=True)


def test_the_soft_vote_is_the_mean_over_models_folds_and_turns(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    votes = cast(mean_over_turns(predictions), "soft")
    expected = predictions.groupby("image_id")[COLUMNS].mean()
    assert tuple(votes.columns) == (*VOTES, *COLUMNS)
    assert votes["image_id"].is_unique
    assert votes.set_index("image_id")[COLUMNS].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert (votes["predicted"].to_numpy() == expected.to_numpy().argmax(axis=1)).all()
    assert votes["confidence"].to_numpy() == pytest.approx(expected.max(axis=1).to_numpy(), abs=1e-6)


def test_the_hard_vote_counts_first_guesses(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    members = mean_over_turns(predictions)
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
def test_every_vote_tells_probabilities_that_sum_to_one(kind: str, make_predictions: Make) -> None:
    members = mean_over_turns(pd.concat([make_predictions(*member) for member in MEMBERS]))
    votes = cast(members, kind, weights={"a": 3, "b": 1, "c": 0})
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


def test_the_rank_vote_hears_places_and_not_how_sure_a_member_is(make_predictions: Make) -> None:
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
    members = mean_over_turns(pd.concat([make_predictions(*member) for member in MEMBERS]))
    pd.testing.assert_frame_equal(cast(members, "soft_soft"), cast(members, "soft"))


def test_a_tie_goes_to_the_surer_class_not_to_the_smaller_number(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.6, 0.0, 0.4], [0.1, 0.0, 0.9]])
    assert cast(members, "hard")["predicted"].tolist() == [2]


@pytest.mark.parametrize("kind", KINDS)
def test_what_nothing_can_decide_goes_by_lot_and_not_by_number(kind: str, make_predictions: Make) -> None:
    table = make_predictions("m", 0, pages=200, turns=1, classes=3)
    table[["p_0", "p_1", "p_2"]] = [0.4, 0.2, 0.4]
    counts = cast(mean_over_turns(table), kind)["predicted"].value_counts()
    assert set(counts.index) == {0, 2}
    assert 70 <= counts[0] <= 130


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_member_is_repeated_by_every_vote(kind: str, make_predictions: Make) -> None:
    members = mean_over_turns(make_predictions("a", 0))
    repeated = cast(members, kind)
    pd.testing.assert_frame_equal(repeated, cast(members, "soft"))


@pytest.mark.parametrize("kind", KINDS)
def test_all_the_weight_makes_a_model_the_ensemble(kind: str, make_predictions: Make) -> None:
    members = mean_over_turns(pd.concat([make_predictions(*member) for member in MEMBERS]))
    alone = cast(members[members["model"] == "b"], kind)
    weighed = cast(members, kind, weights={"a": 0, "b": 7, "c": 0})
    pd.testing.assert_frame_equal(weighed, alone)


def test_weights_of_other_models_are_refused(make_predictions: Make) -> None:
    members = mean_over_turns(pd.concat([make_predictions(*member) for member in MEMBERS]))
    with pytest.raises(InputError, match="b, c are missing and z are unknown"):
        cast(members, "soft", weights={"a": 1, "z": 1})
    with pytest.raises(InputError, match="not all zero"):
        cast(members, "soft", weights={"a": 0, "b": 0, "c": 0})


def test_what_the_models_of_a_fold_say_together_averages_to_the_vote(make_predictions: Make) -> None:
    members = mean_over_turns(pd.concat([make_predictions(*member) for member in MEMBERS]))
    given = parameters("soft", weights={"a": 3, "b": 1, "c": 0})
    together = fold_votes(members, given)
    assert len(together) == 80
    assert together[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(80))
    votes = cast_votes(members, pd.DataFrame(), NOBODY, given)
    pd.testing.assert_frame_equal(cast(together, "soft"), votes)


def old_answers(**answers: int) -> pd.DataFrame:
    return pd.DataFrame([(name, "0000.jpg", target) for name, target in answers.items()], columns=list(OLD_ANSWERS))


def test_an_old_submission_breaks_a_tie_and_cannot_outvote_two(make_predictions: Make) -> None:
    torn = crafted(make_predictions, [[0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    given = parameters("hard", submissions={"old": "old.csv"})
    assert cast_votes(torn, pd.DataFrame(), NOBODY, given, None, old_answers(old=0))["predicted"].tolist() == [0]
    assert cast_votes(torn, pd.DataFrame(), NOBODY, given, None, old_answers(old=1))["predicted"].tolist() == [1]
    agreed = crafted(make_predictions, [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    assert cast_votes(agreed, pd.DataFrame(), NOBODY, given, None, old_answers(old=2))["predicted"].tolist() == [0]
    heavy = parameters("hard", submissions={"old": "old.csv"}, weights={"m": 1, "old": 3})
    votes = cast_votes(agreed, pd.DataFrame(), NOBODY, heavy, None, old_answers(old=2))
    assert votes["predicted"].tolist() == [2]
    assert votes["confidence"].tolist() == [pytest.approx(0.1)]


def test_an_old_submission_is_not_heard_out_of_fold(oof: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    members = mean_over_turns(oof[0])
    given = parameters("hard", submissions={"old": "old.csv"})
    heard = cast_votes(members, pd.DataFrame(), NOBODY, given, None, old_answers(old=0))
    pd.testing.assert_frame_equal(heard, cast_votes(members, pd.DataFrame(), NOBODY, given))


@pytest.mark.parametrize("kind", KINDS)
def test_a_specialist_is_heard_only_where_its_verdict_says_so(
    kind: str,
    make_predictions: Make,
    no_verdicts: pd.DataFrame,
    verdict_of: Callable[[str, bool], pd.DataFrame],
) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    specialist = make_predictions("certificates", 0).drop(columns=["p_0", "p_3", "p_4"]).assign(p_1=0.0, p_2=1.0)
    without = cast_votes(members_of(predictions), members_of(specialist), no_verdicts, parameters(kind))
    silent = cast_votes(members_of(predictions), members_of(specialist), verdict_of("1 2", False), parameters(kind))
    spoken = cast_votes(members_of(predictions), members_of(specialist), verdict_of("1 2", True), parameters(kind))
    pd.testing.assert_frame_equal(silent, without)
    assert (without["predicted"] == 1).any()
    assert not (spoken["predicted"] == 1).any()
    assert spoken[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(spoken)), abs=1e-6)


def test_data_without_test_images_gives_no_votes(make_predictions: Make, no_verdicts: pd.DataFrame) -> None:
    votes = cast_votes(members_of(make_predictions("a", 0).iloc[:0]), pd.DataFrame(), no_verdicts, parameters())
    assert votes.empty
    assert tuple(votes.columns) == (*VOTES, *COLUMNS)


def test_a_member_that_lacks_a_page_is_named(make_predictions: Make, no_verdicts: pd.DataFrame) -> None:
    predictions = pd.concat([make_predictions("a", 0), make_predictions("a", 1, pages=39)])
    with pytest.raises(InputError, match=r"all 40 pages, but model a fold 1 lacks 1: 0039\.jpg;"):
        cast_votes(members_of(predictions), pd.DataFrame(), no_verdicts, parameters())


def test_out_of_fold_votes_carry_the_fold_that_held_the_page_out(
    oof: tuple[pd.DataFrame, pd.DataFrame], no_verdicts: pd.DataFrame
) -> None:
    predictions, folds = oof
    votes = vote_out_of_fold(members_of(predictions), pd.DataFrame(), no_verdicts, folds, parameters())
    assert len(votes) == 80
    assert (votes["fold"] == votes["image_id"].str[:4].astype(int) % 5).all()


def test_a_page_predicted_by_a_model_that_trained_on_it_is_a_leak(
    oof: tuple[pd.DataFrame, pd.DataFrame], no_verdicts: pd.DataFrame
) -> None:
    predictions, folds = oof
    moved = folds.copy()
    moved.loc[moved["image_id"] == "0007.jpg", "fold"] = 0
    with pytest.raises(LeakError, match=r"0007\.jpg"):
        vote_out_of_fold(members_of(predictions), pd.DataFrame(), no_verdicts, moved, parameters())


def test_a_source_without_a_prediction_is_named(
    oof: tuple[pd.DataFrame, pd.DataFrame], no_verdicts: pd.DataFrame
) -> None:
    predictions, folds = oof
    partial = predictions[predictions["image_id"] != "0013.jpg"]
    with pytest.raises(InputError, match=r"1 have none: 0013\.jpg"):
        vote_out_of_fold(members_of(partial), pd.DataFrame(), no_verdicts, folds, parameters())


@pytest.mark.parametrize("turns", [[], [0, 0], [8], [-1]])
def test_turns_that_are_no_dihedral_views_are_refused(turns: list[int]) -> None:
    with pytest.raises(ValueError, match="different numbers from 0 to 7"):
        EnsemblingParameters.model_validate({"turns": turns})
