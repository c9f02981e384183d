from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.ingestion.location import check_data_root, locate
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


def test_both_paths_that_are_not_there_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"raw_dir .*a is not there.*\n.*answer_key .*b is not there"):
        locate(parameters(tmp_path / "a", tmp_path / "b"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Somebody's folder."""
    for name in ("letter.txt", "photos/a.jpg"):
        (tmp_path / "home" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / name).write_text("mine")
    return tmp_path / "home"


def test_results_go_to_a_new_folder_an_empty_one_or_one_with_results(tmp_path: Path, home: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".gitkeep").touch()
    (tmp_path / "empty" / "run.log").touch()
    (home / "06_models").mkdir()
    for root in (tmp_path / "new" / "deep", tmp_path / "empty", home):
        before = set(root.rglob("*"))
        check_data_root(root, [], [])
        assert root.is_dir()
        assert set(root.rglob("*")) == before


def test_a_folder_with_other_things_in_it_is_left_alone(home: Path) -> None:
    with pytest.raises(InputError, match=r"home has other things in it \(letter\.txt, photos\) and no results of an "):
        check_data_root(home, [], [])


def test_what_the_settings_name_may_lie_beside_the_results(home: Path) -> None:
    check_data_root(home, [home / "photos"], [home / "letter.txt"])
    with pytest.raises(InputError, match=r"other things in it \(letter\.txt\)"):
        check_data_root(home, [home / "photos"], [])


def test_results_go_to_no_folder_that_is_read(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home / "photos")
    for root in (home / "photos", home / "photos" / "out", tmp_path / "link"):
        with pytest.raises(InputError, match="is or lies in .*, which holds photos"):
            check_data_root(root, [home / "photos"], [])
    assert not (home / "photos" / "out").exists()


@pytest.mark.parametrize("root", ["/proc/out", "/sys/out", "/dev/null/out"])
def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(root: str) -> None:
    with pytest.raises(
        InputError, match=rf"Expected data_root to be a folder .*, but {root} cannot be written \(.+\);"
    ):
        check_data_root(Path(root), [], [])


def test_a_file_is_no_folder_for_results(home: Path) -> None:
    with pytest.raises(InputError, match=r"letter\.txt is a file; name another"):
        check_data_root(home / "letter.txt", [], [])
