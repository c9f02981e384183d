"""A small data set of drawn pages, and parameters that render it quickly, as fixtures."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from drawn_job import Data, draw_page, make_data, make_parameters

from docsort.augmentation.parameters import AugmentationParameters


@pytest.fixture
def page() -> np.ndarray:
    return draw_page(3)


@pytest.fixture
def partner() -> np.ndarray:
    return draw_page(4, height=190, width=170)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return make_data(tmp_path / "pages")


@pytest.fixture
def parameters() -> AugmentationParameters:
    return make_parameters()


@pytest.fixture
def make() -> Any:
    """`make_parameters`, for tests that need others."""
    return make_parameters


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards are rendered here, one after the other, instead of in workers."""
    here = SimpleNamespace(map=lambda function, tasks: (function(*task) for task in tasks))
    monkeypatch.setattr("docsort.augmentation.rendering.executor", lambda: here)
