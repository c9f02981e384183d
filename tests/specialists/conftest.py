"""Members of a general model that hardly tells classes 1, 2, 3 apart, and of specialists of any skill."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.members.views import members_of

PAGES, CLASSES, TURNS = 300, 6, 3
GROUP = (1, 2, 3)


def members_table(labels: np.ndarray, probabilities: np.ndarray, targets: list[int], model: str) -> pd.DataFrame:
    """probabilities: (pages, turns, classes)."""
    pages, turns, _ = probabilities.shape
    page, turn = np.repeat(np.arange(pages), turns), np.tile(np.arange(turns), pages)
    keys = pd.DataFrame(
        {
            "model": model,
            "fold": page // 3 % 5,
            "image_id": [f"photo{i // 3:03}" for i in page],
            "group": [f"photo{i // 3:03}" for i in page],
            "label": labels[page],
            "render_id": [f"photo{i // 3:03}_{i % 3}" for i in page],
            "condition": "test_like",
            "copy": page % 3,
            "turn": turn,
            "scale": 100,
        }
    )
    values = probabilities.reshape(-1, len(targets)).astype(np.float32)
    return members_of(pd.concat([keys, pd.DataFrame(values, columns=[f"p_{t}" for t in targets])], axis=1))


def softmax(logits: np.ndarray) -> np.ndarray:
    values = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return values / values.sum(axis=-1, keepdims=True)


@pytest.fixture
def labels() -> np.ndarray:
    return np.repeat(np.random.default_rng(0).integers(CLASSES, size=PAGES // 3), 3)


@pytest.fixture
def general(labels: np.ndarray) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(PAGES, TURNS, CLASSES))
    logits[np.arange(PAGES), :, labels] += 3.5
    in_group = np.isin(labels, GROUP)
    logits[np.ix_(in_group, range(TURNS), GROUP)] = 3 + rng.normal(size=(in_group.sum(), 1, len(GROUP)))
    logits[in_group, :, labels[in_group]] += 0.8
    return members_table(labels, softmax(logits), list(range(CLASSES)), "main")


@pytest.fixture
def make_specialist(labels: np.ndarray) -> Callable[..., pd.DataFrame]:
    """A specialist of skill from -1 (always wrong) over 0 (knows nothing) to 1 (nearly always right)."""

    def make(skill: float, name: str = "certificates", seed: int = 2) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        logits = rng.normal(size=(PAGES, TURNS, len(GROUP)))
        for column, target in enumerate(GROUP):
            logits[labels == target, :, column] += 5 * skill
        return members_table(labels, softmax(logits), list(GROUP), name)

    return make
