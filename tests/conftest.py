"""One run of the whole graph in the smoke environment, shared by all tests that look at what a run leaves; workers that
all tests share; and which tests run side by side."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's default threads collapse on a busy machine
os.environ.setdefault(
    "DOCSORT_WORKERS", "2"
)  # whatever the machine has, and twice that many with two processes of tests

os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")

from collections.abc import Iterator
from typing import Any

import pytest
from kedro_command import Run, kedro, run_events
from xdist.scheduler import LoadScopeScheduling

from docsort.work import executor
from docsort.work.local import LocalExecutor

AT_ROOT = ("tests/project/", "tests/benchmarks/", "tests/pipelines/test_label_review.py")
"""Where tests run Kedro at the root of the project."""
ON_RAY = ("tests/work/test_contract.py", "tests/work/test_ray.py", "[executors]")
"""Where tests share a Ray cluster, which takes seconds to start."""


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("smoke")
    uri = f"sqlite:///{folder}/mlflow.db"
    result = kedro("run", "--env", "smoke", "--params", f"data_root={folder}/seed_0", tracking_uri=uri)
    assert result.returncode == 0, result.stdout
    return Run(folder / "seed_0", uri, result.stdout, run_events())


@pytest.fixture(scope="session", autouse=True)
def _workers_end_with_the_tests() -> Iterator[None]:
    """Not before, for a worker that has imported torch has cost five seconds."""
    yield
    executor.stop_work()


@pytest.fixture
def own_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalExecutor]:
    """Workers that are started for a test and end with it; those that other tests have started go on."""
    own = LocalExecutor()
    monkeypatch.setitem(executor.EXECUTORS, "local", lambda: own)
    yield own
    own.stop()


@pytest.fixture(scope="session")
def on_ray() -> Iterator[Any]:
    """An executor on a Ray cluster of this machine, of two CPUs and, as Ray is told, two GPUs. It takes seconds to
    start.
    """
    from docsort.errors import InputError
    from docsort.work import ray_start
    from docsort.work.ray import RayExecutor

    made, new = RayExecutor(), ray_start.new_cluster
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setattr(ray_start, "running_here", lambda: None)
        patch.setattr(ray_start, "new_cluster", lambda: {**new(), "num_cpus": 2, "num_gpus": 2})
        try:
            made.workers  # noqa: B018
        except InputError as error:
            pytest.fail(str(error))
    yield made
    made.stop()
    ray_start.load_ray().shutdown()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Parts the tests among processes by file, for the sake of its fixtures."""
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """What runs Kedro at the root of the project stays together, for two runs would meet there; and what is on Ray."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if nodeid.partition("@")[0].endswith(ON_RAY) or path in ON_RAY:
            return "ray"
        return "project" if path.startswith(AT_ROOT) else path
