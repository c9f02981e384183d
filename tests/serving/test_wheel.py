"""The wheel, installed alone in a fresh environment: what it needs is there, and it answers as the ensemble does."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from docsort.commands.main import docsort
from docsort.serving.classifier import Classifier

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WAYS = {
    "the wheel": (["{wheel}"],),
    # as in the Dockerfile
    "the group serve": (
        ["--constraint", str(ROOT / "requirements.lock"), "--group", f"{ROOT / 'pyproject.toml'}:serve"],
        ["--no-deps", "{wheel}"],
    ),
}
"""Arguments of `uv pip install`."""
LIMIT_S = 600


def run(*command: object, folder: Path) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "DOCSORT_ENSEMBLE", "MLFLOW_TRACKING_URI"):
        environment.pop(name, None)
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("uv") is None:
        pytest.skip("there is no uv to build the wheel with")
    folder = tmp_path_factory.mktemp("wheel")
    run("uv", "build", "--quiet", "--wheel", "--out-dir", folder, ROOT, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=WAYS)
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment."""
    folder = tmp_path_factory.mktemp("installed")
    run("uv", "venv", "--quiet", "fresh", folder=folder)
    for arguments in WAYS[request.param]:
        told = [wheel if argument == "{wheel}" else argument for argument in arguments]
        run("uv", "pip", "install", "--quiet", "--python", folder / "fresh", *told, folder=folder)
    return folder / "fresh" / "bin" / "docsort"


def test_it_answers_as_the_ensemble_does_here(
    installed: Path, classifier: Classifier, pages: Path, tmp_path: Path
) -> None:
    folder, empty = classifier.ensemble.folder, tmp_path / "empty"
    empty.mkdir()
    told = run(installed, "inspect", folder, folder=empty)
    assert "2 × main (network), 2 × kernel (kernel), 2 × pair (network)" in told
    run(installed, "predict", pages, "--ensemble", folder, "--to", tmp_path / "answers.parquet", folder=empty)
    answered = pd.read_parquet(tmp_path / "answers.parquet")
    readable = answered[answered["file"].str.endswith(".png")].reset_index(drop=True)
    assert len(readable) == 8
    expected = classifier.ensemble.answer(readable["file"].tolist())
    columns, texts = expected.columns.drop("image_id"), dict.fromkeys(("class_name", "why"), str)
    found, wanted = (table[columns].astype(texts) for table in (readable, expected))
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    broken = answered["page"].str.endswith("broken.jpg")
    assert answered.loc[broken, "needs_review"].tolist() == [True]
    assert list(empty.iterdir()) == []


def test_it_runs_pipelines_in_a_folder_with_nothing_but_conf(installed: Path, tmp_path: Path) -> None:
    python = installed.parent / "python"
    if not (installed.parent / "kedro").exists():
        pytest.skip("what answers pages has no Kedro")
    shutil.copytree(ROOT / "conf", tmp_path / "conf")  # as `kedro package` puts it into an archive
    told = run(python, "-m", "docsort", "--env", "smoke", "--pipelines", "ingestion", folder=tmp_path)
    assert "Pipeline execution completed successfully" in told
    assert [line for line in told.splitlines() if "WARNING" in line or "usage data" in line] == []
    assert (tmp_path / "data/02_intermediate/classes.csv").is_file()
    assert (tmp_path / "mlflow.db").is_file()


@contextmanager
def served(command: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        yield server
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.mark.skipif("serve" not in docsort.commands, reason="there is no such command yet")
def test_it_serves(installed: Path, classifier: Classifier, tmp_path: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(installed), "serve", "--ensemble", str(classifier.ensemble.folder), "--port", str(port)]
    with served(command, tmp_path) as server:
        deadline, status = time.monotonic() + 120, 0
        while not status and time.monotonic() < deadline:
            assert server.poll() is None, "it has ended"
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    status = answer.status
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
    assert status == 200
    assert server.returncode in (0, -15, 143)
