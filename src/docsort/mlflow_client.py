"""The MLflow server, opened with patience: which one it is, and what may be waited for.

The server is the one that MLFLOW_TRACKING_URI names; without it, `mlflow.db` in a folder, the project root for a run.
Artifacts lie beside a database that is a file.
MLflow is imported when a client is opened (it takes seconds).
"""

import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

from docsort.work.patience import Impatient, within

LOCAL_DATABASES = {"sqlite", "postgresql", "mysql", "mssql"}
"""Schemes at which this process writes the artifacts itself, so that it also says where."""

CLIENT_SETTINGS = {
    # MLflow's own 7 tries of 120 s would hold a run for minutes when the server is gone, were it not for LIMIT_S.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # One request an artifact, not a bar a file.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Else it prints a link whenever a run ends, and there is one a training.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Else it tells at length that it creates its own database, and of each error, which it also raises, the traceback.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    # Else the uv.lock of the folder that the run was started in is put into every model; it names private hosts.
    "MLFLOW_UV_AUTO_DETECT": "false",
}
"""Environment of the MLflow client; what the user has set stays."""

LIMIT_S, CREATION_LIMIT_S, TRANSFER_LIMIT_S = 20, 120, 600
"""Seconds that are waited for an answer, for a database that is yet to be made, and for a model to be sent."""


def tracking_uri(folder: Path) -> str:
    """Of the server that is named, else of the database in this folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(folder / 'mlflow.db').as_posix()}"


def open_client(uri: str) -> Impatient:
    """An MlflowClient, each of whose calls is waited for LIMIT_S; a database that is not there is created.

    Raises TimeoutError, and whatever MLflow does.
    """
    for name, value in CLIENT_SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # warns of each try, before we do of the last
    if is_local(uri):
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  # takes seconds, and no server is to blame
    return Impatient(within(LIMIT_S if is_made(uri) else CREATION_LIMIT_S, MlflowClient, uri), LIMIT_S)


def is_local(uri: str) -> bool:
    """Whether it is a database that this process opens itself."""
    return urlsplit(uri).scheme.partition("+")[0] in LOCAL_DATABASES


def is_made(uri: str) -> bool:
    """False where it is a file that is yet to be made."""
    kind, _, path = uri.partition(":///")
    return not kind.startswith("sqlite") or Path(path).exists()


def artifact_root(uri: str, folder: Path) -> Path | None:
    """Where this process writes artifacts: in `mlruns` beside a database that is a file, in this folder where it is on
    a server; None: the server of MLflow knows."""
    if not is_local(uri):
        return None
    kind, _, path = uri.partition(":///")
    return (Path(path).absolute().parent if kind.startswith("sqlite") and path else folder) / "mlruns"


def without_password(uri: str) -> str:
    """As it may be shown."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def system_monitor(uri: str, run_id: str) -> Impatient | None:
    """MLflow's own monitor of processors, memory, disk and GPUs, which writes to the run every ten seconds in a thread
    until its `finish`, which is waited for LIMIT_S; None where MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING is false.
    """
    from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    if MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.defined and not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
        return None
    monitor = SystemMetricsMonitor(run_id, tracking_uri=uri)
    monitor.start()
    return Impatient(monitor, LIMIT_S)
