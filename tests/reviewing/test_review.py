"""What a review lists, and what a decision writes."""

from datetime import date

import pandas as pd
import pytest
from reviewed_job import CLASSES, HAND_WRITTEN, HOSTILE, Job, page_id

from docsort.cleaning.ledger import apply_ledger, resolve_ledger
from docsort.errors import InputError
from docsort.reviewing.cards import make_cards
from docsort.reviewing.decisions import NO_ROW
from docsort.reviewing.review import Filters, Review
from docsort.tables import LABEL_NEIGHBOURS, LABEL_SUSPECTS

FIRST = page_id(0)


def ledger_of(job: Job) -> pd.DataFrame:
    table = pd.read_csv(job.ledger_path, dtype=str, keep_default_na=False)
    return resolve_ledger(job.train, table, CLASSES).set_index("image_id")


@pytest.mark.parametrize(
    ("action", "new_label", "written"),
    [
        ("keep", "", ("keep", "3", "")),
        ("relabel", "7", ("relabel", "3", "7")),
        ("relabel", 'o"pinion & more', ("relabel", "3", "14")),
        ("relabel", "3", ("keep", "3", "")),
        ("drop", "7", ("drop", "3", "")),
        ("undecided", "", ("undecided", "3", "")),
    ],
)
def test_every_decision_is_a_row_that_the_ledger_accepts(
    job: Job, action: str, new_label: str, written: tuple[str, str, str]
) -> None:
    job.review().decide(FIRST, action, new_label, " seen\nby eye ", NO_ROW)
    row = ledger_of(job).loc[FIRST]
    assert (row["action"], row["old_label"], row["new_label"]) == written
    assert (row["reason"], row["decided_by"], row["decided_on"]) == ("seen by eye", "Ann", date.today().isoformat())
    assert row["evidence"] == f"near-duplicate {page_id(1)} is labelled 7; {HOSTILE}"


def test_a_relabelled_suspect_is_decided_against_the_raw_label(job: Job) -> None:
    """The suspect was ranked after the ledger had made it 14; the ledger must go on naming what the raw data says."""
    row = (FIRST, 14, 3, 0.9, 0.1, 0.8, "unseen by the model: 3 at 0.80, 14 at 0.10")
    suspects = pd.DataFrame([row], columns=list(LABEL_SUSPECTS))
    cards = make_cards(suspects, pd.DataFrame(columns=list(LABEL_NEIGHBOURS)), job.images)
    review = Review(cards, CLASSES, job.ledger(), "Ann")
    done = review.decide(FIRST, "relabel", "7", "", NO_ROW)
    review.decide(FIRST, "relabel", "3", "", done.version)
    assert ledger_of(job).loc[FIRST, ["action", "old_label", "new_label"]].tolist() == ["keep", "3", ""]


def test_what_was_judged_is_applied_by_the_next_run(job: Job) -> None:
    review = job.review()
    review.decide(page_id(1), "relabel", "7", "", NO_ROW)
    review.decide(page_id(2), "drop", "", "", NO_ROW)
    review.decide(page_id(3), "keep", "", "", NO_ROW)
    table = pd.read_csv(job.ledger_path, dtype=str, keep_default_na=False)
    clean = apply_ledger(job.train, table, CLASSES).set_index("image_id")["label"]
    assert page_id(2) not in clean.index
    assert clean[[page_id(1), page_id(3), page_id(23)]].tolist() == [7, 3, 14]


@pytest.mark.parametrize(
    ("image_id", "action", "new_label", "problem"),
    [
        ("../../etc/passwd", "keep", "", "one of the suspects"),
        (page_id(22), "keep", "", "one of the suspects"),
        (FIRST, "delete", "", "Expected the action to be one of relabel, drop"),
        (FIRST, "relabel", "8", "Expected new_label to name a class"),
        (FIRST, "relabel", "", "Expected new_label to name a class"),
    ],
)
def test_what_makes_no_decision_is_refused(job: Job, image_id: str, action: str, new_label: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        job.review().decide(image_id, action, new_label, "", NO_ROW)
    assert job.ledger_path.read_text() == HAND_WRITTEN


def test_a_card_shows_what_is_decided_also_by_hand_and_meanwhile(job: Job) -> None:
    review = job.review()
    card = review.card(FIRST)
    assert card is not None
    assert (card["decision"], card["version"]) == (None, NO_ROW)
    job.ledger_path.write_text(HAND_WRITTEN + "page_00,drop,3,,blank page,,A. Reader,2026-11-03\n")
    card = review.card(FIRST)
    assert card is not None
    assert card["decision"]["action"] == "drop"
    assert card["decision"]["decided_by"] == "A. Reader"
    assert card["version"] == card["decision"]["version"] != NO_ROW
    assert review.card("page_22.jpg") is None


def test_the_list_is_filtered_by_class_state_kind_and_text(job: Job) -> None:
    review = job.review()
    review.decide(page_id(3), "keep", "", "", NO_ROW)
    review.decide(page_id(4), "undecided", "", "", NO_ROW)

    def chosen(**filters: str) -> list[str]:
        return review.listing(Filters(**filters))["ids"]  # type: ignore[no-any-return]

    assert len(chosen()) == 20
    assert len(chosen(state="open")) == 18
    assert chosen(state="decided") == [page_id(3), page_id(4)]
    assert chosen(state="undecided") == [page_id(4)]
    assert chosen(state="relabel") == []
    assert chosen(label="14") == [page_id(19)]
    assert len(chosen(label="3")) == 20
    assert chosen(kind="unseen by the model") == [page_id(19)]
    assert chosen(text=" PAGE_05") == [page_id(4), page_id(5)]
    assert chosen(text="PAGE_05", state="open") == [page_id(5)]
    assert review.progress() == {"decided": 2, "total": 20}
