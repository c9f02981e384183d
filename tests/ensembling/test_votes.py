"""Votes by property: order of members, ties, equal weights, and the honesty of out-of-fold ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.votes import VOTES, cast_votes, hard_vote, soft_vote, vote_out_of_fold
from docsort.errors import InputError, LeakError
from docsort.metrics import mean_over_turns

MEMBERS = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 4)]
COLUMNS = [f"p_{target}" for target in range(5)]
Make = Callable[..., pd.DataFrame]


def parameters(vote: str = "soft") -> EnsemblingParameters:
    return EnsemblingParameters.model_validate({"vote": vote, "turns": [0, 1, 2]})


def crafted(make: Make, rows: list[list[float]]) -> pd.DataFrame:
    """Members of one page with the given probabilities, one a fold."""
    tables = [make("m", fold, pages=1, turns=1, classes=len(values)) for fold, values in enumerate(rows)]
    for table, values in zip(tables, rows, strict=True):
        table[[f"p_{t}" for t in range(len(values))]] = values
    return mean_over_turns(pd.concat(tables, ignore_index=True))


@pytest.mark.parametrize("vote", ["soft", "hard"])
def test_a_vote_depends_on_neither_the_order_of_members_nor_of_rows(
    vote: str, make_predictions: Make, no_verdicts: pd.DataFrame
) -> None:
    tables = [make_predictions(*member) for member in MEMBERS]
    expected = cast_votes(pd.concat(tables), pd.DataFrame(), no_verdicts, parameters(vote))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(tables))
        shuffled = pd.concat([tables[i] for i in order]).sample(frac=1, random_state=seed)
        votes = cast_votes(shuffled, pd.DataFrame(), no_verdicts, parameters(vote))
        pd.testing.assert_frame_equal(votes, expected, check_exact=True)


def test_the_soft_vote_is_the_mean_over_models_folds_and_turns(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    votes = soft_vote(mean_over_turns(predictions))
    expected = predictions.groupby("image_id")[COLUMNS].mean()
    assert tuple(votes.columns) == (*VOTES, *COLUMNS)
    assert votes["image_id"].is_unique
    assert votes.set_index("image_id")[COLUMNS].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert (votes["predicted"].to_numpy() == expected.to_numpy().argmax(axis=1)).all()
    assert votes["confidence"].to_numpy() == pytest.approx(expected.max(axis=1).to_numpy(), abs=1e-6)


def test_the_hard_vote_counts_first_guesses(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    members = mean_over_turns(predictions)
    votes = hard_vote(members)
    firsts = members.assign(first=members[COLUMNS].to_numpy().argmax(axis=1))
    ballots = pd.crosstab(firsts["image_id"], firsts["first"])
    for row in votes.itertuples():
        counts = ballots.loc[row.image_id]
        assert counts[row.predicted] == counts.max()
        means = {target: getattr(row, f"p_{target}") for target in counts.index[counts == counts.max()]}
        assert row.predicted == max(means, key=means.__getitem__)
        assert row.confidence == getattr(row, f"p_{row.predicted}")


def test_a_majority_beats_one_loud_member_only_in_the_hard_vote(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.4, 0.6, 0.0], [0.4, 0.6, 0.0], [1.0, 0.0, 0.0]])
    assert hard_vote(members)["predicted"].tolist() == [1]
    assert soft_vote(members)["predicted"].tolist() == [0]


def test_a_tie_goes_to_the_surer_class_not_to_the_smaller_number(make_predictions: Make) -> None:
    members = crafted(make_predictions, [[0.6, 0.0, 0.4], [0.1, 0.0, 0.9]])
    assert hard_vote(members)["predicted"].tolist() == [2]


def test_a_single_member_is_repeated_by_both_votes(make_predictions: Make) -> None:
    members = mean_over_turns(make_predictions("a", 0))
    pd.testing.assert_frame_equal(hard_vote(members), soft_vote(members))


@pytest.mark.parametrize("vote", ["soft", "hard"])
def test_a_specialist_is_heard_only_where_its_verdict_says_so(
    vote: str,
    make_predictions: Make,
    no_verdicts: pd.DataFrame,
    verdict_of: Callable[[str, bool], pd.DataFrame],
) -> None:
    predictions = pd.concat([make_predictions(*member) for member in MEMBERS])
    specialist = make_predictions("certificates", 0).drop(columns=["p_0", "p_3", "p_4"]).assign(p_1=0.0, p_2=1.0)
    without = cast_votes(predictions, specialist, no_verdicts, parameters(vote))
    silent = cast_votes(predictions, specialist, verdict_of("1 2", False), parameters(vote))
    spoken = cast_votes(predictions, specialist, verdict_of("1 2", True), parameters(vote))
    pd.testing.assert_frame_equal(silent, without)
    assert (without["predicted"] == 1).any()
    assert not (spoken["predicted"] == 1).any()
    assert spoken[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(spoken)), abs=1e-6)


def test_data_without_test_images_gives_no_votes(make_predictions: Make, no_verdicts: pd.DataFrame) -> None:
    votes = cast_votes(make_predictions("a", 0).iloc[:0], pd.DataFrame(), no_verdicts, parameters())
    assert votes.empty
    assert tuple(votes.columns) == (*VOTES, *COLUMNS)


def test_a_member_that_lacks_a_page_is_named(make_predictions: Make) -> None:
    predictions = pd.concat([make_predictions("a", 0), make_predictions("a", 1, pages=39)])
    with pytest.raises(InputError, match=r"0039\.jpg only by render 0039\.jpg of model a fold 0"):
        soft_vote(mean_over_turns(predictions))


@pytest.fixture
def oof(make_predictions: Make) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Out-of-fold predictions of 40 sources in five folds, and the folds."""
    parts = []
    for fold in range(5):
        own = make_predictions("main", fold)
        own = own[own["image_id"].str[:4].astype(int) % 5 == fold]
        parts += [
            own.assign(view=view, render_id=own["image_id"] + view, label=fold) for view in ("clean", "test_like")
        ]
    predictions = pd.concat(parts, ignore_index=True)
    folds = predictions[["image_id", "group", "label", "fold"]].drop_duplicates(ignore_index=True)
    return predictions, folds


