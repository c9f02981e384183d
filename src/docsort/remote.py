"""Files in an object store: `s3://bucket/key`, and every other address that fsspec has a file system for.

Keys and endpoints are never ours: each store takes them from where its own tools do (for S3 the environment variables
AWS_…, ~/.aws, or the role of the machine). What is fetched lies in a folder of the caller, who removes it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from docsort.errors import InputError, StorageError

if TYPE_CHECKING:
    from upath import UPath

Place: TypeAlias = "Path | UPath"
"""Of a file or folder: here, or in a store."""

AT_ONCE = 32
"""Objects that are fetched side by side: one by one, most of the time would be spent waiting for the store."""

GLOB_SIGNS = "*?["


@dataclass(frozen=True)
class RemoteFile:
    """An object; version: its ETag, or where the store has none its size and time of change."""

    url: str
    version: str

    def __str__(self) -> str:
        return self.url


def is_glob(path: str) -> bool:
    """Whether it stands for other names."""
    return any(sign in path for sign in GLOB_SIGNS)


def is_remote(path: object) -> bool:
    """Whether it is an address (`s3://…`) and no path of this machine."""
    return "://" in str(path)


def remote_path(url: str) -> "UPath":
    """The address with the methods of a Path. Raises InputError where the package that reads such addresses is
    missing, or nobody knows them."""
    try:
        from upath import UPath

        path = UPath(url)
        path.fs  # noqa: B018 (imports the package of the store)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"Expected a store that can be reached by {url}, but {error}; install Docsort with its extra `s3` "
            "(`uv sync --extra s3`), for another store the fsspec package of it as well."
        ) from error
    return path


def list_remote(url: str) -> list[RemoteFile]:
    """The object of this name, all below this folder, or those that a glob stands for, files of a folder before those
    of the folders in it, by name. Empty where nothing is there; raises InputError, and StorageError for a store that
    does not answer."""
    path = remote_path(url)
    path.fs.invalidate_cache()  # of earlier listings, which would hide what others have written since
    with reaching(url):
        try:
            look = path.fs.glob if is_glob(path.path) and not path.fs.exists(path.path) else path.fs.find
            found = look(path.path, detail=True)
        except FileNotFoundError:  # not even the bucket
            return []
    path.fs.invalidate_cache()  # which would hold a million facts
    # browsers of buckets make empty objects called `folder/`
    files = [(name, facts) for name, facts in found.items() if facts["type"] == "file" and not name.endswith("/")]
    return [
        RemoteFile(f"{path.protocol}://{name}", _version(facts))
        for name, facts in sorted(files, key=lambda file: _as_folders_go(file[0]))
    ]


def fetch(files: Sequence[RemoteFile], folder: Path) -> list[Path]:
    """Copies objects into the folder, each under its number; their places, in order. One that has vanished or may not
    be read is absent there, which whoever reads it tells. Raises StorageError for a store that does not answer."""
    places = [folder / str(number) for number in range(len(files))]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(_fetch, files, places))
    return places


def upload(file: Path, to: "UPath") -> None:
    """Stores a file whole or not at all. Raises StorageError."""
    with reaching(str(to)):
        to.fs.put_file(str(file), to.path)


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turns what a store or the way to it refuses into one sentence, a StorageError; nothing there is no refusal."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # each store has its own kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StorageError(
            f"Expected to reach {url}, but got: {reason}; look at the address, the keys and the network, then run "
            "again; everything finished is kept and used."
        ) from error


def _fetch(file: RemoteFile, place: Path) -> None:
    path = remote_path(file.url)
    try:
        with reaching(file.url):
            path.fs.get_file(path.path, str(place))
    except FileNotFoundError:
        place.unlink(missing_ok=True)
    except StorageError as error:
        place.unlink(missing_ok=True)
        if not isinstance(error.__cause__, PermissionError):
            raise


def _version(facts: dict[str, Any]) -> str:
    tag = facts.get("ETag") or facts.get("etag")
    changed = facts.get("mtime") or facts.get("LastModified") or facts.get("created")
    return str(tag) if tag else f"{facts.get('size')}-{changed}"


def _as_folders_go(name: str) -> list[tuple[bool, str]]:
    """What sorts as a walk through folders does: files first, then folders, both by name."""
    *folders, file = PurePosixPath(name).parts
    return [*((True, folder) for folder in folders), (False, file)]
