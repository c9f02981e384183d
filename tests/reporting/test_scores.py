"""The figures are what scikit-learn says of the same pages, and stand only where there is something to score."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from docsort.errors import InputError
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import score_run, score_validation_views, score_votes, tabulate_class_scores
from docsort.tables import PREDICTION_KEYS

PARAMETERS = ReportingParameters(draws=200)
GAIN = {"macro_f1": 0.0, "accuracy": 0.0, "members": 1}


def macro(pages: pd.DataFrame) -> float:
    return float(f1_score(pages["label"], pages["predicted"], average="macro", zero_division=0))


def test_the_headline_is_the_test_like_macro_f1(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, GAIN, None, PARAMETERS, seed=1)
    validation = scores["validation"]
    for condition in ("clean", "test_like"):
        pages = oof_votes[oof_votes["condition"] == condition]
        assert validation[condition]["macro_f1"] == pytest.approx(macro(pages))
        assert validation[condition]["accuracy"] == pytest.approx(accuracy_score(pages["label"], pages["predicted"]))
        assert (
            validation[condition]["interval"][0]
            < validation[condition]["macro_f1"]
            < validation[condition]["interval"][1]
        )
        assert validation[condition]["n"] == len(pages)
        assert validation[condition]["groups"] == 60
    seen = oof_votes[oof_votes["condition"] == "test_like"]
    assert validation["macro_f1"] == validation["test_like"]["macro_f1"] < validation["clean"]["macro_f1"]
    assert validation["per_fold"] == pytest.approx([macro(seen[seen["fold"] == fold]) for fold in range(5)])
    assert validation["specialists"] == ["certificates"]


def test_what_the_mean_of_all_models_is_worth_is_added_to_the_forecast_and_stands_apart(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    plain = score_run(oof_votes, verdicts, submission, GAIN, answer_key, PARAMETERS, seed=1)
    gain = {"macro_f1": 0.03, "accuracy": 0.02, "members": 5, "temperature": 0.8}
    scores = score_run(oof_votes, verdicts, submission, gain, answer_key, PARAMETERS, seed=1)
    one, forecast = (scores["validation"][name] for name in ("one_model", "test_like"))
    assert one["test_like"] == plain["validation"]["test_like"]
    assert one["clean"] == scores["validation"]["clean"] == plain["validation"]["clean"]
    assert (
        forecast["macro_f1"] == scores["validation"]["macro_f1"] == pytest.approx(one["test_like"]["macro_f1"] + 0.03)
    )
    assert forecast["accuracy"] == pytest.approx(one["test_like"]["accuracy"] + 0.02)
    assert forecast["interval"] == pytest.approx([end + 0.03 for end in one["test_like"]["interval"]])
    assert scores["gap"] == pytest.approx(plain["gap"] + 0.03)
    assert scores["validation"]["ensemble_gain"] == gain
    assert f"{forecast['macro_f1']:.3f}" in scores["expect"]


def test_a_forecast_never_exceeds_one(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    gain = {"macro_f1": 0.9, "accuracy": 0.9, "members": 5}
    forecast = score_run(oof_votes, verdicts, submission, gain, None, PARAMETERS, seed=1)["validation"]["test_like"]
    assert (forecast["macro_f1"], forecast["accuracy"], forecast["interval"][1]) == (1, 1, 1)


def test_without_an_answer_key_there_is_neither_test_nor_gap(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, GAIN, None, PARAMETERS, seed=1)
    assert set(scores) == {"validation", "confidence", "expect"}


def test_the_test_score_joins_by_id_and_the_gap_is_forecast_minus_test(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, GAIN, answer_key, PARAMETERS, seed=1)
    joined = submission.merge(answer_key, on="ID", suffixes=("_answer", "_true"))
    expected = f1_score(joined["target_true"], joined["target_answer"], average="macro")
    assert scores["test"]["macro_f1"] == pytest.approx(expected)
    assert scores["test"]["n"] == 90
    assert scores["gap"] == pytest.approx(scores["validation"]["macro_f1"] - expected)
    assert json.loads(json.dumps(scores)) == scores


def test_the_promise_is_one_sentence_with_the_figures_in_it(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    scores = score_run(oof_votes, verdicts, submission, GAIN, None, PARAMETERS, seed=1)
    condition = scores["validation"]["test_like"]
    found = re.fullmatch(
        r"Expect a macro-F1 of about (0\.\d+) \(95 % interval (0\.\d+) to (0\.\d+)\) on test pages like these\.",
        scores["expect"],
    )
    assert found is not None
    assert [float(text) for text in found.groups()] == pytest.approx(
        [condition["macro_f1"], *condition["interval"]], abs=5e-4
    )


def test_without_test_images_nothing_is_promised_of_test_pages(
    oof_votes: pd.DataFrame, verdicts: pd.DataFrame, submission: pd.DataFrame
) -> None:
    nothing = {"macro_f1": 0.0, "accuracy": 0.0, "members": 1}
    scores = score_run(oof_votes, verdicts, submission.iloc[:0], nothing, None, PARAMETERS, seed=1)
    assert scores["expect"].endswith("on pages like the test-like validation pages.")
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
        score_run(oof_votes, verdicts, submission, GAIN, other, PARAMETERS, 0)
    with pytest.raises(InputError, match="belongs to another data set"):
        score_run(oof_votes, verdicts, submission, GAIN, pd.concat([answer_key, answer_key.head(1)]), PARAMETERS, 0)


def test_predictions_are_scored_like_their_votes(oof_votes: pd.DataFrame) -> None:
    """Two turns whose mean says what the vote says, though the first turn alone says something else."""
    columns = [f"p_{target}" for target in range(5)]
    rows = oof_votes.assign(model="main")
    sure = pd.DataFrame(np.eye(5)[rows["predicted"]], columns=columns)
    vague = pd.DataFrame(0.6 * np.eye(5)[(rows["predicted"] + 1) % 5] + 0.4 * sure.to_numpy(), columns=columns)
    turns = [
        pd.concat([rows.assign(turn=turn, scale=100), values], axis=1) for turn, values in enumerate((vague, sure))
    ]
    predictions = pd.concat(turns)[[*PREDICTION_KEYS, *columns]]
    assert score_validation_views(predictions, 5) == score_votes(oof_votes, ReportingParameters(), 5)


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
