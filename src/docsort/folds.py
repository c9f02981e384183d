"""Folds, made on source images before anything is derived from them, and the check that they were kept.

A group (near-duplicates of one page) never crosses folds. Teams that augmented first and split later read 0.99 in
validation and 0.84 to 0.91 on the leaderboard.
"""

import logging
import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, LeakError, listing
from docsort.seeding import derive_seed
from docsort.tables import FOLDS as FOLD_COLUMNS
from docsort.tables import check_columns

FOLDS = 5
"""Pipelines are static: the number of folds is this constant, not a parameter."""

FEWEST_GROUPS = 2
"""A class in one group alone is missing either from training or from validation, whatever the folds."""

FACTS = ("fold", "group", "label")
"""What every derived image takes from its source."""

logger = logging.getLogger(__name__)


def make_folds(
    clean_images: pd.DataFrame, seed: int, folds: int = FOLDS, as_given: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Table FOLDS: stratified by label, groups whole.

    as_given: all training images with their group and the label they came with, also those that the ledger drops. The
    folds are dealt out on these, so that a decision about one image moves no other to another fold: what the decision
    is worth can then be told. Raises InputError for a class with fewer than two groups, and where no class has a group
    for every fold.
    """
    check_columns(clean_images, ("image_id", "group", "label"), "clean_images")
    _check_class_sizes(clean_images, folds)
    dealt = _deal(clean_images if as_given is None else as_given, seed, folds)
    ordered = clean_images.sort_values("image_id", kind="stable").reset_index(drop=True)
    return ordered.assign(fold=ordered["image_id"].map(dealt).astype("int64"))[list(FOLD_COLUMNS)]


def _deal(images: pd.DataFrame, seed: int, folds: int) -> dict[str, int]:
    """The fold of every image."""
    from sklearn.model_selection import StratifiedGroupKFold

    ordered = images.sort_values("image_id", kind="stable").reset_index(drop=True)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=derive_seed(seed, "folds") % 2**32)
    assigned = np.zeros(len(ordered), dtype=np.int64)
    with warnings.catch_warnings():  # of classes smaller than the number of folds: said above, by name
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, held_out) in enumerate(splitter.split(ordered, ordered["label"], ordered["group"])):
            assigned[held_out] = fold
    return dict(zip(ordered["image_id"], assigned.tolist(), strict=True))


def _check_class_sizes(clean_images: pd.DataFrame, folds: int) -> None:
    groups = clean_images.groupby("label")["group"].nunique()
    tiny, small = groups[groups < FEWEST_GROUPS], groups[(groups >= FEWEST_GROUPS) & (groups < folds)]
    if len(groups) < 2 or len(tiny):
        what = f"class {listing(tiny.index)} has only one" if len(tiny) else f"there is only {len(groups)} class"
        raise InputError(
            f"Expected at least two classes with at least {FEWEST_GROUPS} different images each, but {what}; add "
            "images or drop the class."
        )
    if groups.max() < folds:
        raise InputError(
            f"Expected at least one class with {folds} different images, one for every fold, but the largest has "
            f"{groups.max()}; add images."
        )
    if len(small):
        logger.warning(
            "Class %s has fewer than %d different images, so some folds cannot judge it.", listing(small.index), folds
        )


def check_no_leak(folds: pd.DataFrame, *derived: pd.DataFrame) -> None:
    """Raises LeakError, naming ids, unless every group is in one fold and every render carries its source's facts.

    derived: tables RENDERS, VALIDATION_RENDERS or out-of-fold predictions. Each row must have the group, label and fold
    that `folds` gives its source, an id that begins with its source's, and stand there once. It cannot see whether
    the pixels are the source's, nor which pages a model was trained on.
    """
    check_columns(folds, FOLD_COLUMNS, "folds")
    problems = _problems_of_folds(folds)
    known = folds.drop_duplicates("image_id").set_index("image_id")
    for table in derived:
        problems += _problems_of_renders(known, table)
    if problems:
        raise LeakError(
            "Expected no page on both sides of a fold and every render to carry the facts of its source, but found "
            f"{'; '.join(problems)}; run the pipelines again from cleaning on."
        )


def _problems_of_folds(folds: pd.DataFrame) -> list[str]:
    spread = folds.groupby("group", dropna=False)["fold"].nunique(dropna=False)
    nothing = folds[list(FACTS)].isna().any(axis=1)
    found = {
        "groups in several folds": spread.index[spread > 1].to_series(),
        "sources listed twice": folds.loc[folds["image_id"].duplicated(), "image_id"],
        "sources without a fold, a group or a label": folds.loc[nothing, "image_id"],
    }
    return [f"{what}: {listing(ids)}" for what, ids in found.items() if len(ids)]


def _problems_of_renders(known: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """known: table FOLDS by image id."""
    source = "source_id" if "source_id" in table.columns else "image_id"
    check_columns(table, ("render_id", source, *FACTS), "renders or predictions")
    strangers = ~table[source].isin(known.index)
    rest = table[~strangers]
    repeated = table.duplicated([key for key in ("model", "render_id", "turn") if key in table.columns])
    unnamed = [not str(own).startswith(str(of)) for own, of in zip(rest["render_id"], rest[source], strict=True)]
    found = {
        "renders of unknown sources": table.loc[strangers, "render_id"],
        "renders listed twice": table.loc[repeated, "render_id"],
        "renders whose id is not their source's": rest.loc[unnamed, "render_id"],
    }
    for fact in FACTS:
        same = _plain(rest[fact]) == _plain(known.loc[rest[source], fact])
        found[f"renders whose {fact} is not their source's"] = rest.loc[~same, "render_id"]
    return [f"{what}: {listing(ids.unique())}" for what, ids in found.items() if len(ids)]


def _plain(column: pd.Series) -> NDArray[np.object_]:
    """The values as Python's own, so that tables of any dtypes compare; a missing one equals nothing."""
    return column.astype(object).where(column.notna(), np.nan).to_numpy()
