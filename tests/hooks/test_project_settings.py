"""Settings of runs that are yet to be made: what `kedro run` would have, or refuse in the same words."""

from pathlib import Path

import pytest
from kedro_command import ROOT

from docsort.errors import InputError
from docsort.hooks.project_settings import Project


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(ROOT / "tests", "smoke")


def test_the_settings_are_those_of_a_run_with_these_parameters(project: Project) -> None:
    found = project.settings({"seed": 7, "members": {"main": {"batch_size": 5}}, "label_fixes": "x.csv"})
    assert project.root == ROOT
    assert (found.parameters["seed"], found.parameters["cross_validation"]["folds"]) == (7, 5)
    main = found.parameters["members"]["main"]
    assert (main["batch_size"], main["epochs"], main["image_size"]) == (5, 2, 48)  # of conf/smoke
    assert found.ledgers == (ROOT / "x.csv", ROOT / "conf/base/answer_fixes.csv")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sead": 1}, r"Expected --params to name settings that exist, but got sead; did you mean seed"),
        ({"members": {"main": {"epoch": 1}}}, r"there is no `members.main.epoch`; did you mean epochs"),
        ({"preset": "fast"}, r"Expected `preset` to be one of quick, good, best, but got 'fast'"),
    ],
)
def test_what_a_run_would_refuse_is_refused_in_its_words(project: Project, given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        project.settings(given)


def test_a_folder_without_a_project_and_an_environment_that_there_is_not_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected to be in a project of Docsort, .* but .* lies in none"):
        Project(tmp_path)
    with pytest.raises(InputError, match="Expected `env` to be a folder of conf/, but got 'smoked'"):
        Project(ROOT, "smoked")
