"""The model card: whole tables, harmless text, the promise of the scores."""

import html
import platform
import re

import pandas as pd
import pytest
from confidences import Run, words_kept
from forecasts import make_forecast
from markdown_it import MarkdownIt

from docsort.reporting.model_card import PACKAGES, markdown_table, write_model_card
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import Scores, score_run, tabulate_class_scores
from docsort.versions import versions_of

FORECAST = make_forecast()


@pytest.fixture
def scores(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    submission: pd.DataFrame,
    answer_key: pd.DataFrame,
    confidence_run: Run,
) -> Scores:
    scores = score_run(oof_votes, verdicts, submission, FORECAST, answer_key, ReportingParameters(draws=100), 0)
    return scores | words_kept(confidence_run)


@pytest.fixture
def card(
    scores: Scores,
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    submission: pd.DataFrame,
    verdicts: pd.DataFrame,
    data_tables: dict[str, pd.DataFrame],
) -> str:
    table = tabulate_class_scores(oof_votes, classes, submission, None)
    models = {
        "fold_0": {"backbone": "resnet10t", "best_epoch": 3, "layers": [1, 2]},
        "fold_1": {"backbone": "resnet10t", "device": "cpu"},
    }
    return write_model_card(scores, table, verdicts, models, data_tables["clean_images"])


def test_the_card_holds_the_promise_both_views_and_the_limits(card: str, scores: Scores) -> None:
    assert scores["expect"] in card
    for name, block in (("forecast, all models", scores["validation"]["test_like"]), ("test", scores["test"])):
        assert f"| {name} | {block['macro_f1']:.4f} |" in card
    assert f"The gap, forecast minus test, is {scores['gap']:+.4f}." in card
    assert "40 photos of 20 groups" in card
    assert "Pages in `needs_review.csv`" in card
    assert f"{scores['calibration']['test']['after']['ece']:.3f} on test pages" in card
    assert "A page is answered without a person from" in card
    for heading in ("## Confidence", "## Limits", "## Not to be used for", "## Versions"):
        assert heading in card


def test_pages_that_were_set_aside_stand_beside_the_forecast_where_there_are_any(
    scores: Scores, card: str, oof_votes: pd.DataFrame, classes: pd.DataFrame, verdicts: pd.DataFrame
) -> None:
    block = {"macro_f1": 0.4321, "accuracy": 0.5, "interval": [0.4, 0.5], "n": 12, "groups": 9}
    aside = {"holdout": {"clean": {**block, "macro_f1": 0.8765}, "test_like": block}}
    images = pd.DataFrame({"label": [0, 1], "given_label": [0, 1], "group": [0, 1]})
    table = tabulate_class_scores(oof_votes, classes, pd.DataFrame(columns=["ID", "target"]), None)
    text = write_model_card(scores | aside, table, verdicts, {}, images)
    assert "| set aside, clean, all models | 0.8765 | 0.4000 to 0.5000 |" in text
    assert "| set aside, test-like, all models | 0.4321 | 0.4000 to 0.5000 |" in text
    assert "Pages set aside were seen by no training, gate or calibration." in text
    assert "set aside" not in card


def test_the_card_says_that_text_was_read_and_how_it_is_kept(
    scores: Scores, card: str, oof_votes: pd.DataFrame, classes: pd.DataFrame, verdicts: pd.DataFrame
) -> None:
    images = pd.DataFrame({"label": [0, 1], "given_label": [0, 1], "group": [0, 1]})
    table = tabulate_class_scores(oof_votes, classes, pd.DataFrame(columns=["ID", "target"]), None)
    kept, hashed = (
        write_model_card(scores, table, verdicts, {}, images, {"reading": keeps}) for keeps in (True, False)
    )
    assert "## What it reads" in kept
    assert "`reading` reads the words on pages" in kept
    assert "is kept as text" in kept
    assert "is kept as hashed n-grams alone" in hashed
    for own in (kept, hashed):
        assert "it does not read them" not in own
    assert "## What it reads" not in card
    assert "it does not read them" in card


def test_every_table_of_the_card_is_rectangular(card: str) -> None:
    for block in card.split("\n\n"):
        if block.startswith("|"):
            bars = {line.replace("\\|", "").count("|") for line in block.splitlines()}
            assert len(bars) == 1, block


def test_text_cannot_break_out_of_its_cell(card: str) -> None:
    assert "<script>" not in card
    assert markdown_table(["a"], [["x|y\n<b>"]]) == "| a |\n| --- |\n| x\\|y &lt;b> |"


@pytest.mark.parametrize(
    "name",
    [
        "[x](javascript:alert)",
        "![x](https://example.com/a.png)",
        "[x]: javascript:alert",
        "<javascript:alert>",
        "<img src=x>",
        "`x`",
        "**x**",
        "a\\|b | c",
        "\\[x](y)",
    ],
)
def test_no_name_becomes_markup(name: str) -> None:
    markdown = MarkdownIt("commonmark").enable("table")
    (row,) = re.findall("<td>(.*)</td>", markdown.render(markdown_table(["name"], [[name]])))
    assert html.unescape(row) == name


def test_no_address_becomes_a_link_where_addresses_do() -> None:
    assert markdown_table(["a"], [["https://x.org www.x.org"]]).endswith(r"| https\://x.org www\.x.org |")


def test_facts_of_models_are_joined_and_lists_left_out(card: str) -> None:
    assert "| model | backbone | best_epoch | device |" in card
    assert "| fold_1 | resnet10t |  | cpu |" in card


def test_the_versions_are_those_installed(card: str) -> None:
    table = card.partition("## Versions")[2]
    assert f"| python | {platform.python_version()} |" in table
    for name, version in versions_of(PACKAGES).items():
        assert f"| {name} | {version} |" in table


def test_late_members_stand_among_the_models_and_count_where_they_are_accepted(
    scores: Scores,
    card: str,
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    submission: pd.DataFrame,
    verdicts: pd.DataFrame,
    data_tables: dict[str, pd.DataFrame],
) -> None:
    table = tabulate_class_scores(oof_votes, classes, submission, None)
    worth = {"pages_asked": 7, "gain": 0.02}
    cards = [
        write_model_card(
            scores,
            table,
            verdicts,
            {"fold_0": {"kind": "network"}, "words_fold_0": {"kind": "reading", **worth, "accepted": accepted}},
            data_tables["clean_images"],
        )
        for accepted in (True, False)
    ]
    assert "| words_fold_0 | reading | 7 | 0.0200 | True |" in cards[0]
    assert ["an ensemble of 2 models" in cards[0], "an ensemble of 1 models" in cards[1]] == [True, True]
    assert all("asked only where the others are unsure" in text for text in cards)
    assert "asked only where the others are unsure" not in card


def test_a_run_without_specialists_says_so(
    scores: Scores,
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    submission: pd.DataFrame,
    verdicts: pd.DataFrame,
    data_tables: dict[str, pd.DataFrame],
) -> None:
    table = tabulate_class_scores(oof_votes, classes, submission, None)
    card = write_model_card(
        {key: value for key, value in scores.items() if key not in ("test", "gap")},
        table,
        verdicts.iloc[:0],
        {},
        data_tables["clean_images"],
    )
    assert "None was trained" in card
    assert "minus test" not in card
