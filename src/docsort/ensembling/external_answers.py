"""Answer sheets of earlier work that join a hard vote: checked against the data, and turned into ballots.

They are of test pages only: what they are worth is not known out of fold, and no part of the forecast.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.labels import normal_form, parse_target
from docsort.tables import targets_of
from docsort.user_tables import read_user_table

EXTERNAL_ANSWERS = ("sheet", "image_id", "predicted")
"""One row per answer sheet and test image; sheet: its name in the parameters."""

COLUMNS = ("ID", "target")

Floats = NDArray[np.float64]


def read_external_answers(paths: Mapping[str, str], photos: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """The table EXTERNAL_ANSWERS, by name and position; no rows where there are no sheets.

    photos: the raw listing. Raises InputError with all that is wrong: a file that is not there or no answer sheet,
    images that are missing, repeated or no test images of this data, classes that it does not have.
    """
    asked = photos[photos["split"] == "test"].sort_values("position", kind="stable")["image_id"].astype(str)
    known = {int(target) for target in classes["target"]}
    tables, problems = [], []
    for name, path in sorted(paths.items()):
        try:
            sheet = _checked(read_user_table(Path(path), COLUMNS), asked, known)
        except InputError as error:
            problems.append(f"  - {name} ({path}): {error}")
            continue
        tables.append(pd.DataFrame({"sheet": name, "image_id": asked, "predicted": asked.map(normal_form).map(sheet)}))
    if problems:
        raise InputError(
            "Expected every external answer sheet to answer each test image once with a class of the data, but not all "
            "do; correct `ensembling.external_answers` or leave it out.\n" + "\n".join(problems)
        )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(EXTERNAL_ANSWERS))


def check_sheets(paths: Mapping[str, str]) -> None:
    """Raises InputError with all sheets that cannot be read; what they answer is checked once the images are listed."""
    problems = []
    for path in paths.values():
        try:
            read_user_table(Path(path), COLUMNS)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))


def ballots_of(
    answers: pd.DataFrame, pages: pd.DataFrame, columns: list[str], weights: Mapping[str, float], share: float
) -> Floats | None:
    """(P, C) ballots of the external answers for the test pages; None where there are none.

    answers: EXTERNAL_ANSWERS; pages: with image_id; columns: p_<target>; share: of a ballot, times the sheet's weight,
    1 where `weights` has none for it.
    """
    if answers.empty:
        return None
    ballots = np.zeros((len(pages), len(columns)))
    targets, rows = np.asarray(targets_of(columns)), np.arange(len(pages))
    for name, own in answers.groupby("sheet"):
        answered = (
            pages["image_id"].astype(str).map(dict(zip(own["image_id"].astype(str), own["predicted"], strict=True)))
        )
        if answered.isna().any():
            raise InputError(
                f"Expected the external answer sheet {name} to answer every test page, but {answered.isna().sum()} are "
                f"missing: {listing(pages.loc[answered.isna().to_numpy(), 'image_id'])}; read the answer sheets again."
            )
        ballots[rows, np.searchsorted(targets, answered.to_numpy(np.int64))] += share * weights.get(str(name), 1.0)
    return ballots


def _checked(sheet: pd.DataFrame, asked: pd.Series, known: set[int]) -> dict[str, int]:
    """The answers by the normal form of their ids. Raises InputError for a sheet that does not fit the data."""
    ids = sheet["ID"].map(normal_form)
    wanted, listed = dict(zip(asked.map(normal_form), asked, strict=True)), set(ids)
    answers = {form: parse_target(text) for form, text in zip(ids, sheet["target"], strict=True)}
    found = {
        "has no answer for": [image for form, image in wanted.items() if form not in listed],
        "answers what is no test image:": sorted(listed - set(wanted)),
        "answers more than once": sheet.loc[ids.duplicated(), "ID"].tolist(),
        "names unknown classes": sorted({text for text in sheet["target"] if parse_target(text) not in known}),
    }
    problems = [f"{what} {listing(items, 3)}" for what, items in found.items() if items]
    if problems:
        raise InputError(" and ".join(problems))
    return {form: target for form, target in answers.items() if target is not None}
