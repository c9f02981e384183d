"""What the benchmarks know of the project is what Kedro says of it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

import project
from docsort.augmentation.parameters import AugmentationParameters


def test_parameters_are_read_as_kedro_reads_them() -> None:
    smoke = project.read_parameters("smoke", image_size=77, seed=3)
    whole = project.open_project("image_size=77,seed=3", "smoke").config_loader["parameters"]
    assert smoke == whole
    assert smoke["members"]["main"]["image_size"] == 77
    assert smoke != project.read_parameters(image_size=77, seed=3)
    AugmentationParameters.model_validate(smoke["augmentation"])


def test_a_run_goes_to_its_own_folder_and_one_that_fails_ends_the_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def fail(command: list[str], env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        assert env["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/run/mlflow.db"
        return subprocess.CompletedProcess(command, returncode=1)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(SystemExit, match="The run failed; see .*run.log"):
        project.run_project(tmp_path / "run", "seed=0,sample.label_noise=0.1", "smoke", "--pipelines", "ingestion")
    (command,) = asked
    given = f"seed=0,sample.label_noise=0.1,data_root={tmp_path}/run"
    assert command[3:] == ["run", "--params", given, "--env", "smoke", "--pipelines", "ingestion"]
    project.open_project(given, "smoke")  # which refuses a name that nothing would read
