"""One run of the whole graph in the smoke environment, shared by all tests that look at what a run leaves."""

import pytest
from kedro_command import Run, kedro, run_events


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("smoke")
    uri = f"sqlite:///{folder}/mlflow.db"
    result = kedro("run", "--env", "smoke", "--params", f"data_root={folder}/seed_0", tracking_uri=uri)
    assert result.returncode == 0, result.stdout
    return Run(folder / "seed_0", uri, result.stdout, run_events())
