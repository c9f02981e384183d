"""Whether the classes can be told without reading."""

import numpy as np
import pandas as pd
import pytest

from docsort.probes import grey
from docsort.reporting.shortcut import PIXELS, probe_shortcut, shortcut_in_words

PAGES, CLASSES = 120, 3


@pytest.fixture
def renders() -> pd.DataFrame:
    """Clean pages, and as many damaged ones, which are not looked at."""
    names = [f"{number:03}.jpg" for number in range(PAGES)]
    facts = {"path": names, "group": names, "label": np.arange(PAGES) % CLASSES * 4, "fold": np.arange(PAGES) // 3 % 4}
    clean = pd.DataFrame({**facts, "condition": "clean"})
    return pd.concat([clean, clean.assign(condition="test_like", path="gone.jpg")], ignore_index=True)


def score(renders: pd.DataFrame, light: float, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """With pages of noise; those of a class are lighter by so many deviations than those of the one before."""

    def greys(paths: list[str], side: int, pixels: int) -> np.ndarray:
        assert "gone.jpg" not in paths
        noise = np.random.default_rng(0).normal(size=(len(paths), pixels * pixels))
        shade = np.array([int(path[:3]) % CLASSES for path in paths])
        return (noise + light * shade[:, None]).astype(np.float32)

    monkeypatch.setattr(grey, "grey_of_renders", greys)
    return probe_shortcut(renders, 32, CLASSES, 0)


def test_pages_told_by_their_light_are_a_shortcut_and_noise_is_none(
    renders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, nothing = score(renders, 1.0, monkeypatch), score(renders, 0.0, monkeypatch)
    assert (found["pages"], found["pixels"], found["chance"]) == (PAGES, PIXELS, 1 / 3)
    assert found["macro_f1"] == 1
    low, high = nothing["interval"]
    assert low < 1 / 3 < high
    assert "That is nearly as good" in shortcut_in_words(found, 0.97)
    assert "tell next to nothing" in shortcut_in_words(nothing, 0.97)
    assert shortcut_in_words({}, 0.97) == ""


def test_what_lies_between_is_said_with_both_figures() -> None:
    found = {"macro_f1": 0.5, "interval": [0.45, 0.55], "chance": 0.1, "pixels": 20, "pages": 99}
    words = shortcut_in_words(found, 0.9)
    assert "has a macro-F1 of 0.500 (95 % interval 0.450 to 0.550)" in words
    assert "guessing would have 0.100, the run has 0.900. That much is told" in words
