"""Pages are copied into a folder per class, and nothing is overwritten."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from docsort.errors import InputError
from docsort.images.reading import REASON
from docsort.serving.sorting import check_folder, folder_name, sort_pages


def part(*rows: tuple[Path, str, str, bool], pictures: list[Path] | None = None) -> pd.DataFrame:
    """Rows (file, page number or "", class name, needs review)."""
    table = pd.DataFrame(rows, columns=["file", "number", "class_name", "needs_review"])
    table["picture"] = [str(path) for path in pictures or table["file"]]
    return table.assign(page=table["file"].astype(str) + table["number"], file=table["file"].astype(str))


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Three files, two of them of one name."""
    for name in ("a/scan.png", "b/scan.png", "a/other.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return [tmp_path / name for name in ("a/scan.png", "b/scan.png", "a/other.png")]


def test_pages_go_to_the_folder_of_their_class_and_unsure_ones_to_a_person(scans: list[Path], tmp_path: Path) -> None:
    rows = part((scans[0], "", "receipt", False), (scans[1], "", "receipt", False), (scans[2], "", "receipt", True))
    assert sort_pages(rows, tmp_path / "out") == 0
    assert files_in(tmp_path / "out") == {
        "receipt/scan.png": b"a/scan.png",
        "receipt/scan (2).png": b"b/scan.png",
        "needs_review/other.png": b"a/other.png",
    }


def test_nothing_is_overwritten_and_what_is_there_already_stays_one(scans: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out/receipt").mkdir(parents=True)
    (tmp_path / "out/receipt/scan.png").write_bytes(b"of the user")
    rows = part((scans[0], "", "receipt", False))
    for _ in range(2):
        sort_pages(rows, tmp_path / "out")
    assert files_in(tmp_path / "out") == {"receipt/scan.png": b"of the user", "receipt/scan (2).png": b"a/scan.png"}


def test_of_a_file_of_several_pages_each_page_is_copied_as_a_picture(scans: list[Path], tmp_path: Path) -> None:
    picture, reason = tmp_path / "0002.png", tmp_path / "0003.png"
    Image.new("RGB", (4, 4)).save(picture)
    reason.write_bytes(REASON + b"damaged")
    rows = part((scans[0], "#2", "receipt", False), (scans[0], "#3", "email", True), pictures=[picture, reason])
    sort_pages(rows, tmp_path / "out")
    found = files_in(tmp_path / "out")
    assert found == {"receipt/scan-2.png": picture.read_bytes(), "needs_review/scan.png": b"a/scan.png"}


def test_a_file_that_is_gone_is_counted(scans: list[Path], tmp_path: Path) -> None:
    scans[0].unlink()
    assert sort_pages(part((scans[0], "", "receipt", True)), tmp_path / "out") == 1


@pytest.mark.parametrize(
    ("name", "folder"),
    [("id/card", "id_card"), ("..", "_"), ("진단서", "진단서"), ("needs_review", "_needs_review"), ("a\0b. ", "a_b")],
)
def test_a_class_of_any_name_has_a_folder_inside(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_pages_that_lie_where_they_are_sorted_into_are_refused(scans: list[Path], tmp_path: Path) -> None:
    check_folder(tmp_path / "out", scans)
    with pytest.raises(InputError, match="pages outside of the folder they are sorted into, but .*scan.png lies in"):
        check_folder(tmp_path / "a", scans)
    with pytest.raises(InputError, match="--sort-into to be a folder, but .*scan.png is a file"):
        check_folder(scans[0], scans[1:])
