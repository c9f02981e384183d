"""A server of MLflow with its database in PostgreSQL and its artifacts in S3: docs/mlflow.md, done. Skipped where
PostgreSQL, its driver or moto's S3 is not installed, or where PostgreSQL cannot be started."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from docsort.serving.classifier import Classifier, load
from docsort.tracking import FINISHED, Tracker

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
BUCKET = "docsort"
START_LIMIT_S = 240
DEBIAN = Path("/usr/lib/postgresql")
"""Where its programs are, which are not on the path."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """URI of an empty database of its own, for as long as the tests last. PostgreSQL runs for no superuser."""
    pytest.importorskip("psycopg")
    found = [shutil.which("postgres"), *sorted(map(str, DEBIAN.glob("*/bin/postgres")), reverse=True)]
    programs = next((Path(each).resolve().parent for each in found if each), Path())
    if not (programs / "initdb").exists():
        pytest.skip("there is no PostgreSQL")
    other: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="docsort-postgres-") as temporary:
        folder, port = Path(temporary), free_port()
        folder.chmod(0o777)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        control = [str(programs / "pg_ctl"), "-D", str(folder / "db"), "-w"]
        initial = [str(programs / "initdb"), "-D", str(folder / "db"), "-U", "docsort", "--auth=trust", "-E", "UTF8"]
        made = subprocess.run(initial, check=False, capture_output=True, text=True, cwd=folder, **other)
        if made.returncode:
            pytest.skip(f"PostgreSQL makes no database here: {made.stderr.strip()}")
        log = str(folder / "log")
        subprocess.run([*control, "-o", options, "-l", log, "start"], check=True, cwd=folder, **other)
        try:
            yield f"postgresql+psycopg://docsort@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=folder, **other)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """A bucket at an S3 server of its own; what boto3 has for it."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=free_port())
    boto3 = pytest.importorskip("boto3")
    server.start()
    host, port = server.get_host_and_port()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in KEYS.items():
                patch.setenv(name, value)
            store = boto3.resource("s3", endpoint_url=f"http://{host}:{port}")
            yield store.create_bucket(Bucket=BUCKET)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(database: str, bucket: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `mlflow server`, which alone knows where artifacts are and by which key."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    endpoint = bucket.meta.client.meta.endpoint_url
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")} | KEYS
    environment |= {"MLFLOW_S3_ENDPOINT_URL": endpoint, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--artifacts-destination", f"s3://{BUCKET}/mlflow"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, start_new_session=True, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=5).status == 200)
    except OSError:
        return False


def test_runs_are_in_postgresql_their_files_and_models_in_s3_and_no_one_else_needs_a_key(
    server: str,
    database: str,
    bucket: Any,
    classifier: Classifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import psycopg

    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("DOCSORT_CACHE", str(tmp_path / "cache"))
    tracker = Tracker(tmp_path / "project")
    tracker.start("on a server", {}, {"seed": 1})
    run_id = tracker.run_id
    tracker.log_child("fold_0", [(1, {"train_loss": 0.5})], {}, 1.0)
    tracker.log_ensemble(classifier.ensemble, "docsort", {})
    tracker.log_metrics({"forecast": 0.5})
    tracker.log_written("charts.html", "figures", lambda path: path.write_text("<p>charts</p>"))
    tracker.end(FINISHED)
    assert tracker.has_ended
    assert capfd.readouterr().out == ""  # MLflow would print a link a run, and there is one a training
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        names = connection.execute("select name, status from runs order by name").fetchall()
    assert names == [("fold_0", "FINISHED"), ("on a server", "FINISHED")]
    keys = {item.key for item in bucket.objects.all()}
    assert f"mlflow/1/{run_id}/artifacts/figures/charts.html" in keys
    assert any(key.endswith("artifacts/ensemble/ensemble.json") for key in keys)
    assert load("models:/docsort@in_use").ensemble.fingerprint() == classifier.ensemble.fingerprint()
    assert not (tmp_path / "project").exists()
