"""The figures are what scikit-learn says of the same pages, and stand only where there is something to score."""

import json

import numpy as np
import pandas as pd
import pytest
from forecasts import make_forecast
from sklearn.metrics import accuracy_score, f1_score

from docsort.errors import InputError
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import (
    score_decisions,
    score_run,
    score_validation_views,
    score_votes,
    tabulate_class_scores,
)
from docsort.tables import PREDICTION_KEYS

PARAMETERS = ReportingParameters(draws=200)
FORECAST = make_forecast()


def macro(pages: pd.DataFrame) -> float:
    return float(f1_score(pages["label"], pages["predicted"], average="macro", zero_division=0))


def test_what_is_measured_of_one_model_is_the_macro_f1_of_its_votes(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    validation = score_run(oof_votes, verdicts, submission, FORECAST, None, PARAMETERS, seed=1)["validation"]
    for condition in ("clean", "test_like"):
        pages, block = oof_votes[oof_votes["condition"] == condition], validation["one_model"][condition]
        assert block["macro_f1"] == pytest.approx(macro(pages))
        assert block["accuracy"] == pytest.approx(accuracy_score(pages["label"], pages["predicted"]))
        assert block["interval"][0] < block["macro_f1"] < block["interval"][1]
        assert block["n"] == len(pages)
        assert block["groups"] == 60
    assert validation["one_model"]["clean"] == validation["clean"]
    assert validation["one_model"]["test_like"]["macro_f1"] < validation["clean"]["macro_f1"]
    seen = oof_votes[oof_votes["condition"] == "test_like"]
    assert validation["per_fold"] == pytest.approx([macro(seen[seen["fold"] == fold]) for fold in range(5)])
    assert validation["specialists"] == ["certificates"]


def test_the_headline_is_the_forecast_against_right_labels_and_the_terms_stand_beside_it(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, FORECAST, answer_key, PARAMETERS, seed=1)
    validation, block = scores["validation"], scores["validation"]["test_like"]
    assert FORECAST["macro_f1"] != validation["one_model"]["test_like"]["macro_f1"] != FORECAST["given"]["macro_f1"]
    assert validation["macro_f1"] == block["macro_f1"] == validation["forecast"]["macro_f1"] == FORECAST["macro_f1"]
    assert (block["interval"], block["n"], block["groups"]) == (FORECAST["interval"], 240, 60)
    assert block.keys() == validation["one_model"]["test_like"].keys()
    assert set(validation["forecast"]["terms"]) == {"ambiguity", "label_noise", "mean_gain", "test_shift"}
    assert validation["forecast"]["given"] == FORECAST["given"]
    assert validation["ensemble_gain"]["members"] == 5
    assert scores["gap"] == pytest.approx(FORECAST["macro_f1"] - scores["test"]["macro_f1"])


def test_without_an_answer_key_there_is_neither_test_nor_gap(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, FORECAST, None, PARAMETERS, seed=1)
    assert set(scores) == {"validation", "confidence", "expect"}


def test_the_test_score_joins_by_id_and_the_gap_is_forecast_minus_test(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, FORECAST, answer_key, PARAMETERS, seed=1)
    joined = submission.merge(answer_key, on="ID", suffixes=("_answer", "_true"))
    expected = f1_score(joined["target_true"], joined["target_answer"], average="macro")
    assert scores["test"]["macro_f1"] == pytest.approx(expected)
    assert scores["test"]["n"] == 90
    assert scores["gap"] == pytest.approx(scores["validation"]["macro_f1"] - expected)
    assert json.loads(json.dumps(scores)) == scores


def test_the_promise_is_one_sentence_with_the_figures_in_it(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    same = make_forecast(right=0.81, given=0.81, wrong=0.0)
    scores = score_run(oof_votes, verdicts, submission, same, None, PARAMETERS, seed=1)
    assert scores["expect"] == (
        "Expect a macro-F1 of about 0.810 (95 % interval 0.760 to 0.860) on test pages like these."
    )


def test_where_labels_are_wrong_the_promise_says_both_figures_and_by_which_labels(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, FORECAST, None, PARAMETERS, seed=1)
    assert scores["expect"] == (
        "Expect a macro-F1 of about 0.810 (95 % interval 0.760 to 0.860) on test pages like these against right "
        "labels; 0.780 against the labels as given, of which about 4.0 % are wrong."
    )


@pytest.mark.parametrize(("gain", "doubted"), [(0.02, False), (0.13, True)])
def test_a_forecast_of_folds_that_disagree_says_that_it_is_worth_less(
    gain: float, doubted: bool, oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    forecast = make_forecast()
    forecast["terms"]["mean_gain"]["value"] = gain
    told = score_run(oof_votes, verdicts, submission, forecast, None, PARAMETERS, seed=1)["expect"]
    assert ("hardly trained" in told) == doubted
    assert (f"worth {gain:+.2f}" in told) == doubted


def test_without_test_images_nothing_is_promised_of_test_pages(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission.iloc[:0], FORECAST, None, PARAMETERS, seed=1)
    assert "on pages like the test-like validation pages" in scores["expect"]
    assert "test pages" not in scores["expect"]


def test_the_same_seed_gives_the_same_scores(oof_votes: pd.DataFrame) -> None:
    shuffled = oof_votes.sample(frac=1, random_state=0)
    assert score_votes(oof_votes, PARAMETERS, 3) == score_votes(shuffled, PARAMETERS, 3)
    assert score_votes(oof_votes, PARAMETERS, 3) != score_votes(oof_votes, PARAMETERS, 4)


def test_a_missing_view_is_named(oof_votes: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="but test_like has none"):
        score_votes(oof_votes[oof_votes["condition"] == "clean"], PARAMETERS, 0)


def test_a_key_of_other_images_is_refused(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    other = answer_key.replace({"ID": {"t004.jpg": "zzz.jpg"}})
    with pytest.raises(InputError, match=r"1 are missing there \(t004\.jpg\) and 1 are not .* \(zzz\.jpg\)"):
        score_run(oof_votes, verdicts, submission, FORECAST, other, PARAMETERS, 0)
    with pytest.raises(InputError, match="belongs to another data set"):
        score_run(oof_votes, verdicts, submission, FORECAST, pd.concat([answer_key, answer_key.head(1)]), PARAMETERS, 0)


def test_the_vote_that_is_used_is_scored_and_each_member_by_itself(oof_votes: pd.DataFrame) -> None:
    """Two turns whose mean says what the vote says, though the first turn alone says something else; and a member that
    is wrong everywhere, which a mean of both would show."""
    columns = [f"p_{target}" for target in range(5)]
    rows = oof_votes.assign(model="main")
    sure = pd.DataFrame(np.eye(5)[rows["predicted"]], columns=columns)
    vague = pd.DataFrame(0.6 * np.eye(5)[(rows["predicted"] + 1) % 5] + 0.4 * sure.to_numpy(), columns=columns)
    wrong = pd.DataFrame(np.eye(5)[(rows["label"] + 1) % 5], columns=columns)
    turns = [
        pd.concat([rows.assign(model=model, turn=turn, scale=100), values], axis=1)
        for model, turn, values in (("main", 0, vague), ("main", 1, sure), ("bad", 0, wrong), ("bad", 1, wrong))
    ]
    predictions = pd.concat(turns)[[*PREDICTION_KEYS, *columns]]
    vote = pd.concat([rows.assign(model="vote").drop(columns="predicted"), sure], axis=1)
    scores = score_validation_views(predictions, vote, 5)
    models = scores.pop("models")
    assert scores == models["main"] == score_votes(oof_votes, ReportingParameters(), 5)
    assert models["bad"]["macro_f1"] == 0


def test_class_scores_stand_side_by_side(
    oof_votes: pd.DataFrame, classes: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    table = tabulate_class_scores(oof_votes, classes, submission, answer_key)
    seen = oof_votes[oof_votes["condition"] == "test_like"]
    expected = f1_score(seen["label"], seen["predicted"], average=None)
    assert table["test_like_f1"].to_numpy() == pytest.approx(expected)
    assert table["test_support"].sum() == 90
    without = tabulate_class_scores(oof_votes, classes, submission, None)
    assert not [column for column in without.columns if column.startswith("test_") and "like" not in column]


def test_the_score_of_what_a_person_decided_stands_apart_and_only_where_an_answer_changed(
    submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    assert score_decisions(submission, submission.copy(), answer_key, PARAMETERS, 0) == {}
    right = submission.merge(answer_key, on="ID", suffixes=("_answer", ""))[["ID", "target"]]
    changed = int((right["target"].to_numpy() != submission["target"].to_numpy()).sum())
    assert changed
    assert score_decisions(submission, right, None, PARAMETERS, 0) == {"reviewed": {"changed": changed}}
    reviewed = score_decisions(submission, right, answer_key, PARAMETERS, 0)["reviewed"]
    assert (reviewed["changed"], reviewed["test"]["macro_f1"]) == (changed, 1)
