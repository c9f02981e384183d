"""Votes out of fold of sources whose true labels are known, some of which were given a wrong one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from docsort.tables import LEDGER

NO_LEDGER = pd.DataFrame(columns=list(LEDGER))


@dataclass(frozen=True)
class DrawnVotes:
    """votes: of one clean and two test-like pages a source; images: CLEAN_IMAGES; truth (N,): of each source, in order;
    test: votes on fresh test-like pages, with the true labels."""

    votes: pd.DataFrame
    images: pd.DataFrame
    truth: np.ndarray
    test: pd.DataFrame


def draw_votes(
    wrong: float = 0.05,
    sources: int = 400,
    classes: int = 6,
    evidence: float = 3.0,
    seed: int = 0,
    shares: tuple[float, ...] | None = None,
    tests: int = 200,
    alike: float = 0.0,
) -> DrawnVotes:
    """evidence: how far the true class stands out, in units of noise; wrong: share of labels; shares: of classes.

    alike: how far the sister of the true class (0 and 1, 2 and 3, …) stands out, as a part of the evidence; wrong
    labels then are of the sister.
    """
    rng = np.random.default_rng([seed, sources, classes])
    truth = np.sort(rng.choice(classes, sources, p=shares))
    labels, rows = truth.copy(), rng.choice(sources, round(wrong * sources), replace=False)
    labels[rows] = truth[rows] ^ 1 if alike else (truth[rows] + rng.integers(1, classes, len(rows))) % classes
    looks = np.eye(classes) + (alike * np.eye(classes)[np.arange(classes) ^ 1] if alike else 0)
    names = [f"{number:04}.jpg" for number in range(sources)]
    images = pd.DataFrame({"image_id": names, "label": labels, "given_label": labels, "group": names})
    parts = [
        _votes(names, looks[truth], evidence * factor, condition, copy, rng).assign(
            label=labels, fold=np.arange(sources) % 5
        )
        for condition, copy, factor in (("clean", 0, 1.3), ("test_like", 0, 1.0), ("test_like", 1, 1.0))
    ]
    asked = rng.choice(classes, tests, p=shares)
    test = _votes([f"t{number:04}.jpg" for number in range(tests)], looks[asked], evidence, "test", 0, rng)
    return DrawnVotes(pd.concat(parts, ignore_index=True), images, truth, test.assign(label=asked))


def _votes(
    names: list[str], looks: np.ndarray, evidence: float, condition: str, copy: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Vaguer than they need be, as an average of members is. looks (pages, C): how far each class stands out."""
    classes = looks.shape[1]
    logits = 0.6 * (evidence * looks + rng.normal(0, 1, looks.shape)) * evidence
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    table = pd.DataFrame(powers / powers.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in range(classes)])
    keys = {"image_id": names, "group": names, "render_id": [f"{name}~{condition}-{copy}" for name in names]}
    answers = {"predicted": logits.argmax(axis=1), "confidence": table.max(axis=1)}
    return table.assign(**keys, condition=condition, copy=copy, **answers)
