"""What an experiment is known by: contents and parameters, not places."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from docsort.errors import InputError
from docsort.experiments import identity
from docsort.experiments.identity import identify


@pytest.fixture
def parameters(tmp_path: Path) -> dict[str, Any]:
    photos = tmp_path / "photos"
    for name in ("a/1.jpg", "b/2.jpg"):
        (photos / name).parent.mkdir(parents=True)
        (photos / name).write_bytes(name.encode())
    (tmp_path / "key.csv").write_text("ID,target\n")
    source = {"layout": "class_folders", "raw_dir": str(photos), "answer_key": str(tmp_path / "key.csv")}
    return {"seed": 0, "source": source, "members": {"main": {"epochs": 2}}}


def test_the_same_photos_elsewhere_are_the_same_and_any_other_byte_name_or_parameter_is_not(
    parameters: dict[str, Any], tmp_path: Path
) -> None:
    ledger = tmp_path / "label_fixes.csv"
    first = identify(parameters, [ledger], tmp_path)
    moved = copy.deepcopy(parameters)
    shutil.copytree(tmp_path / "photos", tmp_path / "elsewhere")
    moved["source"]["raw_dir"] = str(tmp_path / "elsewhere")
    assert identify(moved, [ledger], tmp_path) == first
    assert "raw_dir" in parameters["source"]
    keys = {first}
    (tmp_path / "elsewhere/a/1.jpg").rename(tmp_path / "elsewhere/a/3.jpg")
    keys.add(identify(moved, [ledger], tmp_path))
    (tmp_path / "elsewhere/a/3.jpg").write_bytes(b"other")
    keys.add(identify(moved, [ledger], tmp_path))
    moved["members"]["main"]["epochs"] = 3
    keys.add(identify(moved, [ledger], tmp_path))
    ledger.write_text("image_id\n")
    keys.add(identify(moved, [ledger], tmp_path))
    (tmp_path / "key.csv").write_text("ID,target\na,1\n")
    keys.add(identify(moved, [ledger], tmp_path))
    assert len(keys) == 6


def test_another_version_of_the_package_makes_another_experiment(
    parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identify(parameters, [], tmp_path)
    monkeypatch.setattr(identity, "versions_of", lambda names: {"docsort": "9"})
    assert identify(parameters, [], tmp_path) != before


def test_how_a_run_is_recorded_decides_no_result(parameters: dict[str, Any], tmp_path: Path) -> None:
    tracked = {**parameters, "tracking": {"log_model": False}}
    assert identify(tracked, [], tmp_path) == identify(parameters, [], tmp_path)


def test_a_number_counts_however_it_is_written(parameters: dict[str, Any], tmp_path: Path) -> None:
    def key(**main: Any) -> str:
        return identify({**parameters, "members": {"main": main}}, [], tmp_path)

    assert key(label_smoothing=0, sizes=[1.0, 2]) == key(label_smoothing=0.0, sizes=[1, 2.0])
    assert len({key(label_smoothing=value) for value in (0, 0.1, 1, True, "1", None)}) == 6


def test_photos_that_are_not_there_are_named(parameters: dict[str, Any], tmp_path: Path) -> None:
    parameters["source"]["raw_dir"] = str(tmp_path / "gone")
    with pytest.raises(InputError, match="Expected raw_dir to be a folder of photos, but .*gone is not there"):
        identify(parameters, [], tmp_path)


def test_a_file_that_a_parameter_names_counts_by_what_it_holds(parameters: dict[str, Any], tmp_path: Path) -> None:
    parameters["members"]["main"]["pretrained"] = "weights.safetensors"
    keys = {identify(parameters, [], tmp_path)}
    for held in (b"one", b"other"):
        (tmp_path / "weights.safetensors").write_bytes(held)
        keys.add(identify(parameters, [], tmp_path))
    assert len(keys) == 3
