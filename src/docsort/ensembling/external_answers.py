"""Answer sheets of earlier work that join a hard vote: checked against the data, and turned into ballots.

They are of test pages only: what they are worth is not known out of fold, and no part of the forecast.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.tables import targets_of

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
        problem, sheet = _read(Path(path))
        if not problem:
            problem = _problem(sheet, asked.tolist(), known)
        if problem:
            problems.append(f"{name} ({path}) {problem}")
            continue
        answers = asked.map(dict(zip(sheet["ID"], sheet["target"].astype(int), strict=True)))
        tables.append(pd.DataFrame({"sheet": name, "image_id": asked, "predicted": answers}))
    if problems:
        raise InputError(
            "Expected every external answer sheet to answer each test image once with a class of the data, but "
            f"{'; '.join(problems)}; correct `ensembling.external_answers` or leave it out."
        )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(EXTERNAL_ANSWERS))


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


def _read(path: Path) -> tuple[str, pd.DataFrame]:
    """What is wrong with the file, or nothing and its columns ID (text) and target (text)."""
    nothing = pd.DataFrame(columns=list(COLUMNS))
    if not path.is_file():
        return "is not there", nothing
    try:
        sheet = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        return f"cannot be read as CSV ({error})", nothing
    missing = [column for column in COLUMNS if column not in sheet.columns]
    return (f"has no column {listing(missing)}", nothing) if missing else ("", sheet[list(COLUMNS)])


def _problem(sheet: pd.DataFrame, asked: list[str], known: set[int]) -> str:
    ids, listed = set(asked), set(sheet["ID"])
    missing = [image for image in asked if image not in listed]
    strangers, repeated = sorted(listed - ids), sheet.loc[sheet["ID"].duplicated(), "ID"].tolist()
    targets = sheet["target"].str.strip()
    odd = sorted({text for text in targets if not (text.isascii() and text.isdigit() and int(text) in known)})
    found = {
        "has no answer for": missing,
        "answers what is no test image:": strangers,
        "answers more than once": repeated,
        "names unknown classes": odd,
    }
    return " and ".join(f"{what} {listing(items, 3)}" for what, items in found.items() if items)
