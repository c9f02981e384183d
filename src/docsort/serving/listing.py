"""Which files a person means by the paths of a command line."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from docsort.errors import InputError, listing
from docsort.images.formats import SUFFIXES
from docsort.remote import RemoteFile, is_glob, is_remote, list_remote

PhotoFile = Path | RemoteFile
"""Here or in an object store; its text is what it is called."""


def list_all(paths: Iterable[str]) -> list[PhotoFile]:
    """`list_files` of those that are paths, and the same of those that are addresses (`s3://bucket/folder`), where a
    glob is not looked at for hidden names. Raises StorageError for a store that does not answer."""
    found: dict[PhotoFile, None] = {}
    problems = []
    for text in paths:
        try:
            found |= dict.fromkeys(_remote_files(text) if is_remote(text) else list_files([text]))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return list(found)


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
    elif is_glob(str(path)):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if Path(match).is_file():
                yield Path(match)


def _pictures_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield Path(place) / name


def _remote_files(url: str) -> list[RemoteFile]:
    """Raises InputError where nothing is there."""
    listed = list_remote(url)
    if not listed:
        raise InputError(f"Expected {url} to be an object, a folder of objects or a glob, but nothing is there.")
    if is_glob(url) or [file.url for file in listed] == [url]:
        return listed
    below = url.rstrip("/").count("/") + 1  # what is hidden above is named
    found = [file for file in listed if _is_picture(file.url.split("/")[below:])]
    if not found:
        raise InputError(_no_pictures(url))
    return found


def _is_picture(parts: list[str]) -> bool:
    return not any(part.startswith(".") for part in parts) and parts[-1].lower().endswith(SUFFIXES)


def _no_pictures(text: str) -> str:
    return f"Expected pictures in {text} (names that end in {listing(SUFFIXES, 6)}), but there are none."


def _unreadable(error: OSError) -> None:
    raise InputError(f"Expected {error.filename} to be a folder that can be read, but {error.strerror}.") from error


def _why_nothing(path: Path, text: str) -> str:
    if path.is_dir():
        return _no_pictures(text)
    if is_glob(text):
        return f"Expected {text} to match some file, but it matches none."
    return f"Expected {text} to be a file or a folder, but nothing is there."
