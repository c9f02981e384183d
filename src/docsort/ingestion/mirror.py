"""Raw data of an object store, copied to where the results are: every stage after this reads files.

The copy is kept, and an object is fetched again when its version is another. What has gone from the store goes from the
copy, too. The store itself is only read.
"""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from docsort.chunks import chunks
from docsort.errors import InputError, StorageError, listing
from docsort.files import storing, write_atomically
from docsort.ingestion.files import climbs_out, is_ignored
from docsort.remote import RemoteFile, fetch, list_remote
from docsort.stores import Store, fingerprint

TOGETHER = 1024
"""Objects that are fetched before it is noted which they are; what a run that is killed may have fetched in vain."""


def objects_of(url: str) -> dict[str, RemoteFile]:
    """The objects below an address by their name from there, without what operating systems leave behind. Raises
    InputError where there are none, or a name would lead elsewhere, and StorageError for a store that does not answer.
    """
    start = url.rstrip("/") + "/"
    listed = {file.url.removeprefix(start): file for file in list_remote(url) if file.url.startswith(start)}
    outside = [name for name in listed if climbs_out(name, Path("/")) or str(Path(name)) != name]
    if outside:
        raise InputError(f"Expected objects with names of files below {url}, but got {listing(outside)}; rename them.")
    found = {name: file for name, file in listed.items() if not any(map(is_ignored, map(Path, Path(name).parts)))}
    if not found:
        raise InputError(f"Expected raw_dir to be a folder of photos, but nothing is at {url}; correct the address.")
    return found


def mirror(url: str, store: Store) -> Path:
    """The folder of the copy, which is made or brought up to date. Raises as `objects_of` does, and StorageError where
    the disk does not take it or an object vanishes meanwhile."""
    objects, key = objects_of(url), fingerprint("raw data", url)
    folder, note = store.folder(key), store.root / f"{key}.json"
    versions = json.loads(note.read_text()) if note.is_file() else {}
    for name in versions.keys() - objects.keys():
        (folder / name).unlink(missing_ok=True)
    kept = {name: tag for name, tag in versions.items() if name in objects and (folder / name).is_file()}
    missing = [name for name, file in objects.items() if kept.get(name) != file.version]
    for names in chunks(missing, TOGETHER):
        _copy({name: objects[name] for name in names}, folder, store)
        kept |= {name: objects[name].version for name in names}
        write_atomically(note, json.dumps(kept).encode())
    if not missing and kept != versions:
        write_atomically(note, json.dumps(kept).encode())
    _remove_others(folder, set(objects))
    return folder


def _copy(objects: dict[str, RemoteFile], folder: Path, store: Store) -> None:
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=store.root, prefix=".fetched-") as fetched:
            for name, place in zip(objects, fetch(list(objects.values()), Path(fetched)), strict=True):
                if not place.is_file():
                    raise StorageError(
                        f"Expected to read {objects[name]}, but it has vanished or may not be read; put that right, "
                        "then run again; everything fetched is kept."
                    )
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                place.replace(folder / name)


def _remove_others(folder: Path, names: set[str]) -> None:
    """What no object stands for: of a run that was killed, or of one that has gone."""
    with storing(folder):
        for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
            if path.is_file() and path.relative_to(folder).as_posix() not in names:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                shutil.rmtree(path)
