"""Cross-validation folds, made on source images before anything is derived from them, and the leak check.

A group (near-duplicates of one page) never crosses folds. Teams that augmented first and split later read 0.99 in
validation and 0.84 to 0.91 on the leaderboard.
"""

import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from docsort.errors import InputError, LeakError, listing
from docsort.parameters import Parameters
from docsort.seeding import derive_seed
from docsort.tables import FOLD_TABLE, PAGE_FORMAT, check_columns, with_origin

FOLD_COUNT = 5
"""How many folds there are unless the parameters say otherwise."""

FEWEST_FOLDS, MOST_FOLDS = 3, 10

FEWEST_GROUPS = 2
"""A class in one group alone is missing either from training or from validation, whatever the folds."""

FACTS = ("fold", "group", "label")
"""What every derived image takes from its source."""

logger = logging.getLogger(__name__)


_fold_count: int | None = None


def set_fold_count(count: Any) -> None:
    """Tells how many folds a session has, before its pipelines are built: they are static, parameters come later.

    Raises InputError for what is no number of folds.
    """
    global _fold_count
    _fold_count = checked_fold_count(count)


def checked_fold_count(count: Any) -> int:
    """The number of folds as a user gave it. Raises InputError for what is none."""
    if type(count) is not int or not FEWEST_FOLDS <= count <= MOST_FOLDS:
        raise InputError(
            f"Expected `folds` to be a whole number from {FEWEST_FOLDS} to {MOST_FOLDS}, but got {count!r}."
        )
    return count


def known_fold_count() -> int | None:
    """What `set_fold_count` was told last; None before any session."""
    return _fold_count


class CrossValidationParameters(Parameters):
    """How the source images are parted."""

    folds: int = Field(
        default=FOLD_COUNT,
        ge=FEWEST_FOLDS,
        le=MOST_FOLDS,
        description="each is held out from members of its own",
    )
    holdout: float = Field(
        default=0,
        ge=0,
        le=0.5,
        description="share of the groups that is set aside, seen by no training, gate or calibration, and scored once "
        "at the end; 0: none",
    )


def set_aside(images: pd.DataFrame, share: float, seed: int) -> NDArray[np.bool_]:
    """(N,) which images are held out from everything: about `share` of the groups, stratified by label.

    images: image_id, group and label as they came, so that a decision about one image moves no other.
    """
    if not share:
        return np.zeros(len(images), dtype=bool)
    dealt = _deal(images, derive_seed(seed, "holdout"), max(2, round(1 / share)))
    return (images["image_id"].map(dealt) == 0).to_numpy()


def make_folds(
    clean_images: pd.DataFrame,
    seed: int,
    folds: int = FOLD_COUNT,
    as_given: pd.DataFrame | None = None,
    classes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Table FOLD_TABLE: stratified by label, groups whole.

    as_given: all training images with their group and the label they came with, also those that the ledger drops. The
    folds are dealt out on these, so that a decision about one image moves no other to another fold: what the decision
    is worth can then be told. An image that is not among them goes where its group is, or to a fold drawn for its
    group. classes: all that the data names (table CLASSES), so that one without an image is missed. Raises InputError
    for a class with fewer than two groups, and where no class has a group for every fold, now or as given.
    """
    check_columns(clean_images, ("image_id", "group", "label"), "clean_images")
    _check_class_sizes(clean_images, folds, classes)
    given = clean_images if as_given is None else as_given
    dealt = _deal(given, seed, folds)
    of_groups = dict(zip(given["group"], given["image_id"].map(dealt), strict=True))
    ordered = clean_images.sort_values("image_id", kind="stable").reset_index(drop=True)
    others = {group: derive_seed(seed, "joined later", group) % folds for group in ordered["group"]}
    ordered["fold"] = ordered["image_id"].map(dealt).fillna(ordered["group"].map(others | of_groups)).astype("int64")
    return ordered[with_origin(ordered, FOLD_TABLE)]


def _deal(images: pd.DataFrame, seed: int, folds: int) -> dict[str, int]:
    """The fold of every image. Raises InputError where no class has a group for each of them."""
    most = images.groupby("label")["group"].nunique().max()
    if most < folds:
        raise InputError(
            f"Expected at least one class with {folds} different images, one for every part that the data is dealt "
            f"into, but by the labels that the data came with the largest has {most} (label_fixes moves no image to "
            "another part); add images, correct the data, or change `folds` or `holdout`."
        )
    from sklearn.model_selection import StratifiedGroupKFold

    ordered = images.sort_values("image_id", kind="stable").reset_index(drop=True)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=derive_seed(seed, "folds") % 2**32)
    assigned = np.zeros(len(ordered), dtype=np.int64)
    with warnings.catch_warnings():  # of classes smaller than the number of folds: said above, by name
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, held_out) in enumerate(splitter.split(ordered, ordered["label"], ordered["group"])):
            assigned[held_out] = fold
    return dict(zip(ordered["image_id"], assigned.tolist(), strict=True))


def _check_class_sizes(clean_images: pd.DataFrame, folds: int, classes: pd.DataFrame | None) -> None:
    groups = clean_images.groupby("label")["group"].nunique()
    if classes is not None:
        groups = groups.reindex(classes["target"], fill_value=0)
    tiny, small = groups[groups < FEWEST_GROUPS], groups[(groups >= FEWEST_GROUPS) & (groups < folds)]
    if len(groups) < 2 or len(tiny):
        named = (f"class {target} has {'only one' if count else 'none'}" for target, count in tiny.items())
        what = listing(named) if len(tiny) else f"there is only {len(groups)} class"
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
    that `folds` gives its source, an id that is its source's (a render's, up to the last `~`), and stand there once. It
    cannot see whether the pixels are the source's, nor which pages a model was trained on.
    """
    check_columns(folds, FOLD_TABLE, "folds")
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
    """known: table FOLD_TABLE by image id."""
    source = "source_id" if "source_id" in table.columns else "image_id"
    check_columns(table, ("render_id", source, *FACTS), "renders or predictions")
    strangers = ~table[source].isin(known.index)
    rest = table[~strangers]
    repeated = table.duplicated(
        [key for key in ("model", "render_id", "turn", "scale", *PAGE_FORMAT) if key in table.columns]
    )
    unnamed = [
        str(of) not in (str(own), str(own).rpartition("~")[0])
        for own, of in zip(rest["render_id"], rest[source], strict=True)
    ]
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
