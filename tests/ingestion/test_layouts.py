from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.ingestion.layouts import read_layout


def test_each_layout_is_read_by_its_name(competition: Path, class_folders: Path) -> None:
    assert len(read_layout("competition", competition)[0]) == 6
    assert len(read_layout("class_folders", str(class_folders))[0]) == 4


def test_an_unknown_layout_is_refused_with_the_known_ones(competition: Path) -> None:
    with pytest.raises(InputError, match="one of competition, class_folders, but got 'coco'"):
        read_layout("coco", competition)


def test_a_folder_that_has_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected a folder with the raw data at .*gone, but there is none"):
        read_layout("competition", tmp_path / "gone")
