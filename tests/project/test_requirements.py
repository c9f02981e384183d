"""The pinned file for users of pip says the same as pyproject.toml, and names no host."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_every_dependency_is_pinned_to_a_version_that_its_range_allows(dependency: str) -> None:
    wanted = Requirement(dependency)
    pins = [pin for pin in map(Requirement, LINES) if pin.name == wanted.name]

    assert pins, f"{wanted.name} is not in requirements.lock"
    for pin in pins:
        (version,) = pin.specifier
        assert version.operator == "=="
        assert wanted.specifier.contains(version.version)


def test_pins_name_no_host_no_path_and_no_hash() -> None:
    assert [line for line in LINES if re.search(r"://|--|@|\\|/", line)] == []


def test_the_two_builds_of_opencv_are_not_both_pinned() -> None:
    assert [Requirement(line).name for line in LINES if line.startswith("opencv")] == ["opencv-python-headless"]
