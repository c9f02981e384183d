"""What a report advises to do next."""

from typing import Any

import pandas as pd
import pytest
from forecasts import make_forecast

from docsort.reporting.advice import advise
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import score_run, tabulate_class_scores
from docsort.reporting.summary import Summary, summarise_data


@pytest.fixture
def parts(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    submission: pd.DataFrame,
    answer_key: pd.DataFrame,
    classes: pd.DataFrame,
    candidates: pd.DataFrame,
    needs_review: pd.DataFrame,
    data_tables: dict[str, pd.DataFrame],
) -> dict[str, Any]:
    class_scores = tabulate_class_scores(oof_votes, classes, submission, answer_key)
    class_scores["test_like_f1"] = [0.9, 0.9, 0.9, 0.9, 0.5]
    return {
        "scores": score_run(
            oof_votes, verdicts, submission, make_forecast(), answer_key, ReportingParameters(draws=100), 0
        ),
        "class_scores": class_scores,
        "data": summarise_data(**data_tables),
        "candidates": candidates,
        "needs_review": needs_review,
        "is_read": False,
    }


def said(parts: dict[str, Any], **changes: Any) -> str:
    return "\n".join(advise(**{**parts, **changes}))


def test_wrong_labels_weak_classes_and_pages_to_look_at_are_named(parts: dict[str, Any]) -> None:
    text = said(parts)
    assert "Judge the 1 training labels that look wrong" in text
    assert f"4 {'d' * 60}: F1 0.50 of 0 photos." in text
    assert "members.reading.enabled=true" in text
    assert "members.reading.enabled=true" not in said(parts, is_read=True)
    assert "selected weights would really be better, by 0.030" in text
    assert "Look at the 2 test pages" in text


def test_a_test_score_outside_the_forecast_comes_first(parts: dict[str, Any]) -> None:
    low, high = parts["scores"]["validation"]["test_like"]["interval"]
    scores = {**parts["scores"], "test": {"macro_f1": (low + high) / 2}}
    assert "outside the interval" not in said(parts, scores=scores)
    scores["test"] = {"macro_f1": low - 0.01}
    assert said(parts, scores=scores).startswith("The test score, ")


def test_where_nothing_stands_out_nothing_is_advised(parts: dict[str, Any]) -> None:
    data: Summary = {**parts["data"], "counts": {**parts["data"]["counts"], "labels under suspicion": 0}}
    low, high = parts["scores"]["validation"]["test_like"]["interval"]
    nothing = {
        "data": data,
        "class_scores": parts["class_scores"].assign(test_like_f1=0.9),
        "candidates": parts["candidates"].iloc[:1],
        "needs_review": parts["needs_review"].iloc[:0],
        "scores": {**parts["scores"], "test": {"macro_f1": (low + high) / 2}},
    }
    assert advise(**{**parts, **nothing}) == []
