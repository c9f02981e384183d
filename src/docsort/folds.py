"""Folds, made on source images before anything is derived from them, and the check that they were kept.

A group (near-duplicates of one page) never crosses folds. Teams that augmented first and split later read 0.99 in
validation and 0.84 to 0.91 on the leaderboard.
"""

import logging
import warnings

import numpy as np
import pandas as pd

from docsort.errors import InputError, LeakError, listing
from docsort.seeding import derive_seed
from docsort.tables import FOLDS as FOLD_COLUMNS
from docsort.tables import check_columns

FOLDS = 5
"""Pipelines are static: the number of folds is this constant, not a parameter."""

FEWEST_GROUPS = 2
"""A class in one group alone is missing either from training or from validation, whatever the folds."""

logger = logging.getLogger(__name__)


def make_folds(clean_images: pd.DataFrame, seed: int, folds: int = FOLDS) -> pd.DataFrame:
    """Table FOLDS: stratified by label, groups whole. Raises InputError for a class with fewer than two groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    check_columns(clean_images, ("image_id", "group", "label"), "clean_images")
    _check_class_sizes(clean_images, folds)
    ordered = clean_images.sort_values("image_id", kind="stable").reset_index(drop=True)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=derive_seed(seed, "folds") % 2**32)
    assigned = np.zeros(len(ordered), dtype=np.int64)
    with warnings.catch_warnings():  # of classes smaller than the number of folds: said above, by name
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, held_out) in enumerate(splitter.split(ordered, ordered["label"], ordered["group"])):
            assigned[held_out] = fold
    return ordered.assign(fold=assigned)[list(FOLD_COLUMNS)]


def _check_class_sizes(clean_images: pd.DataFrame, folds: int) -> None:
    groups = clean_images.groupby("label")["group"].nunique()
    tiny, small = groups[groups < FEWEST_GROUPS], groups[(groups >= FEWEST_GROUPS) & (groups < folds)]
    if len(groups) < 2 or len(tiny):
        what = f"class {listing(tiny.index)} has only one" if len(tiny) else f"there is only {len(groups)} class"
        raise InputError(
            f"Expected at least two classes with at least {FEWEST_GROUPS} different images each, but {what}; add "
            "images or drop the class."
        )
    if len(small):
        logger.warning(
            "Class %s has fewer than %d different images, so some folds cannot judge it.", listing(small.index), folds
        )


def check_no_leak(folds: pd.DataFrame, *manifests: pd.DataFrame) -> None:
    """Raises LeakError, naming ids, unless every group is in one fold and every render carries its source's facts.

    manifests: tables RENDERS or VALIDATION_RENDERS.
    """
    check_columns(folds, FOLD_COLUMNS, "folds")
    spread = folds.groupby("group")["fold"].nunique()
    problems = []
    if (spread > 1).any():
        problems.append(f"groups in several folds: {listing(spread.index[spread > 1])}")
    repeated = folds["image_id"][folds["image_id"].duplicated()]
    if len(repeated):
        problems.append(f"sources listed twice: {listing(repeated)}")
    known = folds.drop_duplicates("image_id").set_index("image_id")
    for manifest in manifests:
        strangers = ~manifest["source_id"].isin(known.index)
        if strangers.any():
            problems.append(f"renders of unknown sources: {listing(manifest.loc[strangers, 'render_id'])}")
        rest = manifest[~strangers]
        for fact in ("fold", "group", "label"):
            wrong = rest[fact].to_numpy() != known.loc[rest["source_id"], fact].to_numpy()
            if wrong.any():
                problems.append(f"renders whose {fact} is not their source's: {listing(rest.loc[wrong, 'render_id'])}")
    if problems:
        raise LeakError(
            f"Expected no page on both sides of a fold, but found {'; '.join(problems)}; run cleaning and augmentation "
            "again."
        )
