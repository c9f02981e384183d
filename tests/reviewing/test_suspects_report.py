"""The report as a file that anyone may be sent."""

import base64
import re
from io import BytesIO

import pandas as pd
import pytest
from PIL import Image
from reviewed_job import CLASSES, HOSTILE, Job, page_id

from docsort.errors import InputError
from docsort.reviewing.parameters import LabelReviewParameters
from docsort.reviewing.suspects_report import NEIGHBOUR_SIDE, write_label_review


def write(job: Job, **parameters: int) -> str:
    ledger = pd.read_csv(job.ledger_path, dtype=str, keep_default_na=False)
    settings = LabelReviewParameters.model_validate({"cards": 4, "neighbours": 2, "side": 200, **parameters})
    return write_label_review(job.cards, job.images, ledger, CLASSES, settings)


def test_the_most_suspicious_are_shown_and_the_others_counted(job: Job) -> None:
    page = write(job)
    assert re.findall(r"<h2>\d+\. (\S+) ", page) == [page_id(k) for k in range(4)]
    assert "20 labels to look at" in page
    assert "0 of them are decided" in page
    assert "The 4 most suspicious are shown." in page


def test_photos_lie_in_the_page_in_the_sizes_asked_for(job: Job) -> None:
    longest = []
    for data in re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', write(job, cards=1, neighbours=1)):
        with Image.open(BytesIO(base64.b64decode(data))) as picture:
            longest.append(max(picture.size))
    assert longest == [200, NEIGHBOUR_SIDE, NEIGHBOUR_SIDE]


def test_hostile_text_is_escaped_and_nothing_is_run_or_asked_for(job: Job) -> None:
    page = write(job)
    assert HOSTILE not in page
    assert "&lt;script&gt;document.title=" in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


def test_what_is_decided_stands_on_the_card(job: Job) -> None:
    job.review().decide(page_id(1), "relabel", "14", "title says <opinion>", "none")
    page = write(job)
    assert "1 of them is decided" in page
    assert re.search(r"relabel → 14 o&#34;pinion &amp; more by Ann, \d{4}-\d\d-\d\d: title says &lt;opinion&gt;", page)


def test_without_neighbours_or_suspects_there_is_still_a_page(job: Job) -> None:
    assert "nearest labelled" not in write(job, neighbours=0)
    ledger = pd.read_csv(job.ledger_path, dtype=str)
    page = write_label_review([], job.images, ledger, CLASSES, LabelReviewParameters())
    assert "0 labels to look at" in page
    assert "run <code>cleaning</code> again after training" in page


def test_a_ledger_of_other_data_is_refused(job: Job) -> None:
    job.ledger_path.write_text(job.ledger_path.read_text() + "elsewhere.jpg,keep,,,,,,\n")
    with pytest.raises(InputError, match=r"does not fit the data.*\n.*elsewhere\.jpg"):
        write(job)
