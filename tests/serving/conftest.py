"""A small ensemble that is real in every part, and pages to answer."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's default threads collapse on a busy machine

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from small_ensemble import build, draw_pages

from docsort.serving.classifier import Classifier, load
from docsort.work.executor import stop_work


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return load(build(tmp_path_factory.mktemp("built"), draw_pages(12, seed=0)).folder or Path())


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight photos, one of them in a folder below, a TIFF of three pages, and what is no picture."""
    folder = tmp_path_factory.mktemp("pages")
    pictures = [Image.fromarray(photo) for photo in draw_pages(11, seed=1)]
    (folder / "below").mkdir()
    for number, picture in enumerate(pictures[:8]):
        picture.save(folder / ("below" if number == 7 else "") / f"{number}.png", compress_level=1)
    pictures[8].save(folder / "three.tif", save_all=True, append_images=pictures[9:])
    (folder / "broken.jpg").write_text("nothing")
    (folder / "notes.txt").write_text("no picture, and not called one")
    (folder / ".hidden.png").write_text("hidden")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _workers_end_with_the_tests() -> Iterator[None]:
    yield
    stop_work()
