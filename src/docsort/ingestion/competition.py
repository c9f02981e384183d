"""The layout of the competition.

train.csv               ID,target            one row per training photo
sample_submission.csv   ID,target            one row per test photo, in the order of the submission; target is ignored
meta.csv                target,class_name    one row per class
train/  test/           the photos, named by ID

Ids stay as the CSV files have them. A file has the name of its id in whatever Unicode form its disk keeps names.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pandas as pd

from docsort.errors import InputError
from docsort.ingestion.files import climbs_out, folders_in, looks_like_picture, no_files, photo_files, warn_unread
from docsort.ingestion.names import check_names
from docsort.ingestion.problems import Problems, too_small
from docsort.labels import normal_form, parse_target
from docsort.tables import CLASSES, PHOTOS
from docsort.user_tables import read_user_table

KNOWN_FOLDERS = ("train", "test", "answer_key")
"""Without a warning; the sample has its answer key there."""

FILES = {"train.csv": ("ID", "target"), "sample_submission.csv": ("ID",), "meta.csv": ("target", "class_name")}

BY_NAME = " (a target is the number of a class, not its name)"

UNLIKE: dict[str, Callable[[str], str]] = {
    "case": str.casefold,
    "ending": lambda name: name.rpartition(".")[0] or name,
    "folder": lambda name: PurePosixPath(name).name,
}
"""In what an ID may differ from the name of its file, and what is left without it."""


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
    files = {split: _files(folder / split, problems) for split in ("train", "test")}
    _check_ids(folder, train["ID"], "train", files["train"], problems)
    _check_ids(folder, test["ID"], "test", files["test"], problems)
    both = set(train["ID"].map(normal_form)) & set(test["ID"].map(normal_form))
    problems.add("IDs both in train.csv and in sample_submission.csv", sorted(both))
    targets = _numbers(train["target"])
    unknown = ~targets.isin(classes["target"])
    by_name = train["target"].isin(classes["class_name"])
    problems.add(
        f"targets in train.csv that meta.csv does not list{BY_NAME if (unknown & by_name).any() else ''}",
        (f"{target} ({image_id})" for image_id, target in train.loc[unknown, ["ID", "target"]].to_numpy()),
    )
    if train.empty:
        problems.add("train.csv lists no photo")
    else:
        problems.add("classes of meta.csv with fewer than two photos in train.csv", too_small(classes, targets))
    problems.raise_if_any()
    other = [path for path in folders_in(folder) if path.name not in KNOWN_FOLDERS]
    warn_unread(folder, [*other, *filter(looks_like_picture, photo_files(folder))])
    photos = pd.concat(
        [
            _photos(folder / "train", train["ID"], files["train"], targets),
            _photos(folder / "test", test["ID"], files["test"], pd.Series(pd.NA, index=test.index, dtype="Int64")),
        ],
        ignore_index=True,
    )
    return photos, classes


def _read(path: Path, columns: tuple[str, ...], problems: Problems) -> pd.DataFrame | None:
    """The columns of a CSV as text; None where it cannot be read."""
    if not path.exists():
        problems.add(f"the file {path.name} is missing")
        return None
    try:
        return read_user_table(path, columns)
    except InputError as error:
        problems.add(str(error))
        return None


def _numbers(column: pd.Series) -> pd.Series:
    """Class numbers, missing where the text is no whole number from 0."""
    return pd.Series([parse_target(text) for text in column], index=column.index, dtype="Int64")


def _classes(meta: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    targets, names = _numbers(meta["target"]), meta["class_name"]
    bad = targets.isna()
    problems.add("targets in meta.csv that are not whole numbers from 0", meta.loc[bad, "target"])
    problems.add("targets listed twice in meta.csv", targets[~bad & targets.duplicated()])
    problems.add("targets without a class name in meta.csv", meta.loc[names == "", "target"])
    problems.add("class names listed twice in meta.csv", names[(names != "") & names.map(normal_form).duplicated()])
    check_names(names.drop_duplicates(), "class names", problems)
    if targets[~bad].nunique() < 2:
        problems.add(f"expected at least two classes in meta.csv, but found {targets[~bad].nunique()}")
    good = meta[~bad].assign(target=targets[~bad].astype("int64"))
    return good.sort_values("target", ignore_index=True)[list(CLASSES)]


def _files(folder: Path, problems: Problems) -> dict[str, str]:
    """Names of the photos in the folder as the disk has them, by their normal form."""
    names = [path.name for path in photo_files(folder)]
    check_names(names, f"file names in {folder.name}/", problems)
    return {normal_form(name): name for name in names}


def _check_ids(folder: Path, ids: pd.Series, split: str, files: dict[str, str], problems: Problems) -> None:
    table = "train.csv" if split == "train" else "sample_submission.csv"
    forms = ids.map(normal_form)
    on_disk = [files.get(form, form) for form in forms]
    outside = [name for name in on_disk if not name or climbs_out(name, folder / split)]
    problems.add(f"IDs in {table} that lead out of {split}/", (repr(name) for name in outside))
    problems.add(f"IDs listed twice in {table}", sorted(set(forms[forms.duplicated()])))
    inside = set(forms) - {normal_form(name) for name in outside}
    missing, left = inside - set(files), set(files) - inside
    problems.add(f"IDs in {table} without a file in {split}/{_nearly(missing, left)}", sorted(missing))
    problems.add(f"files in {split}/ without an ID in {table}", sorted(left))
    _check_strays(folder / split, inside, problems)


def _nearly(missing: set[str], left: set[str]) -> str:
    """In what alone IDs without a file differ from files without an ID, where they do."""
    for part, rest in UNLIKE.items():
        if {rest(name) for name in missing} & {rest(name) for name in left}:
            return f" (where only the {part} differs: write the ID as the file is called)"
    return ""


def _check_strays(folder: Path, ids: set[str], problems: Problems) -> None:
    """Photos have no ID where they lie deeper, and cannot be read behind a link that leads nowhere."""
    problems.add(f"folders inside {folder.name}/, whose files have no ID", (path.name for path in folders_in(folder)))
    odd = (path.name for path in no_files(folder) if normal_form(path.name) not in ids)
    problems.add(f"links that lead nowhere, pipes and the like in {folder.name}/", odd)


def _photos(folder: Path, ids: pd.Series, files: dict[str, str], targets: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "image_id": ids.to_numpy(),
            "split": folder.name,
            "path": [str(folder / files[normal_form(name)]) for name in ids],
            "target": targets.to_numpy(),
            "position": range(len(ids)),
        }
    )
    return table.astype({"target": "Int64", "position": "int64"})[list(PHOTOS)]
