"""Files that a person means by paths, folders and globs."""

from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.serving.listing import list_files


def test_a_folder_stands_for_the_pictures_in_it_and_below_by_name(pages: Path) -> None:
    names = [file.relative_to(pages).as_posix() for file in list_files([str(pages)])]
    assert names == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
        "4.png",
        "5.png",
        "6.png",
        "broken.jpg",
        "three.tif",
        "below/7.png",
    ]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(pages: Path) -> None:
    assert list_files([str(pages / "notes.txt")]) == [pages / "notes.txt"]


def test_each_file_is_listed_once_in_the_order_of_the_paths(pages: Path) -> None:
    listed = list_files([str(pages / "3.png"), str(pages / "*.png"), str(pages / "3.png")])
    assert [file.name for file in listed] == ["3.png", "0.png", "1.png", "2.png", "4.png", "5.png", "6.png"]
    assert [file.name for file in list_files([str(pages / "**" / "7.png")])] == ["7.png"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    odd = tmp_path / "scan[1].png"
    odd.write_bytes(b"")
    (tmp_path / "scan1.png").write_bytes(b"")
    assert list_files([str(odd)]) == [odd]


def test_all_paths_that_hold_nothing_are_told_together(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list_files([str(pages), str(tmp_path), str(tmp_path / "none"), str(tmp_path / "*.png")])
    problems = str(caught.value).splitlines()
    assert len(problems) == 3
    assert "Expected pictures in" in problems[0]
    assert "nothing is there" in problems[1]
    assert "to match some file" in problems[2]
