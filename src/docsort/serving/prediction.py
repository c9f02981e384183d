"""Files answered in parts, so that memory stays flat and a run that was killed goes on where it was.

Until the result is whole, the finished parts lie beside it in `.<name>.parts`, each under a fingerprint of the files it
is about and of the ensemble: what has changed since is answered again, all else is used as it is. The result is the
same byte for byte, however often the run was killed. Files and result may lie in an object store (`docsort.remote`);
what is fetched of it lies on the disk for two parts at most.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from docsort.chunks import chunks, one_ahead
from docsort.files import write_atomically
from docsort.ingestion.pages import page_digest, split_pages
from docsort.remote import Place, RemoteFile, fetch, is_remote, reaching
from docsort.serving.classifier import Classifier
from docsort.serving.listing import PhotoFile
from docsort.serving.results import ABOUT, read_part
from docsort.stores import Store, fingerprint

PART = 1024
"""Files that are answered together; what a run that is killed may have done in vain."""

PARTS_VERSION = 2
"""Raise it whenever the same files would give another part."""


@dataclass(frozen=True)
class Part:
    """Some of the files, and where their answers go: a Parquet file that is there whole or not at all."""

    path: Place
    files: Sequence[PhotoFile]


def answer_files(
    classifier: Classifier, files: Sequence[PhotoFile], place: Place
) -> Iterator[tuple[Place, int, pd.DataFrame]]:
    """Parts in the order of the files, each as soon as it is there: the path of its Parquet file, how many files it is
    about, and its table: ABOUT, `picture` (where the page can be seen; what was fetched no longer can), ANSWERS without
    image_id, and p_<target>.

    place: folder of the parts. Raises StorageError when the disk or store does not take a part. A page that cannot be
    read is a row with its reason.
    """
    with TemporaryDirectory(prefix="docsort-fetched-") as fetched:
        coming = one_ahead(lambda part: (part, fetch_part(part, Path(fetched))), parts_of(classifier, files, place))
        for part, own in coming:
            if own is not None:
                answer_part(classifier, part, own)
            yield part.path, len(part.files), read_part(part.path)


def parts_of(classifier: Classifier, files: Sequence[PhotoFile], place: Place) -> Iterator[Part]:
    """The parts of a result, in the order of the files."""
    stamp = classifier.ensemble.fingerprint()
    for own in chunks(files, PART):
        yield Part(place / f"{fingerprint(PARTS_VERSION, stamp, [_seen(file) for file in own])}.parquet", own)


def fetch_part(part: Part, folder: Path) -> "Fetched | None":
    """Copies what is in a store to a folder of its own below this one; nothing where the part is answered already."""
    if is_there(part.path):
        return None
    own = folder / part.path.stem
    remote = [file for file in part.files if isinstance(file, RemoteFile)]
    if remote:
        own.mkdir()
    places = iter(fetch(remote, own))
    return Fetched(own, [next(places) if isinstance(file, RemoteFile) else file.absolute() for file in part.files])


@dataclass(frozen=True)
class Fetched:
    """folder: of what was copied, there only if something was; paths: where each file of a part can be read."""

    folder: Path
    paths: Sequence[Path]


def answer_part(classifier: Classifier, part: Part, fetched: Fetched) -> int:
    """Answers and stores a part, and removes what was fetched. Returns how many pages it has."""
    with _pages_folder(part.path.parent) as pages:
        table = _answer(classifier, part, fetched, Path(pages))
    buffer = BytesIO()
    table.to_parquet(buffer, index=False)
    if isinstance(part.path, Path):
        write_atomically(part.path, buffer.getvalue())
    else:
        with reaching(str(part.path)):
            part.path.write_bytes(buffer.getvalue())
    shutil.rmtree(fetched.folder, ignore_errors=True)
    return len(table)


def is_there(path: Place) -> bool:
    """Whether this part is answered. Raises StorageError for a store that does not answer."""
    if isinstance(path, Path):
        return path.is_file()
    with reaching(str(path)):
        return path.is_file()


def parts_folder(result: Place) -> Place:
    """Where the parts of a result lie until it is whole."""
    return result.with_name(f".{result.name}.parts")


def remove_parts(place: Place) -> None:
    """What is not needed once the result is whole."""
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
    else:
        with reaching(str(place)):
            place.fs.rm(place.path, recursive=True)


def _pages_folder(place: Place) -> AbstractContextManager[str | Path]:
    """For the pictures of pages of PDF and TIFF files: kept beside the parts, unless these are in a store."""
    return nullcontext(place / "pages") if isinstance(place, Path) else TemporaryDirectory(prefix="docsort-pages-")


def _answer(classifier: Classifier, part: Part, fetched: Fetched, store: Path) -> pd.DataFrame:
    names = [str(file) for file in part.files]
    photos = pd.DataFrame({"image_id": names, "path": list(map(str, fetched.paths)), "file": names})
    pages = split_pages(photos, Store(store.absolute()))  # workers may stand elsewhere
    paths, ids = pages["path"].tolist(), pages["image_id"].tolist()
    # in workers however few they are: nobody has decoded these pages before, and one may kill its process
    answers = classifier.predict(paths, ids, in_workers=True).drop(columns="image_id")
    about = pages.rename(columns={"image_id": "page", "path": "picture"})
    stamp = classifier.ensemble.fingerprint()
    about = about.assign(sha256=list(map(page_digest, paths)), ensemble=stamp)[[*ABOUT, "picture"]]
    table = pd.concat([about.reset_index(drop=True), answers], axis=1)
    return _named(table, part, fetched, store)


def _named(table: pd.DataFrame, part: Part, fetched: Fetched, store: Path) -> pd.DataFrame:
    """Reasons that name files as they are called, not where they were for a while."""
    copied = re.compile(re.escape(str(fetched.folder)) + r"/(\d+)")
    remote = [file for file in part.files if isinstance(file, RemoteFile)]
    why = table["why"].map(lambda text: copied.sub(lambda found: remote[int(found[1])].url, text))
    if is_remote(part.path):
        why = why.str.replace(f"{store.absolute()}/", "", regex=False)
    return table.assign(why=why)


def _seen(file: PhotoFile) -> list[object]:
    """What tells whether a file is still the one that was answered."""
    if isinstance(file, RemoteFile):
        return [file.url, file.version]
    try:
        stamp = file.stat()
    except OSError:  # told where it is read
        return [str(file), None]
    return [str(file), stamp.st_size, stamp.st_mtime_ns]
