"""Pages as numbers: a reference, and days whose pages are drawn as it was, or otherwise in one measure."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from docsort.ensembling.reference import Reference
from docsort.images.appearance import APPEARANCE
from docsort.watching.pages import WatchedPages

CLASSES = 4
FIRST_DAY = date(2026, 3, 9)  # a Monday
LEVEL = {name: float(number) for number, name in enumerate(APPEARANCE)}
"""Each measure has a mean of its own, so that two that were mistaken for each other would be noticed."""


def draw_reference(seed: int, pages: int = 500) -> Reference:
    rng = np.random.default_rng((seed, 0))
    sets = {
        name: {column: np.sort(rng.normal(LEVEL[column], 1, pages)) for column in APPEARANCE}
        for name in ("training", "test_like", "test")
    }
    confidence, novelty = np.sort(rng.beta(8, 1, pages)), np.sort(rng.uniform(0, 0.98, pages))
    return Reference(sets, confidence, novelty, np.bincount(rng.integers(CLASSES, size=pages)).astype(float))


def draw_day(seed: int, pages: int, moved: Mapping[str, float] | None = None, favoured: float = 0.25) -> tuple:
    """Answers and appearance. moved: added to a measure, to confidence or novelty; favoured: share of class 0."""
    rng, shift = np.random.default_rng((seed, 1)), dict(moved or {})
    appearance = np.stack([rng.normal(LEVEL[name] + shift.get(name, 0), 1, pages) for name in APPEARANCE], axis=1)
    confidence = np.clip(rng.beta(8, 1, pages) + shift.get("confidence", 0), 0.3, 1)
    places = rng.choice(CLASSES, pages, p=[favoured, *[(1 - favoured) / 3] * 3])
    rest = (1 - confidence) / (CLASSES - 1)
    table = pd.DataFrame({f"p_{c}": np.where(places == c, confidence, rest) for c in range(CLASSES)})
    novelty = np.clip(rng.uniform(0, 0.98, pages) + shift.get("novelty", 0), 0, 1)
    names = [f"{seed}-{number}.jpg" for number in range(pages)]
    return table.assign(page=names, file=names, confidence=confidence, novelty=novelty), appearance


def watched(days: list[tuple]) -> WatchedPages:
    """Day after day from FIRST_DAY."""
    pages = WatchedPages()
    for number, (answers, appearance) in enumerate(days):
        pages.add(answers, appearance, [FIRST_DAY + timedelta(days=number)] * len(answers))
    return pages
