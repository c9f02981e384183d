"""What a description says, from scores and tables as a run has them."""

from typing import Any

from docsort.hooks.headlines import describe

SCORES: dict[str, Any] = {"expect": "Expect 0.6", "test": {"macro_f1": 0.5}}


def test_a_description_begins_with_the_forecast_and_names_what_to_look_at() -> None:
    text = describe(SCORES, {"needs_review": 7, "label_suspects": 0}, "folds=3", ["figures/charts.html"], "kedro run")
    assert text.split("\n\n") == [
        "**Expect 0.6**",
        "By the answer key it is **0.500**.",
        "Look at",
        "- 7 answers that a person should see (`results/needs_review.csv`)\n- `figures/charts.html`: its charts",
        "Otherwise than by default: folds=3",
        "`kedro run`",
    ]


def test_a_run_without_scores_says_what_was_run() -> None:
    assert describe(None, {}, "", [], "kedro run") == "All settings are the defaults.\n\n`kedro run`"
