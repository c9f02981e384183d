from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.ingestion.location import locate
from docsort.ingestion.parameters import SourceParameters


def parameters(raw_dir: Path | str, answer_key: Path | str | None = None) -> SourceParameters:
    key = None if answer_key is None else str(answer_key)
    return SourceParameters(layout="competition", raw_dir=str(raw_dir), answer_key=key)


def test_paths_become_absolute_from_the_current_directory(
    competition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "truth.csv").write_text("ID,target\n")
    monkeypatch.chdir(tmp_path)
    assert locate(parameters("competition", "truth.csv")) == {
        "layout": "competition",
        "folder": str(competition),
        "answer_key": str(tmp_path / "truth.csv"),
    }


def test_an_answer_key_is_not_needed(competition: Path) -> None:
    assert locate(parameters(competition))["answer_key"] is None


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected raw_dir to be a folder of photos, but .*nowhere is not there"):
        locate(parameters(tmp_path / "nowhere"))


def test_a_file_in_place_of_the_folder_is_named(competition: Path) -> None:
    with pytest.raises(InputError, match=r"train.csv is a file"):
        locate(parameters(competition / "train.csv"))


def test_an_answer_key_that_is_not_there_is_named(competition: Path) -> None:
    with pytest.raises(InputError, match=r"Expected answer_key to be a CSV file .*truth.csv is not there"):
        locate(parameters(competition, competition / "truth.csv"))
