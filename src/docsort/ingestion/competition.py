"""The layout of the competition.

train.csv               ID,target            one row per training photo
sample_submission.csv   ID,target            one row per test photo, in the order of the submission; target is ignored
meta.csv                target,class_name    one row per class
train/  test/           the photos, named by ID
"""

from pathlib import Path

import pandas as pd

from docsort.ingestion.files import climbs_out, photo_files
from docsort.ingestion.problems import Problems, too_small
from docsort.tables import CLASSES, PHOTOS

FILES = {"train.csv": ("ID", "target"), "sample_submission.csv": ("ID",), "meta.csv": ("target", "class_name")}


def read_competition(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables PHOTOS and CLASSES; raises one InputError with all that is wrong."""
    problems = Problems(folder)
    tables = {name: _read(folder / name, columns, problems) for name, columns in FILES.items()}
    for split in ("train", "test"):
        if not (folder / split).is_dir():
            problems.add(f"the folder {split}/ is missing")
    problems.raise_if_any()
    train, test, meta = (table for table in tables.values() if table is not None)
    classes = _classes(meta, problems)
    _check_ids(folder, train["ID"], "train", problems)
    _check_ids(folder, test["ID"], "test", problems)
    problems.add("IDs both in train.csv and in sample_submission.csv", sorted(set(train["ID"]) & set(test["ID"])))
    targets = pd.to_numeric(train["target"], errors="coerce")
    unknown = ~targets.isin(classes["target"])
    problems.add(
        "targets in train.csv that meta.csv does not list",
        (f"{target} ({image_id})" for image_id, target in train.loc[unknown, ["ID", "target"]].to_numpy()),
    )
    if train.empty:
        problems.add("train.csv lists no photo")
    else:
        problems.add("classes of meta.csv with fewer than two photos in train.csv", too_small(classes, targets))
    problems.raise_if_any()
    photos = pd.concat(
        [
            _photos(folder, train["ID"], "train", targets.astype("int64").astype("Int64")),
            _photos(folder, test["ID"], "test", pd.Series(pd.NA, index=test.index, dtype="Int64")),
        ],
        ignore_index=True,
    )
    return photos, classes


def _read(path: Path, columns: tuple[str, ...], problems: Problems) -> pd.DataFrame | None:
    """The columns of a CSV as text without surrounding blanks; None where it cannot be read."""
    if not path.is_file():
        problems.add(f"the file {path.name} is missing")
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, UnicodeDecodeError) as error:
        problems.add(f"{path.name} cannot be read as CSV ({error})")
        return None
    table.columns = table.columns.str.strip()
    missing = [column for column in columns if column not in table.columns]
    problems.add(f"columns missing in {path.name}", missing)
    return None if missing else table[list(columns)].apply(lambda column: column.str.strip())


def _classes(meta: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    targets = pd.to_numeric(meta["target"], errors="coerce")
    bad = targets.isna() | (targets % 1 != 0) | (targets < 0)
    problems.add("targets in meta.csv that are not whole numbers from 0", meta.loc[bad, "target"])
    problems.add("targets listed twice in meta.csv", meta.loc[meta["target"].duplicated(), "target"])
    problems.add("targets without a class name in meta.csv", meta.loc[meta["class_name"] == "", "target"])
    problems.add("class names listed twice in meta.csv", meta.loc[meta["class_name"].duplicated(), "class_name"])
    good = meta[~bad].assign(target=targets[~bad].astype("int64"))
    return good.sort_values("target", ignore_index=True)[list(CLASSES)]


def _check_ids(folder: Path, ids: pd.Series, split: str, problems: Problems) -> None:
    table = "train.csv" if split == "train" else "sample_submission.csv"
    outside = [name for name in ids if not name or climbs_out(name, folder / split)]
    problems.add(f"IDs in {table} that lead out of {split}/", (repr(name) for name in outside))
    problems.add(f"IDs listed twice in {table}", sorted(set(ids[ids.duplicated()])))
    there = {path.name for path in photo_files(folder / split)}
    inside = set(ids) - set(outside)
    problems.add(f"IDs in {table} without a file in {split}/", sorted(inside - there))
    problems.add(f"files in {split}/ without an ID in {table}", sorted(there - inside))


def _photos(folder: Path, ids: pd.Series, split: str, targets: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "image_id": ids.to_numpy(),
            "split": split,
            "path": [str(folder / split / name) for name in ids],
            "target": targets.to_numpy(),
            "position": range(len(ids)),
        }
    )
    return table.astype({"target": "Int64", "position": "int64"})[list(PHOTOS)]
