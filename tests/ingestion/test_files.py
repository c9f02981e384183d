import os
from pathlib import Path

import pytest

from docsort.ingestion.files import (
    climbs_out,
    folders_in,
    is_ignored,
    looks_like_picture,
    no_files,
    photo_files,
    warn_unread,
)


@pytest.mark.parametrize("name", ["a.jpg", "deep/a.jpg", "a..b.jpg", "...", "a b.jpg", "ß.png"])
def test_names_inside_the_folder_are_allowed(tmp_path: Path, name: str) -> None:
    assert not climbs_out(name, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "x/../../a.jpg", "..", "/a.jpg", "C:a.jpg", "C:\\a.jpg", "\\\\host\\a.jpg", "..\\a.jpg", "a\0b"],
)
def test_names_that_lead_elsewhere_are_seen(tmp_path: Path, name: str) -> None:
    assert climbs_out(name, tmp_path)


def test_a_link_within_the_folder_is_allowed_and_one_out_of_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"photo")
    (tmp_path / "b.jpg").write_bytes(b"photo")
    (folder / "inside.jpg").symlink_to(folder / "a.jpg")
    (folder / "outside.jpg").symlink_to(tmp_path / "b.jpg")
    assert not climbs_out("inside.jpg", folder)
    assert climbs_out("outside.jpg", folder)


def test_photos_are_listed_by_name_without_folders(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", ".hidden", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert [path.name for path in photo_files(tmp_path)] == ["a.jpg", "b.jpg"]
    assert photo_files(tmp_path / "none") == []


def test_what_is_neither_file_nor_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert [path.name for path in no_files(tmp_path)] == ["gone.jpg", "loop.jpg", "pipe.jpg"]
    assert [path.name for path in photo_files(tmp_path)] == ["a.jpg"]
    assert [path.name for path in folders_in(tmp_path)] == ["sub"]


def test_a_link_to_itself_leads_nowhere_rather_than_out(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert not climbs_out("loop.jpg", tmp_path)


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", ".ipynb_checkpoints", "Thumbs.db", ".DS_Store"])
def test_what_others_leave_behind_is_ignored(tmp_path: Path, name: str) -> None:
    assert is_ignored(tmp_path / name)


def test_a_picture_is_told_by_its_name_or_by_what_it_holds(tmp_path: Path) -> None:
    for name, data in (("a.JPG", b"?"), ("b", b"\xff\xd8\xff\xe0"), ("c.txt", b"%PDF-1.4"), ("README.txt", b"Bring")):
        (tmp_path / name).write_bytes(data)
    assert [looks_like_picture(path) for path in photo_files(tmp_path)] == [False, True, True, True]


def test_one_warning_names_what_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "val").mkdir()
    warn_unread(tmp_path, [tmp_path / "val", tmp_path / "README.txt"])
    warn_unread(tmp_path, [])
    assert [record.getMessage() for record in caplog.records] == [f"Not read in {tmp_path}: val/, README.txt"]
