"""From tables to cards."""

import json
from collections.abc import Callable

import pandas as pd
import pytest
from reviewed_job import HOSTILE, Job, page_id

from docsort.errors import InputError
from docsort.reviewing.cards import check_cards, kind_of, make_cards
from docsort.tables import LABEL_NEIGHBOURS, LABEL_SUSPECTS

Drawn = Callable[[], pd.DataFrame]


def test_there_is_a_card_a_suspect_in_their_order(job: Job, suspects: Drawn) -> None:
    assert [card["image_id"] for card in job.cards] == suspects()["image_id"].tolist()
    first = job.cards[0]
    assert (first["data_label"], first["given_label"], first["proposed_label"]) == (3, 3, 7)
    assert (first["score"], first["p_given"], first["p_proposed"]) == (0.9, 0.1, 0.8)
    assert first["evidence"] == [f"near-duplicate {page_id(1)} is labelled 7", HOSTILE]


def test_the_label_of_the_raw_data_is_kept_where_the_ledger_has_changed_it(job: Job, suspects: Drawn) -> None:
    relabelled = suspects().assign(given_label=14)
    (card, *_) = make_cards(relabelled, pd.DataFrame(columns=list(LABEL_NEIGHBOURS)), job.images)
    assert (card["data_label"], card["given_label"]) == (3, 14)


def test_neighbours_come_by_class_the_given_one_first_and_the_nearest_first(job: Job) -> None:
    given, proposed = job.cards[0]["neighbours"]
    assert (given["label"], proposed["label"]) == (3, 7)
    assert [page["similarity"] for page in given["images"]] == [0.9, 0.8]
    assert [page["image_id"] for page in proposed["images"]] == [page_id(1), page_id(2)]


def test_cards_are_plain_json_without_missing_numbers(job: Job) -> None:
    assert json.loads(json.dumps(job.cards, allow_nan=False)) == job.cards
    assert job.cards[19]["p_given"] is None


def test_without_neighbours_or_suspects_there_are_cards_or_none(job: Job, suspects: Drawn) -> None:
    empty = pd.DataFrame(columns=list(LABEL_NEIGHBOURS))
    assert all(card["neighbours"] == [] for card in make_cards(suspects(), empty, job.images))
    assert make_cards(pd.DataFrame(columns=list(LABEL_SUSPECTS)), empty, job.images) == []


def test_suspects_and_neighbours_that_are_no_training_images_are_refused_by_name(
    job: Job, suspects: Drawn, neighbours: Drawn
) -> None:
    stale, near = suspects(), neighbours()
    stale.loc[4, "image_id"], near.loc[2, "neighbour_id"] = "gone.jpg", "secret_test.jpg"
    with pytest.raises(InputError, match=r"but gone\.jpg, secret_test\.jpg is not; run the pipeline `cleaning`"):
        make_cards(stale, near, job.images)


def test_cards_of_other_images_or_other_labels_are_refused_by_name(job: Job) -> None:
    check_cards(job.cards, job.train)
    other = job.train.assign(target=job.train["target"].mask(job.train["image_id"] == page_id(2), 7))
    with pytest.raises(InputError, match=r"but page_02\.jpg is not or has another label; run the pipelines"):
        check_cards(job.cards, other)
    with pytest.raises(InputError, match=r"page_00\.jpg, page_01\.jpg.* and 10 more"):
        check_cards(job.cards, job.train.iloc[20:])


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        ("near-duplicate 024fe478044874ab is labelled 7", "near-duplicate"),
        ("near-duplicate bill/photo.jpg is labelled 7", "near-duplicate"),
        ("unseen by the model: 3 at 0.92, 7 at 0.01", "unseen by the model"),
        ("7 of 8 neighbours are labelled 3", "other"),
        ("", "other"),
    ],
)
def test_the_kind_of_evidence_is_what_it_begins_with(evidence: str, kind: str) -> None:
    assert kind_of(evidence) == kind
