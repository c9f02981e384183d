"""Files answered in parts, so that memory stays flat and a run that was killed goes on where it was.

Until the result is whole, the finished parts lie beside it in `.<name>.parts`, each under a fingerprint of the files it
is about and of the ensemble: what has changed since is answered again, all else is used as it is. The result is the
same byte for byte, however often the run was killed.
"""

import shutil
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd

from docsort.chunks import chunks
from docsort.files import write_atomically
from docsort.ingestion.pages import page_digest, split_pages
from docsort.serving.classifier import Classifier
from docsort.serving.results import ABOUT
from docsort.stores import Store, fingerprint

PART = 1024
"""Files that are answered together; what a run that is killed may have done in vain."""

PARTS_VERSION = 2
"""Raise it whenever the same files would give another part."""


def answer_files(
    classifier: Classifier, files: Sequence[Path], place: Path
) -> Iterator[tuple[Path, int, pd.DataFrame]]:
    """Parts in the order of the files, each as soon as it is there: the path of its Parquet file, how many files it is
    about, and its table: ABOUT, `picture` (where the page can be seen), ANSWERS without image_id, and p_<target>.

    place: folder of the parts. Raises StorageError when the disk does not take a part. A page that cannot be read is a
    row with its reason.
    """
    stamp = classifier.ensemble.fingerprint()
    for own in chunks(files, PART):
        part = place / f"{fingerprint(PARTS_VERSION, stamp, [_seen(file) for file in own])}.parquet"
        if not part.is_file():
            buffer = BytesIO()
            _answer(classifier, own, place, stamp).to_parquet(buffer, index=False)
            write_atomically(part, buffer.getvalue())
        yield part, len(own), pd.read_parquet(part)


def parts_folder(result: Path) -> Path:
    """Where the parts of a result lie until it is whole."""
    return result.with_name(f".{result.name}.parts")


def remove_parts(place: Path) -> None:
    """What is not needed once the result is whole."""
    shutil.rmtree(place, ignore_errors=True)


def _answer(classifier: Classifier, files: Sequence[Path], place: Path, stamp: str) -> pd.DataFrame:
    names = [str(file) for file in files]
    photos = pd.DataFrame({"image_id": names, "path": [str(file.absolute()) for file in files], "file": names})
    pages = split_pages(photos, Store((place / "pages").absolute()))  # workers may stand elsewhere
    paths, ids = pages["path"].tolist(), pages["image_id"].tolist()
    # in workers however few they are: nobody has decoded these pages before, and one may kill its process
    answers = classifier.predict(paths, ids, in_workers=True).drop(columns="image_id")
    about = pages.rename(columns={"image_id": "page", "path": "picture"})
    about = about.assign(sha256=list(map(page_digest, paths)), ensemble=stamp)[[*ABOUT, "picture"]]
    return pd.concat([about.reset_index(drop=True), answers], axis=1)


def _seen(file: Path) -> list[object]:
    """What tells whether a file is still the one that was answered."""
    try:
        stamp = file.stat()
    except OSError:  # told where it is read
        return [str(file), None]
    return [str(file), stamp.st_size, stamp.st_mtime_ns]
