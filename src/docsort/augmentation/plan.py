"""Oversampling plan: how many renders of each source, so that every class reaches its target."""

import hashlib
import logging

import pandas as pd

from docsort.augmentation.parameters import AugmentationParameters
from docsort.errors import InputError, listing
from docsort.labels import require_target
from docsort.tables import CLASSES, CLEAN_IMAGES, FOLD_TABLE, check_columns

logger = logging.getLogger(__name__)


def sources(clean_images: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """One row per source, by id: image_id, path, sha256, label, group, fold.

    Raises InputError when the two tables do not speak of the same images, or not in the same way.
    """
    check_columns(clean_images, CLEAN_IMAGES, "clean_images")
    check_columns(folds, FOLD_TABLE, "folds")
    again = "run the cleaning pipeline again, it writes both"
    lost = sorted(set(clean_images["image_id"]) ^ set(folds["image_id"]))
    if lost:
        raise InputError(
            f"Expected clean_images and folds to list the same images, but {listing(lost)} is in only one; {again}."
        )
    both = clean_images[list(CLEAN_IMAGES)].merge(folds[list(FOLD_TABLE)], on="image_id", suffixes=("", "_in_folds"))
    differing = both[(both["label"] != both["label_in_folds"]) | (both["group"] != both["group_in_folds"])]
    if len(differing):
        raise InputError(
            f"Expected clean_images and folds to give the same label and group, but {listing(differing['image_id'])} "
            f"differs; {again}."
        )
    columns = ["image_id", "path", "sha256", "label", "group", "fold"]
    return both[columns].sort_values("image_id", ignore_index=True)


def targets_per_class(classes: pd.DataFrame, parameters: AugmentationParameters) -> dict[int, int]:
    """Renders wanted of each class, oversample included.

    Raises InputError for a name that no class has, and for a class that a per-class table leaves out.
    """
    check_columns(classes, CLASSES, "classes")
    known = [int(target) for target in classes["target"]]
    if not isinstance(parameters.per_class, dict):
        wanted = dict.fromkeys(known, parameters.per_class or max(1, round(parameters.renders / max(1, len(known)))))
    else:
        wanted = {require_target(classes, key, "per_class"): count for key, count in parameters.per_class.items()}
        missing = [target for target in known if target not in wanted]
        if missing:
            raise InputError(
                f"Expected per_class to give a number for every class, but {listing(missing)} has none; "
                "add it, or give one number for all."
            )
    for key, factor in parameters.oversample.items():
        target = require_target(classes, key, "oversample")
        wanted[target] = max(1, round(wanted[target] * factor))
    return wanted


def copies_per_source(
    clean_images: pd.DataFrame, folds: pd.DataFrame, classes: pd.DataFrame, parameters: AugmentationParameters
) -> pd.DataFrame:
    """source_id, copies: at least one each, by source id; the table by class is logged.

    Copies within a class differ by at most one. Which sources get the one more is decided by a hash of their id, so
    that adding or dropping a source moves few others.
    """
    listed = sources(clean_images, folds)
    wanted = targets_per_class(classes, parameters)
    strange = sorted(set(listed["label"]) - set(wanted))
    if strange:
        raise InputError(f"Expected labels to be classes of the data, but clean_images also has {listing(strange)}.")
    copies: dict[str, int] = {}
    for label, members in listed.groupby("label"):
        ids = sorted(members["image_id"], key=lambda name: hashlib.sha256(str(name).encode()).digest())
        each, more = divmod(wanted[int(str(label))], len(ids))
        copies |= {name: max(1, each + (place < more)) for place, name in enumerate(ids)}
    table = pd.DataFrame({"source_id": listed["image_id"], "copies": listed["image_id"].map(copies)})
    logger.info("training renders by class:\n%s", class_table(listed, table, classes, wanted).to_string(index=False))
    return table


def class_table(
    listed: pd.DataFrame, copies: pd.DataFrame, classes: pd.DataFrame, wanted: dict[int, int]
) -> pd.DataFrame:
    """What a person wants to see before the work starts: one row per class."""
    counted = listed.assign(copies=copies["copies"].to_numpy()).groupby("label")["copies"]
    table = classes[["target", "class_name"]].sort_values("target", ignore_index=True)
    table["sources"] = table["target"].map(counted.size()).fillna(0).astype(int)
    table["wanted"] = table["target"].map(wanted)
    table["renders"] = table["target"].map(counted.sum()).fillna(0).astype(int)
    table["copies"] = (table["renders"] / table["sources"].clip(lower=1)).round(1)
    return table