def test_out_of_fold_votes_carry_the_fold_that_held_the_page_out(
    oof: tuple[pd.DataFrame, pd.DataFrame], no_verdicts: pd.DataFrame
) -> None:
    predictions, folds = oof
    votes = vote_out_of_fold(predictions, pd.DataFrame(), no_verdicts, folds, parameters())
    assert len(votes) == 80
    assert (votes["fold"] == votes["image_id"].str[:4].astype(int) % 5).all()


def test_a_page_predicted_by_a_model_that_trained_on_it_is_a_leak(
    oof: tuple[pd.DataFrame, pd.DataFrame], no_verdicts: pd.DataFrame
) -> None:
    predictions, folds = oof
    moved = folds.copy()
    moved.loc[moved["image_id"] == "0007.jpg", "fold"] = 0
    with pytest.raises(LeakError, match=r"0007\.jpg"):
        vote_out_of_fold(predictions, pd.DataFrame(), no_verdicts, moved, parameters())


def test_a_source_without_a_prediction_is_named(
    oof: tuple[pd.DataFrame, pd.DataFrame], no_verdicts: pd.DataFrame
) -> None:
    predictions, folds = oof
    partial = predictions[predictions["image_id"] != "0013.jpg"]
    with pytest.raises(InputError, match=r"1 have none: 0013\.jpg"):
        vote_out_of_fold(partial, pd.DataFrame(), no_verdicts, folds, parameters())


@pytest.mark.parametrize("turns", [[], [0, 0], [8], [-1]])
def test_turns_that_are_no_dihedral_views_are_refused(turns: list[int]) -> None:
    with pytest.raises(ValueError, match="different numbers from 0 to 7"):
        EnsemblingParameters.model_validate({"turns": turns})
