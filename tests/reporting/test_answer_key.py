"""The answer key is read where one is named, and a wrong one is refused."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.reporting.answer_key import (
    ANSWER_KEY,
    check_answer_key,
    check_key_fits,
    read_answer_key,
    true_labels,
)


def test_a_run_without_a_key_has_none() -> None:
    assert read_answer_key({"layout": "competition"}) is None
    assert read_answer_key({"answer_key": None}) is None


def test_ids_stay_text_and_other_columns_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    path.write_text("ID,target,note\n0012e5,3,x\n007,1,y\n")
    table = read_answer_key({"answer_key": str(path)})
    assert table is not None
    assert tuple(table.columns) == ANSWER_KEY
    assert table["ID"].tolist() == ["0012e5", "007"]
    assert table["target"].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ID\na\n", "to name the columns ID, target"),
        (b"ID,target\na,1.5\n", r"an answer key .* no whole numbers from 0: '1.5' \(a\)"),
        (b"ID,target\na,\n", r"no whole numbers from 0: '' \(a\)"),
        (b"ID,target\na,1\na,1.0\n", "IDs listed twice: a"),
        (b"ID,target\n,1\n", "rows without an ID: 1"),
        (b"ID,target\n", "it has no rows"),
        (b"ID,target\n\xb0\xa1.jpg,1\n", "to be text in UTF-8"),
        (None, "there is none"),
    ],
)
def test_what_is_no_key_is_refused(data: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=words):
        check_answer_key(path)
    with pytest.raises(InputError, match=words):
        read_answer_key({"answer_key": str(path)})


def test_a_key_in_korean_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    path.write_bytes("ID;target\r\n진단서_하나.jpg;1.0\r\n이력서.jpg;0\r\n".encode("cp949"))
    table = check_answer_key(path)
    assert table.to_dict("list") == {"ID": ["진단서_하나.jpg", "이력서.jpg"], "target": [1, 0]}
    assert table["target"].dtype == "int64"


def test_a_key_of_other_data_is_refused_and_unicode_forms_do_not_matter() -> None:
    nfc, nfd = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    photos = pd.DataFrame({"image_id": ["t.jpg", nfc, "b.jpg"], "split": ["train", "test", "test"]})
    classes = pd.DataFrame({"target": [0, 3]})
    key = pd.DataFrame({"ID": ["b.jpg", nfd], "target": [0, 3]})
    check_key_fits(key, photos, classes)
    assert true_labels(photos["image_id"].tail(2), key).tolist() == [3, 0]
    with pytest.raises(InputError, match=r"with classes of the data, but got 7"):
        check_key_fits(key.assign(target=[0, 7]), photos, classes)
    with pytest.raises(InputError, match=r"1 are missing there \(é.jpg\) and 1 are not in the submission \(c.jpg\)"):
        check_key_fits(key.assign(ID=["b.jpg", "c.jpg"]), photos, classes)
    with pytest.raises(InputError, match=r"to list every test image, but é.jpg is missing"):
        true_labels(photos["image_id"].tail(2), key.head(1))
