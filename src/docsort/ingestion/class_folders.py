"""The layout with one folder per class.

    <class name>/photo.jpg                        or   train/<class name>/photo.jpg
    test/photo.jpg  (if there is a test set)

Classes are numbered from 0 by name, or in their own order where all names are whole numbers. The id of a training
photo is its path from the folder of classes, of a test photo its path from `test/`. Files of several pages are taken
apart afterwards, see `ingestion.pages`.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from docsort.errors import listing
from docsort.ingestion.files import climbs_out, folders_in, looks_like_picture, no_files, photo_files, warn_unread
from docsort.ingestion.names import check_names
from docsort.ingestion.problems import Problems
from docsort.labels import parse_target
from docsort.tables import CLASSES, PHOTOS

log = logging.getLogger(__name__)


def read_class_folders(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables PHOTOS and CLASSES; raises one InputError with all that is wrong."""
    problems = Problems(folder)
    root = folder / "train" if (folder / "train").is_dir() else folder
    names = _in_order(path.name for path in folders_in(root) if not (root == folder and path.name == "test"))
    check_names(names, "class folders", problems)
    if len(names) < 2:
        problems.add(f"expected a folder for each of at least two classes in {root}, but found {len(names)}")
    files = {name: photo_files(root / name) for name in names}
    problems.add("class folders with fewer than two photos", (name for name in names if _is_too_small(files[name])))
    _add_strays([*(root / name for name in names), folder / "test"], folder, problems)
    rows: list[tuple[str, str, Path, object]] = []
    for target, name in enumerate(names):
        rows += [(f"{name}/{path.name}", "train", path, target) for path in files[name]]
    rows += [(path.name, "test", path, pd.NA) for path in photo_files(folder / "test")]
    check_names((row[0] for row in rows), "photos", problems)
    problems.add("photos that link to a file outside the folder", (row[0] for row in rows if _leaves(row[2], folder)))
    beside = list(dict.fromkeys([*photo_files(root), *photo_files(folder)]))
    problems.add("files beside the class folders, so of no class", _named(filter(looks_like_picture, beside), folder))
    problems.raise_if_any()
    other = folders_in(folder) if root != folder else []
    warn_unread(folder, [*beside, *(path for path in other if path.name not in ("train", "test"))])
    photos = pd.DataFrame(rows, columns=["image_id", "split", "path", "target"])
    photos["position"] = photos.groupby("split").cumcount()
    photos = photos.assign(path=photos["path"].map(str)).astype({"target": "Int64", "position": "int64"})
    classes = pd.DataFrame({"target": range(len(names)), "class_name": names})
    return photos[list(PHOTOS)], classes[list(CLASSES)]


def _in_order(folders: Iterable[str]) -> list[str]:
    """Class folders by name; by number where all are whole numbers, since 10 stands before 2 by name."""
    names = sorted(folders)
    numbers = [parse_target(name) for name in names]
    if None in numbers:
        return names
    ordered = [name for _, name in sorted(zip(numbers, names, strict=True))]
    told = listing((f"target {target} is folder {name}" for target, name in enumerate(ordered)), limit=20)
    log.info("The class folders are whole numbers and are taken in their order: %s.", told)
    return ordered


def _add_strays(folders: list[Path], folder: Path, problems: Problems) -> None:
    """What is no photo where only photos are expected: passing it over would lose what is in it."""
    nested = [path for parent in folders for path in folders_in(parent)]
    problems.add("folders inside a class folder or test/", _named(nested, folder))
    problems.add(
        "links that lead nowhere, pipes and the like among the photos",
        _named((path for parent in folders for path in no_files(parent)), folder),
    )


def _is_too_small(files: list[Path]) -> bool:
    """Fewer than two files, unless the one may have several pages, which are counted when it is read."""
    return len(files) < 2 and not any(path.suffix.lower() in (".pdf", ".tif", ".tiff") for path in files)


def _named(paths: Iterable[Path], folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _leaves(path: Path, folder: Path) -> bool:
    return climbs_out(path.relative_to(folder).as_posix(), folder)
