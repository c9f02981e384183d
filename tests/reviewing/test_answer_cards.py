"""Answers that a person judges: which pages are shown, and what a decision is kept by."""

from pathlib import Path

import pandas as pd
import pytest
from reviewed_answers import UNSURE
from reviewed_job import CLASSES, page_id

from docsort.errors import InputError
from docsort.reviewing.answer_cards import (
    AnswerReview,
    check_classes,
    find_pictures,
    list_test_answers,
    make_answer_cards,
)
from docsort.reviewing.decisions import NO_ROW
from docsort.reviewing.review import Filters
from docsort.stores import Store
from docsort.tables import ANSWER_LEDGER
from docsort.user_tables import read_user_table

FAX = ["fax.tif#1", "fax.tif#2"]


def test_the_least_sure_come_first_the_unreadable_last_and_copies_are_one_card(answers: pd.DataFrame) -> None:
    cards = make_answer_cards(answers)
    names = [card["name"] for card in cards]
    assert names[:3] == [*FAX, f"copy of {page_id(0)} and 1 more like it"]
    assert names[-1] == "broken.jpg"
    assert len(cards) == UNSURE + 3
    scores = [card["score"] for card in cards[:-1]]
    assert scores == sorted(scores)
    assert answers["confidence"].head(UNSURE).tolist() != sorted(answers["confidence"].head(UNSURE))
    first, last = cards[0], cards[-1]
    assert [guess["label"] for guess in first["guesses"]] == [7, 3, 14]
    assert sum(guess["probability"] for guess in first["guesses"]) == pytest.approx(1)
    assert (first["evidence"], first["kinds"]) == (["confidence 0.400 below 0.900"], ["confidence"])
    assert (last["guesses"], last["proposed_label"], last["kinds"]) == ([], None, ["unreadable"])


def test_pages_are_found_by_what_they_hold_and_those_that_changed_are_named(
    answers: pd.DataFrame, tmp_path: Path
) -> None:
    pictures, gone = find_pictures(answers, Store(tmp_path / "pages"))
    asked = answers[answers["needs_review"]]
    assert set(asked["sha256"]) <= set(pictures)
    assert gone == []
    moved = answers.assign(file=answers["file"].str.replace("fax", "elsewhere"))
    assert find_pictures(moved, Store(tmp_path / "pages"))[1] == FAX
    changed = answers.assign(sha256=["0" * 64, *answers["sha256"][1:]])
    assert find_pictures(changed, Store(tmp_path / "pages"))[1] == [page_id(0)]
    with pytest.raises(InputError, match=r"all 24 are gone or have changed, such as page_00\.jpg"):
        find_pictures(answers.assign(file="/elsewhere"), Store(tmp_path / "pages"))


def test_a_decision_is_a_row_with_all_that_it_was_based_on(
    review: AnswerReview, ledger: Path, digests: dict[str, str]
) -> None:
    review.decide(digests[FAX[0]], "relabel", "14", "a stamp", NO_ROW)
    row = read_user_table(ledger, ANSWER_LEDGER).iloc[0]
    assert row["image_id"] == FAX[0]
    assert (row["action"], row["old_label"], row["new_label"]) == (
        "relabel",
        CLASSES["class_name"][1],
        'o"pinion & more',
    )
    assert (row["sha256"], row["confidence"], row["ensemble"]) == (digests[FAX[0]], "0.400000", "f1ngerprint")
    assert (row["decided_by"], row["reason"], Path(row["file"]).name) == ("Ann", "a stamp", "fax.tif")
    card = review.card(digests[FAX[0]])
    assert card is not None
    assert card["decision"]["new_label"] == "14"
    assert review.listing(Filters(state="relabel"))["ids"] == [digests[FAX[0]]]
    assert review.listing(Filters(text="fax", state="open"))["ids"] == [digests[FAX[1]]]


def test_undo_puts_back_the_row_and_none_that_a_run_would_refuse(
    review: AnswerReview, ledger: Path, digests: dict[str, str]
) -> None:
    begun = ledger.read_text()
    page = digests[page_id(3)]
    first = review.decide(page, "drop", "", "", NO_ROW)
    second = review.decide(page, "relabel", "7", "", first.version)
    assert second.before is not None
    forged = second.before.replace("drop", "explode")
    assert forged != second.before
    with pytest.raises(InputError, match="actions other than"):
        review.undo(page, forged, second.version)
    back = review.undo(page, second.before, second.version)
    assert back.version == first.version
    review.undo(page, None, back.version)
    assert ledger.read_text() == begun


def test_test_images_that_need_review_are_listed_also_those_that_cannot_be_read(answers: pd.DataFrame) -> None:
    named = answers.rename(columns={"page": "image_id"})
    photos = named[["image_id"]].assign(path=answers["file"])
    rejected = pd.DataFrame({"image_id": ["broken.jpg"], "split": "test", "reason": "no photo"})
    sheet = pd.DataFrame({"ID": answers["page"], "target": 3})
    read = named[named["image_id"] != "broken.jpg"].drop(columns=["file", "sha256", "ensemble"])
    table, pictures = list_test_answers(read, photos, rejected, sheet, "f1")
    check_classes(answers, CLASSES)
    cards = make_answer_cards(table)
    assert cards[-1]["evidence"] == ["unreadable: no photo"]
    assert {card["image_id"] for card in cards} <= set(pictures)
    assert len(cards) == UNSURE + 2  # the fax is one file here


def test_answers_of_other_classes_are_refused(answers: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"it has no 7 .*name the ensemble that answered with --ensemble"):
        check_classes(answers, CLASSES[CLASSES["target"] != 7])
