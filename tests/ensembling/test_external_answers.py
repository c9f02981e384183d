"""Answer sheets of earlier work are taken only where they answer this data, and all that is wrong is said at once."""

from pathlib import Path

import pandas as pd
import pytest

from docsort.ensembling.external_answers import EXTERNAL_ANSWERS, ballots_of, read_external_answers
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError

CLASSES = pd.DataFrame({"target": [0, 3, 7], "class_name": ["a", "b", "c"]})
PHOTOS = pd.DataFrame(
    {"image_id": ["b.jpg", "a.jpg", "t.jpg"], "split": ["test", "test", "train"], "position": [1, 0, 0]}
)
COLUMNS = ["p_0", "p_3", "p_7"]


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_answers_come_by_name_in_the_order_of_the_test_images(tmp_path: Path) -> None:
    paths = {"late": write(tmp_path, "l.csv", "ID,target\nb.jpg,3\na.jpg,0\n")}
    paths["early"] = write(tmp_path, "e.csv", "﻿ID,target,note\na.jpg, 7,x\nb.jpg,7,y\n")
    table = read_external_answers(paths, PHOTOS, CLASSES)
    assert tuple(table.columns) == EXTERNAL_ANSWERS
    assert table.to_numpy().tolist() == [
        ["early", "a.jpg", 7],
        ["early", "b.jpg", 7],
        ["late", "a.jpg", 0],
        ["late", "b.jpg", 3],
    ]
    assert tuple(read_external_answers({}, PHOTOS, CLASSES).columns) == EXTERNAL_ANSWERS


def test_all_that_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    paths = {
        "gone": str(tmp_path / "gone.csv"),
        "odd": write(tmp_path, "o.csv", "image,target\na.jpg,0\n"),
        "other": write(tmp_path, "x.csv", "ID,target\na.jpg,0\na.jpg,5\nz.jpg,cat\n"),
        "void": write(tmp_path, "v.csv", ""),
    }
    with pytest.raises(InputError) as caught:
        read_external_answers(paths, PHOTOS, CLASSES)
    text = str(caught.value)
    assert f"gone ({paths['gone']}): Expected a CSV file at {paths['gone']}, but there is none" in text
    assert "to name the columns ID, target, separated by commas, but it is 'image,target'" in text
    assert "v.csv to be a table with the columns ID, target, but it is empty" in text
    assert (
        "x.csv): has no answer for b.jpg and answers what is no test image: z.jpg and answers more than once a.jpg and "
        "names unknown classes 5, cat" in text
    )


def test_sheets_are_read_as_all_tables_of_the_user_are(tmp_path: Path) -> None:
    paths = {"old": write(tmp_path, "o.csv", "ID;target\nb.jpg;3.0\n;\na.jpg;00\n")}
    assert read_external_answers(paths, PHOTOS, CLASSES)["predicted"].tolist() == [0, 3]


def test_ballots_are_the_shares_of_those_who_say_so() -> None:
    answers = pd.DataFrame(
        [("one", "a.jpg", 7), ("one", "b.jpg", 0), ("two", "a.jpg", 7), ("two", "b.jpg", 3)],
        columns=list(EXTERNAL_ANSWERS),
    )
    pages = pd.DataFrame({"image_id": ["b.jpg", "a.jpg"]})
    ballots = ballots_of(answers, pages, COLUMNS, {"two": 3.0}, 0.5)
    assert ballots is not None
    assert ballots.tolist() == [[0.5, 1.5, 0], [0, 0, 2.0]]
    assert ballots_of(answers.iloc[:0], pages, COLUMNS, {}, 0.5) is None
    with pytest.raises(InputError, match=r"sheet two to answer every test page, but 1 are missing: b\.jpg"):
        ballots_of(answers.iloc[:3], pages, COLUMNS, {}, 0.5)


def test_external_answers_join_only_votes_by_ballot() -> None:
    for kind in ("hard", "soft_hard", "hard_hard"):
        EnsemblingParameters.model_validate({"vote": kind, "external_answers": {"old": "old.csv"}})
    with pytest.raises(ValueError, match="hard, soft_hard, hard_hard where `external_answers` join it, but got soft"):
        EnsemblingParameters.model_validate({"external_answers": {"old": "old.csv"}})
    stacker = {"vote": "hard", "weights": "logistic"}
    EnsemblingParameters.model_validate(stacker)
    with pytest.raises(ValueError, match="`weights` to be another than logistic where `external_answers` join"):
        EnsemblingParameters.model_validate({**stacker, "external_answers": {"old": "old.csv"}})
