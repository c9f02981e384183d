"""What a person decided over what an ensemble answered."""

from pathlib import Path

import pandas as pd
import pytest
from reviewed_job import CLASSES, page_id

from docsort.cleaning.ledger import resolve_answers
from docsort.reviewing.answer_cards import (
    AnswerReview,
)
from docsort.reviewing.decisions import NO_ROW
from docsort.reviewing.final_answers import decide_answers, decide_sheet
from docsort.tables import ANSWER_LEDGER
from docsort.user_tables import read_user_table

FAX = ["fax.tif#1", "fax.tif#2"]


def decided(ledger: Path) -> pd.DataFrame:
    return resolve_answers(read_user_table(ledger, ANSWER_LEDGER), CLASSES)


def test_a_person_has_the_last_word_on_a_page_however_it_is_called_and_whatever_is_answered_today(
    answers: pd.DataFrame, review: AnswerReview, ledger: Path, digests: dict[str, str]
) -> None:
    kept, relabelled, dropped, open_one = (page_id(number) for number in range(4))
    review.decide(digests[kept], "keep", "", "", NO_ROW)
    review.decide(digests[relabelled], "relabel", "7", "", NO_ROW)
    review.decide(digests[dropped], "drop", "", "", NO_ROW)
    review.decide(digests[open_one], "undecided", "", "", NO_ROW)
    today = answers.assign(page="renamed " + answers["page"], target=14)
    final, told = decide_answers(today, decided(ledger))
    by_page = final.set_index("page")
    named = [by_page.loc[f"renamed {name}"] for name in (kept, relabelled, dropped, open_one, page_id(4))]
    assert [row["target"] for row in named[:2]] == [3, 7]
    assert pd.isna(named[2]["target"])
    assert [row["target"] for row in named[3:]] == [14, 14]
    assert [row["decision"] for row in named] == ["keep", "relabel", "drop", "undecided", ""]
    assert set(final["model_target"]) == {14}
    assert by_page.loc["renamed copy of page_00.jpg", "target"] == 3
    assert told == "Of 26 answers a person changed 1, 2 confirmed, 1 of no class, 1 undecided."


def test_a_decision_about_a_page_that_is_not_there_is_named(
    answers: pd.DataFrame, review: AnswerReview, ledger: Path, digests: dict[str, str]
) -> None:
    review.decide(digests[FAX[1]], "relabel", "3", "", NO_ROW)
    _, told = decide_answers(answers[~answers["page"].isin(FAX)], decided(ledger))
    assert told.endswith(f"1 decisions are about pages that are not there: {FAX[1]}.")


def test_a_sheet_takes_decisions_and_answers_with_a_class_all_the_same(
    answers: pd.DataFrame, review: AnswerReview, ledger: Path, digests: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    review.decide(digests[page_id(1)], "relabel", "7", "", NO_ROW)
    review.decide(digests[page_id(2)], "drop", "", "", NO_ROW)
    photos = answers.head(4).rename(columns={"page": "image_id", "file": "path"})
    sheet = pd.DataFrame({"ID": photos["image_id"], "target": 3})
    with caplog.at_level("INFO"):
        final = decide_sheet(sheet, photos, decided(ledger))
    assert final["target"].tolist() == [3, 7, 3, 3]
    assert final.dtypes.equals(sheet.dtypes)
    assert "Of 4 answers a person changed 1, 1 of no class" in caplog.text
    assert decide_sheet(sheet, photos, decided(ledger).head(0)) is sheet
