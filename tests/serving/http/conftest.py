"""A service of the small ensemble, asked without a socket."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from PIL import Image
from small_ensemble import draw_pages
from starlette.testclient import TestClient

from docsort.serving.classifier import Classifier, load
from docsort.serving.http.app import create_app
from docsort.serving.http.limits import Limits
from docsort.serving.http.model import CurrentModel
from docsort.serving.http.service import Service
from docsort.work.executor import stop_work

PORT = 4143
OWN = f"http://127.0.0.1:{PORT}"
LIMITS = Limits(megabytes=8, megapixels=1, pages=4, seconds=30)


@pytest.fixture(scope="module")
def service(classifier: Classifier) -> Iterator[Service]:
    """With one worker, which is enough; tests of other files have theirs."""
    folder = classifier.ensemble.folder or ""
    stop_work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCSORT_WORKERS", "1")
        own = Service(CurrentModel(lambda: load(folder), None), LIMITS)
        yield own
        own.close()
    stop_work()


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(create_app(service, PORT, None), base_url=OWN)


@pytest.fixture(scope="session")
def files() -> list[bytes]:
    """Six photos as PNG."""
    return [_png(photo) for photo in draw_pages(6, seed=2)]


def _png(photo: object) -> bytes:
    Image.fromarray(photo).save(buffer := BytesIO(), "PNG", compress_level=1)  # type: ignore[arg-type]
    return buffer.getvalue()


class Started(NamedTuple):
    """A real server. log: what it says."""

    process: psutil.Popen
    port: int
    log: Path


@pytest.fixture
def started(classifier: Classifier, tmp_path: Path) -> Iterator[Started]:
    """`docsort serve` in a process of its own, with one worker."""
    log, command = tmp_path / "log", "from docsort.commands.main import docsort; docsort()"
    arguments = ["serve", "--ensemble", str(classifier.ensemble.folder), "--port", "0"]
    environment = os.environ | {"DOCSORT_WORKERS": "1"}
    with log.open("wb") as file:
        process = psutil.Popen(
            [sys.executable, "-c", command, *arguments], stdout=file, stderr=subprocess.STDOUT, env=environment
        )
    try:
        deadline = time.monotonic() + 300
        while not (found := re.search(r"answers at http://127\.0\.0\.1:(\d+)/", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield Started(process, int(found[1]), log)
    finally:
        if process.poll() is None:
            process.kill()
