"""Names of files and classes: matched whatever the disk made of them, told apart, refused where no table keeps them."""

import os
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.ingestion.class_folders import read_class_folders
from docsort.ingestion.layouts import read_layout
from docsort.ingestion.parameters import SourceParameters
from docsort.ingestion.photos import list_new_photos
from docsort.stores import Store

NFC, NFD = (unicodedata.normalize(form, "문서é.jpg") for form in ("NFC", "NFD"))


def folders(root: Path, *names: str | bytes) -> Path:
    for name in names:
        folder = root / os.fsdecode(name)
        folder.mkdir(parents=True)
        for photo in ("1.jpg", "2.jpg"):
            (folder / photo).write_bytes(b"photo")
    return root


def new_photos(folder: Path, raw: Path, given: bool) -> pd.DataFrame:
    source = SourceParameters(
        layout="competition", raw_dir=str(raw), answer_key=None, photos=str(folder) if given else None
    )
    return list_new_photos(source, {}, Store(raw / "pages"))


def test_folders_that_are_whole_numbers_are_classes_in_their_own_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        photos, classes = read_class_folders(folders(tmp_path, "1", "2", "10"))
    assert classes["class_name"].tolist() == ["1", "2", "10"]
    assert dict(zip(photos["image_id"], photos["target"], strict=True))["10/1.jpg"] == 2
    assert "target 0 is folder 1, target 1 is folder 2, target 2 is folder 10" in caplog.messages[0]


def test_one_folder_that_is_no_number_puts_all_in_the_order_of_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        _, classes = read_class_folders(folders(tmp_path, "1", "2", "10", "x"))
    assert classes["class_name"].tolist() == ["1", "10", "2", "x"]
    assert not caplog.messages


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (b"caf\xe9", r"class folders that are not UTF-8; rename them: caf\\xe9"),
        ("in\rvoice", r"class folders with control characters such as line breaks; rename them: 'in\\rvoice'"),
        ("a\x1bb", r"class folders with control characters .*'a\\x1bb'"),
    ],
)
def test_a_folder_whose_name_no_table_can_keep_is_refused(tmp_path: Path, name: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_class_folders(folders(tmp_path, "invoice", name))


def test_folders_that_differ_in_their_unicode_form_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="class folders that look the same .*: 문서é.jpg"):
        read_class_folders(folders(tmp_path, NFC, NFD, "letter"))


@pytest.mark.parametrize(
    ("name", "message"), [(b"caf\xe9.jpg", r"photos that are not UTF-8.*caf\\xe9.jpg"), ("a\nb", "photos with control")]
)
def test_a_photo_whose_name_no_table_can_keep_is_refused(tmp_path: Path, name: str | bytes, message: str) -> None:
    root = folders(tmp_path, "invoice", "letter", "test")
    (root / "test" / os.fsdecode(name)).write_bytes(b"photo")
    with pytest.raises(InputError, match=message):
        read_class_folders(root)
    (root / "test" / os.fsdecode(name)).rename(root / "letter" / os.fsdecode(name))
    with pytest.raises(InputError, match=message) as error:
        read_class_folders(root)
    str(error.value).encode()


def test_classes_that_differ_in_case_only_are_kept_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = folders(tmp_path / "raw", "Invoice", "invoice", "letter")
    _, classes = read_layout("class_folders", root, Store(tmp_path / "pages"))
    assert classes["class_name"].tolist() == ["Invoice", "invoice", "letter"]
    assert caplog.messages == ["Classes that differ in upper and lower case only are kept apart: Invoice, invoice."]


def test_new_photos_come_in_the_order_of_the_list_under_its_names(tmp_path: Path) -> None:
    folder = tmp_path / "test"
    folder.mkdir()
    for name in (NFD, "a.jpg"):
        (folder / name).write_bytes(b"photo")
    (tmp_path / "sample_submission.csv").write_text(f"ID;target\n{NFC};0\n;\na.jpg;0\n", encoding="utf-16")
    table = new_photos(folder, tmp_path, given=False)
    assert table.to_numpy().tolist() == [[NFC, str(folder / NFD)], ["a.jpg", str(folder / "a.jpg")]]
    assert new_photos(folder, tmp_path, given=True)["image_id"].tolist() == ["a.jpg", NFD]
    (tmp_path / "sample_submission.csv").write_bytes(b"")
    with pytest.raises(InputError, match="sample_submission.csv to be a table with the columns ID, but it is empty"):
        new_photos(folder, tmp_path, given=False)


def test_a_new_photo_whose_name_no_table_can_keep_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"photo")
    with pytest.raises(InputError, match=r"file names that are not UTF-8; rename them: caf\\xe9.jpg"):
        new_photos(tmp_path, tmp_path, given=True)
