"""Label Studio and FiftyOne: what is exported comes back as it was decided, and nothing else does."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from reviewed_answers import AnswerJob
from reviewed_job import CLASSES, HOSTILE, page_id

from docsort.errors import InputError
from docsort.reviewing.answer_cards import AnswerReview, make_answer_cards, open_ledger
from docsort.reviewing.decisions import NO_ROW
from docsort.reviewing.exchange import NO_CLASS, export_pages, import_decisions

DECIDED = {page_id(1): ("relabel", "14"), page_id(2): ("drop", ""), page_id(3): ("keep", "")}
TOOLS = ("label-studio", "fiftyone")


@pytest.fixture
def digests(answer_job: AnswerJob) -> dict[str, str]:
    return dict(zip(answer_job.answers["page"], answer_job.answers["sha256"], strict=True))


@pytest.fixture
def review(answer_job: AnswerJob, digests: dict[str, str]) -> AnswerReview:
    """Twenty-three pages, three of them decided."""
    review = answer_job.review()
    for page, (action, label) in DECIDED.items():
        review.decide(digests[page], action, label, "", NO_ROW)
    return review


@pytest.fixture
def other(answer_job: AnswerJob, tmp_path: Path) -> AnswerReview:
    """The same pages for somebody who has decided nothing."""
    return AnswerReview(make_answer_cards(answer_job.answers), CLASSES, open_ledger(tmp_path / "other.csv"), "Bob")


def said(review: AnswerReview) -> dict[str, tuple[str, str, str]]:
    read = review.ledger.read()
    return {page: (row.action, row.old_label, row.new_label) for page, row in read.items()}


@pytest.mark.parametrize("tool", TOOLS)
def test_decisions_make_the_round_trip_and_answers_of_the_ensemble_do_not_become_decisions(
    tool: str, review: AnswerReview, other: AnswerReview, answer_job: AnswerJob, tmp_path: Path
) -> None:
    told = export_pages(tool, tmp_path / "out.json", review, answer_job.paths)
    assert told.startswith(f"23 {'tasks' if tool == 'label-studio' else 'pages'} are in")
    assert import_decisions(tool, tmp_path / "out.json", other).startswith("3 decisions of ")
    assert said(other) == said(review)
    assert {row.decided_by for row in other.ledger.read().values()} == {"Bob"}
    written = other.ledger.path.read_bytes()
    again = import_decisions(tool, tmp_path / "out.json", other)
    assert again.startswith("0 decisions of ")
    assert "3 pages have a decision already, which stays" in again
    assert other.ledger.path.read_bytes() == written


def test_a_task_has_the_page_the_answer_and_its_score_and_the_interface_every_class(
    review: AnswerReview, answer_job: AnswerJob, digests: dict[str, str], tmp_path: Path
) -> None:
    export_pages("label-studio", tmp_path / "tasks.json", review, answer_job.paths)
    task = json.loads((tmp_path / "tasks.json").read_text())[0]
    assert task["data"]["sha256"] == digests["fax.tif#1"]
    place = "/" + unquote(task["data"]["image"].removeprefix("/data/local-files/?d="))
    assert place == answer_job.paths[digests["fax.tif#1"]]
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("f1ngerprint", 0.4)
    (region,) = prediction["result"]
    interface = ElementTree.parse(tmp_path / "tasks.xml").getroot()
    (choices,) = interface.iter("Choices")
    assert (region["from_name"], region["to_name"]) == (choices.get("name"), choices.get("toName"))
    assert [choice.get("value") for choice in choices] == [*CLASSES["class_name"], NO_CLASS]
    assert region["value"] == {"choices": [HOSTILE]}
    named = {f"${name}" for name in task["data"]}
    assert {each.get("value") for each in interface if (each.get("value") or "").startswith("$")} <= named


def label_studio(digest: str, *choices: str, **annotation: Any) -> list[dict[str, Any]]:
    """As Label Studio exports a project, with what it adds."""
    done = [
        {"id": number, "completed_by": {"email": "a@b.c"}, "lead_time": 1.5, "was_cancelled": False, **annotation}
        | {"result": [{"id": "x", "origin": "manual", "type": "choices", "value": {"choices": [choice]}}]}
        for number, choice in enumerate(choices)
    ]
    return [{"id": 7, "data": {"sha256": digest, "image": "x"}, "annotations": done, "meta": {}, "project": 1}]


def test_what_label_studio_adds_is_read_past_and_a_skipped_task_is_no_decision(
    other: AnswerReview, digests: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(label_studio(digests[page_id(5)], "admission", was_cancelled=True)))
    assert import_decisions("label-studio", path, other).startswith("0 decisions")
    path.write_text(
        json.dumps(label_studio(digests[page_id(5)], "admission", "admission") + label_studio("f" * 64, "admission"))
    )
    told = import_decisions("label-studio", path, other)
    assert told.startswith("1 decisions")
    assert f"1 are about pages that need no review here: {'f' * 64}" in told
    assert said(other) == {digests[page_id(5)]: ("keep", "admission", "")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (json.dumps(label_studio("PAGE", "admission", HOSTILE)), "Expected one class per page"),
        (json.dumps(label_studio("PAGE", "unheard of")), "Expected every choice in .* to name a class of the data"),
        ('{"labels": {}}', "to be an export with the pages"),
        ("[" * 30_000, "to be an export with the pages"),
        ('[{"data": {"image": "x"}}]', "but 1.data.sha256 is not"),
    ],
)
def test_an_export_that_says_what_cannot_be_is_refused_whole(
    other: AnswerReview, digests: dict[str, str], tmp_path: Path, text: str, problem: str
) -> None:
    path, begun = tmp_path / "export.json", other.ledger.path.read_bytes()
    good = json.dumps(label_studio(digests[page_id(6)], "admission"))
    path.write_text(good[:-1] + ", " + text.replace("PAGE", digests[page_id(5)])[1:] if text[:2] == "[{" else text)
    with pytest.raises(InputError, match=problem):
        import_decisions("label-studio", path, other)
    assert other.ledger.path.read_bytes() == begun


def test_fiftyones_own_names_are_found_by_what_the_photos_hold(
    other: AnswerReview, answer_job: AnswerJob, digests: dict[str, str], tmp_path: Path
) -> None:
    """It names a sample by its file, gives class numbers, and copies the photos or lists where they are."""
    (tmp_path / "set/data").mkdir(parents=True)
    labels: dict[str, Any] = {"classes": ["admission", NO_CLASS], "labels": {"one": 0, "two": 1, "three": None}}
    for name, number in (("one", 8), ("two", 9), ("three", 10)):
        photo = Path(answer_job.paths[digests[page_id(number)]])
        (tmp_path / f"set/data/{name}.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "set/labels.json").write_text(json.dumps(labels))
    assert import_decisions("fiftyone", tmp_path / "set", other).startswith("2 decisions")
    listed = {name: answer_job.paths[digests[page_id(11)]] for name in ("four",)}
    (tmp_path / "set/data.json").write_text(json.dumps(listed))
    (tmp_path / "set/labels.json").write_text(json.dumps({"labels": {"four": {"label": HOSTILE}}}))
    assert import_decisions("fiftyone", tmp_path / "set", other).startswith("1 decisions")
    (tmp_path / "set/labels.json").write_text(json.dumps({"classes": ["admission"], "labels": {"four": 99}}))
    with pytest.raises(InputError, match="every choice in .* to name a class of the data, but got '99'"):
        import_decisions("fiftyone", tmp_path / "set", other)
    expected = {8: ("keep", "admission", ""), 9: ("drop", "admission", ""), 11: ("relabel", "admission", HOSTILE)}
    assert said(other) == {digests[page_id(number)]: row for number, row in expected.items()}
