"""A whole run on a cluster of three machines leaves what a run on this machine leaves."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from kedro_command import Run, kedro
from three_machines import three_machines

TIMES_AND_PLACES = re.compile(
    r"(^|/)\.docsort/|raw_location|\.clean_images\.csv|(images|photos)\.parquet|histor(y|ies)\.csv|complete\.json|models?(_card)?\.(json|md)"
    r"|report\.html|07_model_output/predictions/(descriptors|features)-"
)
"""What says how long something took, or where something lies; their own sums too. And the cache of what several folds
ask for: those that ask at the same moment each keep their own part of it.
"""
VERSION = re.compile(r"\d{4}-\d\d-\d\dT[\d.]+Z")


def results(root: Path) -> dict[str, str]:
    """SHA-256 of every other file, by path."""
    files = {VERSION.sub("*", path.relative_to(root).as_posix()): path for path in root.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes().replace(os.fsencode(root), b"")).hexdigest()
        for name, path in files.items()
        if not TIMES_AND_PLACES.search(name)
    }


@pytest.mark.slow
def test_a_run_on_three_machines_is_byte_for_byte_the_run_on_one(
    smoke_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with three_machines() as machines:
        monkeypatch.setenv("DOCSORT_EXECUTOR", machines.environment["DOCSORT_EXECUTOR"])
        params = f"data_root={tmp_path}/data"
        run = kedro(
            "run", "--env", "smoke", "--params", params, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", timeout=1800
        )
    assert run.returncode == 0, run.stdout
    assert "Ray: 3 machines, 2 CPUs, 0 GPUs" in run.stdout
    here, there = results(smoke_run.data_root), results(tmp_path / "data")
    assert "07_model_output/submission.csv" in here
    assert sum(name.endswith(".safetensors") for name in here) > 10
    assert there == here
