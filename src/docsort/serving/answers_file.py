"""The answers that `docsort predict` has left in a file, read again a part at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from docsort.errors import InputError
from docsort.files import reading
from docsort.ingestion.pages import split_pages
from docsort.serving.results import WRITERS
from docsort.stores import Store

PART = 4096
"""Rows that are read together."""

NEEDED = ("page", "file", "confidence", "novelty")
TEXTS = ("page", "file", "class_name", "why")


def read_answers(path: Path, targets: Sequence[int]) -> Iterator[pd.DataFrame]:
    """Parts of the table, in its order. targets: class numbers of the ensemble that is to have answered.

    Raises InputError for a file of another kind, without the columns of answers, or with other classes; StorageError
    where it cannot be read.
    """
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"Expected answers in a file that ends in {', '.join(WRITERS)}, but got {path}.")
    with reading(path):
        try:
            for part in _parts(path):
                _check(part, path, targets)
                yield part.reset_index(drop=True)
        except (ValueError, pd.errors.ParserError) as error:
            raise InputError(
                f"Expected {path} to hold answers as `docsort predict` writes them, but {error}."
            ) from error


def _parts(path: Path) -> Iterator[pd.DataFrame]:
    kind = path.suffix.lower()
    if kind == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(batch_size=PART):
            yield batch.to_pandas()
    elif kind == ".jsonl":
        yield from pd.read_json(path, lines=True, chunksize=PART, dtype=dict.fromkeys(TEXTS, str))
    else:
        types = dict.fromkeys(TEXTS, "string")
        yield from pd.read_csv(path, chunksize=PART, dtype=types, keep_default_na=False, na_values=[""])


def _check(part: pd.DataFrame, path: Path, targets: Sequence[int]) -> None:
    wanted = [*NEEDED, *(f"p_{target}" for target in targets)]
    missing = [name for name in wanted if name not in part.columns]
    others = [name for name in part.columns if name.startswith("p_") and name not in wanted]
    if missing or others:
        found = f"{missing[0]} is missing" if missing else f"{others[0]} is of no class of it"
        raise InputError(
            f"Expected {path} to hold answers of this ensemble, but {found}; name the ensemble that has answered, or "
            "answer the pages again."
        )


def with_pictures(answers: pd.DataFrame, place: Path) -> pd.DataFrame:
    """The answers with the column `picture`: where each page can be seen, empty where it no longer can.

    place: folder for the pages of files of several.
    """
    several = answers.loc[answers["page"] != answers["file"], "file"].drop_duplicates()
    photos = pd.DataFrame({"image_id": several, "path": [str(Path(file).absolute()) for file in several]})
    pages = split_pages(photos, Store(place.absolute())) if len(photos) else photos
    places = dict(zip(pages["image_id"], pages["path"], strict=True))
    named = zip(answers["page"], answers["file"], strict=True)
    return answers.assign(picture=[file if page == file else places.get(page, "") for page, file in named])
