"""Files written whole or not at all, and one sentence where a disk does not take them or give them back.

What is being written is called `.<name>.<machine>.<process>-<number>.partial`. Such a file is never read. A later write
to the folder removes those whose process has died, on this machine: of another one that shares the folder nobody here
can tell.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path

from docsort.errors import StorageError
from docsort.process_names import machine_name

PARTIAL = re.compile(r"\..+\.([0-9a-f]{8})\.(\d+)-\d+\.partial")

REASONS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your quota on the disk is used up: free some space",
    errno.EROFS: "the file system is read-only: choose another `data_root`",
    errno.EACCES: "permission is denied: make it writable, or choose another `data_root`",
    errno.EPERM: "it is not permitted: make it writable, or choose another `data_root`",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter `data_root`",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.EIO: "the disk reports an error: check it, or choose another `data_root`",
    errno.EEXIST: "a file stands where a folder is needed: move it away",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away",
    errno.EISDIR: "a folder stands where a file is needed: move it away",
}
"""What to do, by why the system refuses."""

IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)

_numbers = count()
_swept: set[Path] = set()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, also after a crash. Raises StorageError."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent not in _swept:
            _swept.add(path.parent)
            remove_partials(path.parent)
        with partial_of(path) as partial:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns what the system refuses while `path` is written into one sentence, a StorageError."""
    try:
        yield
    except OSError as error:
        reason = REASONS.get(error.errno or 0, f"{error.strerror or error}: put that right")
        if error.errno in IN_THE_WAY:
            place = Path(error.filename2 or error.filename or path)
            reason += f" ({next(each for each in (place, *place.parents) if each.exists())})"
        raise StorageError(
            f"Expected to write {path}, but {reason}, then run again; everything finished is kept and used."
        ) from error


@contextmanager
def partial_of(path: Path) -> Iterator[Path]:
    """A name beside `path` for what is to be renamed to it; what bears it is removed where that does not happen."""
    short = path.name[:40]  # or a long name would be too long with all that follows
    partial = path.with_name(f".{short}.{_machine()}.{os.getpid()}-{next(_numbers)}.partial")
    try:
        yield partial
    except BaseException:
        _remove(partial)  # on a full disk it would keep the space that is asked to be freed
        raise


def read_file(path: Path) -> bytes:
    """Raises StorageError where it cannot be read."""
    with reading(path):
        return path.read_bytes()


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turns what the system refuses while `path` is read into one sentence, a StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Expected to read {path}, but got: {error.strerror or error}; make it readable, or run the pipeline that "
            "writes it again."
        ) from error


def remove_partials(folder: Path, pattern: str = ".*.partial") -> None:
    """Removes what killed processes of this machine left there; what still lives keeps its own."""
    for partial in folder.glob(pattern):
        found = PARTIAL.fullmatch(partial.name)
        if found and found[1] == _machine() and not _lives(int(found[2])):
            _remove(partial)


def _remove(partial: Path) -> None:
    with suppress(OSError):
        if partial.is_dir() and not partial.is_symlink():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@cache
def _machine() -> str:
    """Of this machine: a process number means nothing outside."""
    return sha256(machine_name().encode()).hexdigest()[:8]
