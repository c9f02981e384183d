"""Which files a person means by the paths of a command line."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from docsort.errors import InputError, listing
from docsort.images.formats import SUFFIXES

GLOB_SIGNS = "*?["


def list_files(paths: Iterable[str]) -> list[Path]:
    """Files, those of folders and of the folders below them whose names end as pictures do, and what globs stand for
    (`**`: any folders), each once, in the order of the paths, within a folder by name.

    Hidden files and folders within a folder are left out. Raises InputError, all problems together, for a path that is
    not there and for a glob or a folder that holds nothing; a file that is named is taken whatever it is called.
    """
    found: dict[Path, None] = {}
    problems = []
    for text in paths:
        path = Path(text).expanduser()
        files = list(_files_of(path))
        found |= dict.fromkeys(files)
        if not files:
            problems.append(_why_nothing(path, text))
    if problems:
        raise InputError("\n".join(problems))
    return list(found)


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from _pictures_below(path)
    elif path.exists():
        yield path
    elif any(sign in str(path) for sign in GLOB_SIGNS):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if Path(match).is_file():
                yield Path(match)


def _pictures_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield Path(place) / name


def _unreadable(error: OSError) -> None:
    raise InputError(f"Expected {error.filename} to be a folder that can be read, but {error.strerror}.") from error


def _why_nothing(path: Path, text: str) -> str:
    if path.is_dir():
        return f"Expected pictures in {text} (names that end in {listing(SUFFIXES, 6)}), but there are none."
    if any(sign in text for sign in GLOB_SIGNS):
        return f"Expected {text} to match some file, but it matches none."
    return f"Expected {text} to be a file or a folder, but nothing is there."
