"""One run of the whole graph in the smoke environment, shared by all tests that look at what a run leaves; and which
tests run side by side."""

from typing import Any

import pytest
from kedro_command import Run, kedro, run_events
from xdist.scheduler import LoadScopeScheduling

AT_ROOT = ("tests/project/", "tests/benchmarks/", "tests/pipelines/test_label_review.py")
"""Where tests run Kedro at the root of the project."""


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("smoke")
    uri = f"sqlite:///{folder}/mlflow.db"
    result = kedro("run", "--env", "smoke", "--params", f"data_root={folder}/seed_0", tracking_uri=uri)
    assert result.returncode == 0, result.stdout
    return Run(folder / "seed_0", uri, result.stdout, run_events())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Parts the tests among processes by file, for the sake of its fixtures."""
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """What runs Kedro at the root of the project stays together, for two runs would meet there."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "project" if path.startswith(AT_ROOT) else path
