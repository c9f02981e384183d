"""Which files of a folder count as photos, which ids may name one, and what is not read."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from docsort.errors import listing
from docsort.images.formats import SUFFIXES, is_pdf, is_picture

IGNORED_NAMES = {
    *("thumbs.db", "desktop.ini", "icon\r"),
    *("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found"),
}
"""Files and folders that operating systems, archivers and network drives leave behind, in lower case; hidden ones,
which begin with a dot, are ignored as well. docs/data.md has the list for users."""

_log = logging.getLogger(__name__)


def photo_files(folder: Path) -> list[Path]:
    """Files directly in the folder, sorted by name, without what operating systems leave behind."""
    return [path for path in _entries(folder) if path.is_file()]


def folders_in(folder: Path) -> list[Path]:
    """Folders directly in the folder, sorted by name, without what operating systems leave behind."""
    return [path for path in _entries(folder) if path.is_dir()]


def no_files(folder: Path) -> list[Path]:
    """What is neither file nor folder: links that lead nowhere or to themselves, pipes, sockets, devices."""
    return [path for path in _entries(folder) if not path.is_file() and not path.is_dir()]


def is_ignored(path: Path) -> bool:
    """Hidden, or left behind by an operating system."""
    return path.name.startswith(".") or path.name.lower() in IGNORED_NAMES


def looks_like_picture(path: Path) -> bool:
    """By its name, or by its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as file:
        start = file.read(1024)
    return is_picture(start) or is_pdf(start)


def warn_unread(folder: Path, paths: Iterable[Path]) -> None:
    """One warning that names what is there and not read, if anything is."""
    names = [path.relative_to(folder).as_posix() + ("/" if path.is_dir() else "") for path in paths]
    if names:
        _log.warning("Not read in %s: %s", folder, listing(names))


def climbs_out(name: str, folder: Path) -> bool:
    """Whether an id would reach a file outside the folder: by `..`, an absolute path, a drive, or a symbolic link."""
    if "\0" in name or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return True
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or PureWindowsPath(name).root:
        return True
    # not Path.resolve: it raises for a link that leads to itself
    return not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder))


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not is_ignored(path)) if folder.is_dir() else []
