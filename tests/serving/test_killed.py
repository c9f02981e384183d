"""A prediction that is killed at any moment goes on, and leaves the same file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_ensemble import draw_pages

from docsort.serving.classifier import Classifier
from docsort.serving.prediction import parts_folder

COMMAND = (
    "from docsort.serving import prediction; prediction.PART = 2; from docsort.commands.main import docsort; docsort()"
)


def start(pages: Path, result: Path, classifier: Classifier) -> "subprocess.Popen[bytes]":
    arguments = ["predict", str(pages), "--to", str(result), "--ensemble", str(classifier.ensemble.folder)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], env=environment, **quiet)  # type: ignore[call-overload]


@pytest.mark.slow
def test_ten_kills_change_no_byte_and_lose_no_finished_part(classifier: Classifier, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for number, photo in enumerate(draw_pages(80, seed=7)):
        Image.fromarray(photo).save(pages / f"{number:02}.png", compress_level=1)
    whole, killed = tmp_path / "whole.csv", tmp_path / "killed.csv"
    assert start(pages, whole, classifier).wait() == 0
    rng, kept, kills = np.random.default_rng(0), 0, 0
    for _ in range(10):
        run = start(pages, killed, classifier)
        wanted = kept + int(rng.integers(0, 3))  # in the middle: after none, one or two parts more
        while run.poll() is None and len(list(parts_folder(killed).glob("*.parquet"))) <= wanted:
            time.sleep(0.02)
        time.sleep(float(rng.uniform(0, 0.3)))
        kills += run.poll() is None
        run.send_signal(signal.SIGKILL)
        run.wait()
        left = len(list(parts_folder(killed).glob("*.parquet")))
        assert left >= kept
        kept = left
    assert kills == 10  # else it was done before
    assert not killed.exists()
    assert start(pages, killed, classifier).wait() == 0
    assert killed.read_bytes() == whole.read_bytes()
    assert not parts_folder(killed).exists()
