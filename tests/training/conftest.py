"""A toy job: three classes of 32-pixel pages that differ in colour, so that a tiny model learns them in seconds."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docsort.members.splits import Split
from docsort.tables import RENDERS, VALIDATION_RENDERS
from docsort.training.kind import NetworkKind, NetworkTask
from docsort.training.parameters import TrainingParameters

TARGETS = (2, 5, 9)
COLOURS = {2: (220, 90, 90), 5: (90, 220, 90), 9: (90, 90, 220)}
SIZE = 32


def recipe(**changes: Any) -> TrainingParameters:
    values = {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": SIZE,
        "epochs": 3,
        "patience": 3,
        "batch_size": 16,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
        "device": "cpu",
    }
    return TrainingParameters(**{**values, **changes})


def _draw_page(path: Path, target: int, rng: np.random.Generator) -> str:
    noise = rng.normal(0, 25, (SIZE, SIZE, 3))
    pixels = (np.array(COLOURS[target]) + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)
    return str(path)


def _renders(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    training, validation = [], []
    for target in TARGETS:
        for number in range(16):
            name = f"t_{target}_{number}"
            source = f"{target}_{number // 2}"
            path = _draw_page(folder / f"{name}.jpg", target, rng)
            training.append((name, source, source, target, 1, number % 2, SIZE, True, True, path))
        for number in range(6):
            name, source = f"v_{target}_{number}", f"held_{target}_{number // 2}"
            path = _draw_page(folder / f"{name}.jpg", target, rng)
            condition = "test_like" if number % 2 else "clean"
            validation.append((name, source, source, target, 0, number % 2, SIZE, True, True, path, condition))
    return pd.DataFrame(training, columns=RENDERS), pd.DataFrame(validation, columns=VALIDATION_RENDERS)


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    return _renders(tmp_path_factory.mktemp("renders"))


@pytest.fixture(scope="session")
def make_task(renders: tuple[pd.DataFrame, pd.DataFrame]) -> Callable[..., NetworkTask]:
    """A task on the toy job, whose renders pass for those of any image_size; keywords change its parameters."""

    def make(name: str = "fold_0", seed: int = 1, **changes: Any) -> NetworkTask:
        parameters = recipe(**changes)
        training, held_out = (table.assign(**asdict(parameters.page_format)) for table in renders)
        split = Split(0, TARGETS, training, held_out.iloc[:0], held_out)
        return NetworkKind().task(name, split, parameters, seed)

    return make
