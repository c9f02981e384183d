"""Two runs in one data_root, as two users start them, and one that is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kedro_command import ROOT, kedro

STARTED_S = 120


@pytest.mark.slow
def test_a_second_run_is_refused_while_the_first_lives_and_closes_its_record_when_it_was_killed(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    given = ("run", "--env", "smoke", "--pipeline", "ingestion", "--params")
    first = subprocess.Popen(
        [sys.executable, "-m", "kedro", *given, f"data_root={tmp_path}/data,sample.scale=0.3"],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert first.stdout is not None
    deadline = time.monotonic() + STARTED_S
    for line in first.stdout:
        assert time.monotonic() < deadline
        if "Running: ingestion" in line:
            break
    second = kedro(*given, f"data_root={tmp_path}/data,seed=1", tracking_uri=uri)
    assert second.returncode == 1
    said = " ".join(second.stdout.split())
    assert f"(process {first.pid} on " in said
    assert "it has other settings: sample.scale is 0.3 there and 0.05 here, seed is 0 there and 1 here." in said
    first.send_signal(signal.SIGKILL)
    first.communicate()
    third = kedro(*given, f"data_root={tmp_path}/data,seed=1", tracking_uri=uri)
    assert third.returncode == 0, third.stdout
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("docsort")
    found = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
    assert [run.info.status for run in found] == ["KILLED", "FINISHED"]  # and the refused one was none
