"""The project as the benchmarks have it: Kedro reads its parameters and runs its pipelines.

A script that read conf/ by itself would miss what is interpolated, what an environment overlays and what is given for
one run.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

ROOT = Path(__file__).resolve().parents[1]
QUICK_ENV = "smoke"
QUICK_ROOT = ROOT / "data" / "quick"
"""Where quick forms keep their runs, in the environment QUICK_ENV, apart from those whose figures mean something."""


def read_parameters(env: str = "base", **given: Any) -> dict[str, Any]:
    """All groups of parameters, as `kedro run --env … --params …` has them."""
    # Kedro is imported late: workers load the scripts too, and Kedro would set up their logs.
    from kedro.config import OmegaConfigLoader

    from docsort.settings import CONFIG_LOADER_ARGS

    loader = OmegaConfigLoader(str(ROOT / "conf"), env=env, runtime_params=given, **CONFIG_LOADER_ARGS)
    return dict(loader["parameters"])


def open_project(params: str, env: str | None) -> "KedroContext":
    """The project, with its catalog, as `kedro run --params … --env …` has it."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from omegaconf import OmegaConf

    bootstrap_project(ROOT)
    given: Any = OmegaConf.to_container(OmegaConf.from_dotlist([part.strip() for part in params.split(",")]))
    session: Any = KedroSession.create(ROOT, env=env, runtime_params=given)
    context: KedroContext = session.load_context()
    return context


def run_project(data_root: Path, params: str, env: str | None, *arguments: str) -> None:
    """`kedro run` with its results and its tracking below `data_root`; exits, naming the log, where it fails.

    params: as for --params, parted by commas, without data_root; arguments: more for the command line.
    """
    data_root.mkdir(parents=True, exist_ok=True)
    given = ",".join(part for part in (params, f"data_root={data_root}") if part)
    command = [sys.executable, "-m", "kedro", "run", "--params", given, *(["--env", env] if env else []), *arguments]
    tracking = {"MLFLOW_TRACKING_URI": f"sqlite:///{data_root}/mlflow.db"}
    with (data_root / "run.log").open("a") as log:
        done = subprocess.run(command, cwd=ROOT, env=os.environ | tracking, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"The run failed; see {data_root / 'run.log'}.")


def draw_sample(scale: float, seed: int, folder: Path, env: str | None) -> Path:
    """The folder of the sample, drawn once."""
    if not list((folder / "01_raw/sample").glob("*/complete.json")):
        run_project(folder, f"sample.scale={scale},seed={seed}", env, "--pipeline", "ingestion")
    (done,) = (folder / "01_raw/sample").glob("*/complete.json")
    return done.parent
