from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.ingestion.layouts import read_layout
from docsort.stores import Store


def test_each_layout_is_read_by_its_name(competition: Path, class_folders: Path) -> None:
    assert len(read_layout("competition", competition, Store(competition))[0]) == 6
    assert len(read_layout("class_folders", str(class_folders), Store(class_folders.with_name("pages")))[0]) == 4


def test_an_unknown_layout_is_refused_with_the_known_ones(competition: Path) -> None:
    with pytest.raises(InputError, match="one of competition, class_folders, but got 'coco'"):
        read_layout("coco", competition, Store(competition))


def test_a_folder_that_has_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected a folder with the raw data at .*gone, but there is none"):
        read_layout("competition", tmp_path / "gone", Store(tmp_path))
