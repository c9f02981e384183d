"""Which files of a folder count as photos, and which ids may name one."""

from pathlib import Path, PurePosixPath, PureWindowsPath

IGNORED_NAMES = {"thumbs.db", "desktop.ini"}
"""What operating systems leave behind; hidden files are ignored as well."""


def photo_files(folder: Path) -> list[Path]:
    """Files directly in the folder, sorted by name, without what operating systems leave behind."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not is_ignored(path))


def is_ignored(path: Path) -> bool:
    """Hidden, or left behind by an operating system."""
    return path.name.startswith(".") or path.name.lower() in IGNORED_NAMES


def climbs_out(name: str, folder: Path) -> bool:
    """Whether an id would reach a file outside the folder: by `..`, an absolute path, a drive, or a symbolic link."""
    if "\0" in name or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return True
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or PureWindowsPath(name).root:
        return True
    return not (folder / name).resolve().is_relative_to(folder.resolve())
