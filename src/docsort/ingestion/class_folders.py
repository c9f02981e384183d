"""The layout with one folder per class.

    <class name>/photo.jpg                        or   train/<class name>/photo.jpg
    test/photo.jpg  (if there is a test set)

Classes are numbered from 0 by name. The id of a training photo is its path from the folder of classes, of a test photo
its path from `test/`.
"""

from pathlib import Path

import pandas as pd

from docsort.ingestion.files import climbs_out, is_ignored, photo_files
from docsort.ingestion.problems import Problems
from docsort.tables import CLASSES, PHOTOS


def read_class_folders(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables PHOTOS and CLASSES; raises one InputError with all that is wrong."""
    problems = Problems(folder)
    root = folder / "train" if (folder / "train").is_dir() else folder
    names = sorted(
        path.name
        for path in root.iterdir()
        if path.is_dir() and not is_ignored(path) and not (root == folder and path.name == "test")
    )
    if len(names) < 2:
        problems.add(f"expected a folder for each of at least two classes in {root}, but found {len(names)}")
    files = {name: photo_files(root / name) for name in names}
    problems.add("class folders with fewer than two photos", (name for name in names if len(files[name]) < 2))
    problems.add("folders inside a class folder or test/", _nested([root / name for name in names], folder))
    rows: list[tuple[str, str, Path, object]] = []
    for target, name in enumerate(names):
        rows += [(f"{name}/{path.name}", "train", path, target) for path in files[name]]
    rows += [(path.name, "test", path, pd.NA) for path in photo_files(folder / "test")]
    problems.add("photos that link to a file outside the folder", (row[0] for row in rows if _leaves(row[2], folder)))
    problems.add("files beside the class folders, so of no class", (path.name for path in photo_files(root)))
    problems.raise_if_any()
    photos = pd.DataFrame(rows, columns=["image_id", "split", "path", "target"])
    photos["position"] = photos.groupby("split").cumcount()
    photos = photos.assign(path=photos["path"].map(str)).astype({"target": "Int64", "position": "int64"})
    classes = pd.DataFrame({"target": range(len(names)), "class_name": names})
    return photos[list(PHOTOS)], classes[list(CLASSES)]


def _nested(folders: list[Path], folder: Path) -> list[str]:
    """Folders where only photos are expected: passing them over would lose what is in them."""
    parents = [*folders, folder / "test"]
    found = (path for parent in parents if parent.is_dir() for path in parent.iterdir() if path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found if not is_ignored(path))


def _leaves(path: Path, folder: Path) -> bool:
    return climbs_out(path.relative_to(folder).as_posix(), folder)
