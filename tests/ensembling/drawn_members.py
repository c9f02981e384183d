"""Out-of-fold members whose quality is known: evidence for the true class, under noise of each model's own."""

import numpy as np
import pandas as pd

from docsort.metrics import MEMBER_KEYS

CLASSES = 5


def draw_members(noises: dict[str, float], pages: int = 500, seed: int = 0, evidence: float = 2.0) -> pd.DataFrame:
    """Members of test-like pages, a model for each name, the noisier the worse; groups of two pages, five folds."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=pages)
    parts = []
    for name, noise in noises.items():
        logits = evidence * np.eye(CLASSES)[labels] + rng.normal(0, noise, (pages, CLASSES))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        part = pd.DataFrame(powers / powers.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in range(CLASSES)])
        ids = pd.Series([f"{i:04}.jpg" for i in range(pages)])
        part = part.assign(model=name, fold=np.arange(pages) // 2 % 5, image_id=ids, render_id=ids + "~0")
        parts.append(
            part.assign(group=[f"g{i // 2}" for i in range(pages)], label=labels, condition="test_like", copy=0)
        )
    members = pd.concat(parts, ignore_index=True)
    return members[[*MEMBER_KEYS, *(f"p_{c}" for c in range(CLASSES))]]
