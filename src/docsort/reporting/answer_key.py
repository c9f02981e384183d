"""The answer key: true labels of the test images. Checked before any work, believed by scoring alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import InputError, listing
from docsort.labels import normal_form, parse_target
from docsort.user_tables import read_user_table

ANSWER_KEY = ("ID", "target")
"""One row per test image; target: int64."""


def check_answer_key(path: str | Path) -> pd.DataFrame:
    """The table ANSWER_KEY of a CSV file. Raises InputError, in one sentence, when it is no answer key."""
    table = read_user_table(Path(path), ANSWER_KEY)
    targets = pd.Series([parse_target(text) for text in table["target"]], dtype="Int64")
    forms = table["ID"].map(normal_form)
    found: dict[str, list[str]] = {
        "rows without an ID": table.loc[table["ID"] == "", "target"].tolist(),
        "IDs listed twice": table.loc[forms.duplicated() & (forms != ""), "ID"].tolist(),
        "targets that are no whole numbers from 0": [
            f"{text!r} ({image})" for image, text in table.loc[targets.isna().to_numpy(), list(ANSWER_KEY)].to_numpy()
        ],
    }
    problems = [f"{what}: {listing(items, 3)}" for what, items in found.items() if items]
    if table.empty:
        problems = ["no rows"]
    if problems:
        raise InputError(
            f"Expected {path} to be an answer key (ID,target), but it has {'; '.join(problems)}; correct it."
        )
    return table.assign(target=targets.astype("int64"))


def read_answer_key(location: Mapping[str, Any]) -> pd.DataFrame | None:
    """The table ANSWER_KEY of the CSV file that `raw_location` names; None where it names none. Raises InputError."""
    path = location.get("answer_key")
    return None if path is None else check_answer_key(path)


def check_key_fits(key: pd.DataFrame, photos: pd.DataFrame, classes: pd.DataFrame) -> None:
    """Raises InputError unless the key answers each test image (table PHOTOS) with a class of the data."""
    require_same_images(photos.loc[photos["split"] == "test", "image_id"], key)
    unknown = key[~key["target"].isin(classes["target"])]
    if len(unknown):
        named = (f"{target} ({image})" for image, target in unknown[list(ANSWER_KEY)].to_numpy())
        raise InputError(
            f"Expected the answer key to answer with classes of the data, but got {listing(named, 3)}; correct it."
        )


def require_same_images(asked: pd.Series, key: pd.DataFrame) -> None:
    """Raises InputError unless the key has the images that were asked for, and no others."""
    wanted, known = (set(ids.astype(str).map(normal_form)) for ids in (asked, key["ID"]))
    if wanted != known or len(asked) != len(key):
        raise InputError(
            f"Expected the answer key to list the images of the submission, but {len(wanted - known)} are missing "
            f"there ({listing(sorted(wanted - known), 3)}) and {len(known - wanted)} are not in the submission "
            f"({listing(sorted(known - wanted), 3)}); it belongs to another data set."
        )


def true_labels(ids: pd.Series, key: pd.DataFrame) -> pd.Series:
    """The class of each image id by the key. Raises InputError where the key lacks one."""
    truth = dict(zip(key["ID"].astype(str).map(normal_form), key["target"].astype(int), strict=True))
    labels = ids.astype(str).map(normal_form).map(truth)
    if labels.isna().any():
        missing = listing(ids[labels.isna()], 3)
        raise InputError(f"Expected the answer key to list every test image, but {missing} is missing; correct it.")
    return labels.astype(int)
