"""Whether the classes can be told without reading anything: by light, coarse layout, or where a photo was taken.

A classifier that can do so may have learnt the shortcut, and be right for a reason that tomorrow's pages do not have
(Geirhos et al., "Shortcut learning in deep neural networks", Nature Machine Intelligence 2020).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from docsort.members.logistic import regress
from docsort.metrics import bootstrap_interval, macro_f1
from docsort.seeding import derive_seed

PIXELS = 20
"""Side of the grey square that is left of a page."""

STRENGTH = 0.1
"""Inverse of the L2 penalty; on two sets ten times as much scored .01 higher and did not always converge."""

DRAWS = 500
NEARLY_ALL = 0.8
"""A share of the whole's score from which on a shortcut is likely."""


def probe_shortcut(renders: pd.DataFrame, side: int, classes: int, seed: int) -> dict[str, Any]:
    """What logistic regression on PIXELS x PIXELS grey pixels scores out of fold on the clean pages: `macro_f1`,
    `interval` (95 %, by source group), `chance` (of guessing), `pixels`, `pages`.

    renders: held-out pages, VALIDATION_RENDERS, squares of `side` pixels.
    """
    from docsort.probes.grey import grey_of_renders
    from docsort.probes.regression import fit_basis

    clean = renders[renders["condition"] == "clean"].reset_index(drop=True)
    greys = grey_of_renders(clean["path"].astype(str).tolist(), side, PIXELS)
    targets, labels = np.unique(clean["label"].to_numpy(np.int64), return_inverse=True)
    folds, answers = clean["fold"].to_numpy(np.int64), np.zeros(len(clean), dtype=np.int64)
    for fold in np.unique(folds):
        own = folds == fold
        if len(np.unique(labels[~own])) > 1:
            basis = fit_basis(greys[~own], derive_seed(seed, "shortcut", str(fold)))
            coefficients, bias = regress(basis(greys[~own]), labels[~own], len(targets), STRENGTH, balanced=False)
            answers[own] = (basis(greys[own]) @ coefficients + bias).argmax(axis=1)
    low, high = bootstrap_interval(labels, answers, clean["group"], DRAWS, derive_seed(seed, "shortcut", "interval"))
    score = macro_f1(labels, answers)
    return {"macro_f1": score, "interval": [low, high], "chance": 1 / classes, "pixels": PIXELS, "pages": len(clean)}


def shortcut_in_words(found: Mapping[str, Any], whole: float) -> str:
    """What that score says of the data. whole: macro-F1 of the run on clean held-out pages."""
    if not found:
        return ""
    score, (low, high), chance = found["macro_f1"], found["interval"], found["chance"]
    if low <= 2 * chance:
        verdict = "So light and coarse layout alone tell next to nothing, and what is answered was found on the pages."
    elif score >= NEARLY_ALL * whole:
        verdict = (
            "That is nearly as good: something beside the words tells the classes, such as where, by whom or with what "
            "they were photographed. Pages that are taken otherwise may score far below the forecast. Look at the heat "
            "maps, and have some pages of each class photographed in the same place."
        )
    else:
        verdict = (
            "That much is told by light and coarse layout. Where the classes were photographed in different places, "
            "pages from elsewhere will score below the forecast."
        )
    size = f"{found['pixels']} x {found['pixels']}"
    return (
        f"Logistic regression on {size} grey pixels of a page, on which nothing can be read, has a macro-F1 of "
        f"{score:.3f} (95 % interval {low:.3f} to {high:.3f}) on clean held-out pages; guessing would have "
        f"{chance:.3f}, the run has {whole:.3f}. {verdict}"
    )
