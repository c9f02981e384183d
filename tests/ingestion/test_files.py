from pathlib import Path

import pytest

from docsort.ingestion.files import climbs_out, photo_files


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
