"""What a report advises to do next: each with what it would be worth, by an estimate that can be checked."""

from typing import Any

import pandas as pd
import pytest
from forecasts import make_forecast

from docsort.ensembling.candidates import all_but
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.parts import Step, Steps
from docsort.reporting.scores import score_run, tabulate_class_scores
from docsort.reporting.sections.next_steps import NEEDS, section
from docsort.reporting.summary import Summary, summarise_data

Tables = dict[str, Any]


@pytest.fixture
def tables(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    submission: pd.DataFrame,
    answer_key: pd.DataFrame,
    classes: pd.DataFrame,
    candidates: pd.DataFrame,
    needs_review: pd.DataFrame,
    histories: pd.DataFrame,
    data_tables: dict[str, pd.DataFrame],
) -> Tables:
    class_scores = tabulate_class_scores(oof_votes, classes, submission, answer_key)
    class_scores["test_like_f1"] = [0.9, 0.9, 0.9, 0.9, 0.5]
    return {
        "scores": score_run(
            oof_votes, verdicts, submission, make_forecast(), answer_key, ReportingParameters(draws=100), 0
        ),
        "class_scores": class_scores,
        "data_summary": summarise_data(**data_tables),
        "candidates": candidates,
        "needs_review": needs_review,
        "submission": pd.DataFrame({"ID": range(90)}),
        "reading": {},
        "histories": histories,
        "training_plan": {"preset": "quick"},
    }


def steps(tables: Tables, **changes: Any) -> list[Step]:
    parts = section({**tables, **changes})
    return [step for part in parts if isinstance(part, Steps) for step in part.steps]


def step(tables: Tables, beginning: str, **changes: Any) -> Step:
    (found,) = [each for each in steps(tables, **changes) if each.what.startswith(beginning)]
    return found


def test_every_step_says_what_it_would_be_worth_and_how_that_is_estimated(tables: Tables) -> None:
    assert set(NEEDS) == set(tables)
    told = steps(tables)
    assert len(told) == 6
    assert all(each.what and each.worth and each.how for each in told)


def test_wrong_labels_would_narrow_the_forecast_by_their_part_of_its_width(tables: Tables) -> None:
    found = step(tables, "Judge the 1 training labels that look wrong")
    forecast = tables["scores"]["validation"]["forecast"]
    noise, (low, high) = forecast["terms"]["label_noise"], forecast["interval"]
    left = ((high - low) ** 2 - (noise["high"] - noise["low"]) ** 2) ** 0.5
    assert left < high - low
    assert found.worth.startswith(f"a forecast whose interval is {left:.3f} wide in place of {high - low:.3f}")


def test_weak_classes_are_named_with_what_the_mean_would_give(tables: Tables) -> None:
    found = step(tables, "Take more photos")
    assert f"4 {'d' * 60}: F1 0.50 of 0 photos." in found.what
    assert found.worth == "up to +0.064"  # (.82 - .5) / 5


def test_reading_is_advised_where_classes_are_weak_and_nothing_reads(tables: Tables) -> None:
    assert "members.reading.enabled=true" in step(tables, "If what stands on the pages").what
    read = steps(tables, reading={"readers": {"words": True}})
    assert not any("members.reading.enabled" in each.what for each in read)


def test_a_candidate_that_is_really_better_is_told_with_its_interval(tables: Tables) -> None:
    assert step(tables, "Answer by selected weights").worth == "+0.030 (+0.010 to +0.050)"
    without = tables["candidates"].replace("selected weights", all_but("kernel"))
    assert "members.kernel.enabled=false" in step(tables, "Do without the member kernel", candidates=without).what


def test_longer_training_is_advised_while_the_last_epoch_still_adds(tables: Tables) -> None:
    found = step(tables, "Train longer")
    assert found.worth == "less than +0.083 to a network"  # .5 / 2 - .5 / 3
    assert "preset=good" in found.what
    assert "preset=best" in step(tables, "Train longer", training_plan={"preset": "good"}).what
    longest = steps(tables, training_plan={"preset": "best"})
    assert not any(each.what.startswith("Train longer") for each in longest)
    flat = tables["histories"].assign(test_like_macro_f1=0.9)
    assert not any(each.what.startswith("Train longer") for each in steps(tables, histories=flat))
    first = tables["histories"].query("epoch == 1")
    assert not any(each.what.startswith("Train longer") for each in steps(tables, histories=first))


def test_pages_to_look_at_mend_as_many_answers_as_their_confidence_says(tables: Tables) -> None:
    found = step(tables, "Look at the 2 test pages")
    assert found.worth == "about 2 wrong answers mended, +0.018 in accuracy"  # (1 + .59) / 90


def test_a_test_score_outside_the_forecast_comes_first(tables: Tables) -> None:
    low, high = tables["scores"]["validation"]["test_like"]["interval"]
    scores = {**tables["scores"], "test": {"macro_f1": (low + high) / 2}}
    assert not any("outside the interval" in each.what for each in steps(tables, scores=scores))
    scores["test"] = {"macro_f1": low - 0.01}
    assert steps(tables, scores=scores)[0].what.startswith("The test score, ")


def test_where_nothing_stands_out_nothing_is_advised(tables: Tables) -> None:
    data: Summary = {
        **tables["data_summary"],
        "counts": {**tables["data_summary"]["counts"], "labels under suspicion": 0},
    }
    low, high = tables["scores"]["validation"]["test_like"]["interval"]
    nothing = {
        "data_summary": data,
        "class_scores": tables["class_scores"].assign(test_like_f1=0.9),
        "candidates": tables["candidates"].iloc[:1],
        "needs_review": tables["needs_review"].iloc[:0],
        "histories": tables["histories"].iloc[:0],
        "scores": {**tables["scores"], "test": {"macro_f1": (low + high) / 2}},
    }
    assert section({**tables, **nothing}) == ["Nothing stands out."]
