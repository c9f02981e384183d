"""Pages that a person has judged, found again by what they hold, and joined to the training photos.

They are learnt from and judge nothing: people look at the pages that a model is unsure of, so a score on these would be
of harder pages than the test images are. The tables that pages go to say so in the column ORIGIN.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from docsort.errors import InputError, listing
from docsort.ingestion.names import check_names
from docsort.ingestion.pages import page_digest, split_pages
from docsort.ingestion.problems import Problems
from docsort.stores import Store
from docsort.tables import ORIGIN, RAW, REVIEWED

log = logging.getLogger(__name__)


def find_pages(files: Iterable[str], store: Store) -> dict[str, str]:
    """Where the pages of these files can be seen, by the SHA-256 of each; files that are gone have none."""
    named = (str(Path(file).absolute()) for file in dict.fromkeys(files) if file)  # workers may stand elsewhere
    there = [file for file in named if Path(file).is_file()]
    pages = split_pages(pd.DataFrame({"image_id": there, "path": there}), store) if there else pd.DataFrame()
    paths = [*there, *pages.get("path", [])]
    return {page_digest(path): path for path in paths if page_digest(path)}


def add_reviewed_pages(
    photos: pd.DataFrame, classes: pd.DataFrame, decided: pd.DataFrame, ledger: Path, store: Store
) -> pd.DataFrame:
    """The listing (table PHOTOS) with a column ORIGIN and, as training photos, the pages whose class a person named.

    decided: `cleaning.ledger.resolve_answers` of the file `ledger`. Their ids begin with "reviewed/". Raises InputError
    naming those that are not where they were, or are not what they were.
    """
    listed = photos.assign(**{ORIGIN: RAW})
    judged = decided[decided["answer"].notna()]
    if decided.empty:
        return listed
    pages = find_pages(judged["file"], store)
    gone = judged.loc[~judged["sha256"].isin(list(pages)), "file"]
    if len(gone):
        raise InputError(
            f"Expected the pages that {ledger} has decisions on to be where they were judged, as they were, but "
            f"{len(gone)} are not: {listing(gone)}; put them back, or take their rows out of it."
        )
    names = judged["image_id"].map(lambda name: Path(name).name)
    joining = pd.DataFrame(
        {
            "image_id": "reviewed/" + judged["sha256"].str[:12] + "/" + names,
            "split": "train",
            "path": judged["sha256"].map(pages),
            "target": judged["answer"],
            "position": range(len(photos), len(photos) + len(judged)),
            ORIGIN: REVIEWED,
        }
    )
    problems = Problems(ledger)
    check_names(joining["image_id"], "names of judged pages", problems)
    problems.raise_if_any()
    _tell(joining, classes, len(decided) - len(judged), ledger)
    return pd.concat([listed, joining], ignore_index=True).astype({"target": "Int64", "position": "int64"})


def _tell(joining: pd.DataFrame, classes: pd.DataFrame, others: int, ledger: Path) -> None:
    names = dict(zip(classes["target"], classes["class_name"], strict=True))
    counts = joining["target"].value_counts().sort_index()
    told = listing((f"{count} {names[target]}" for target, count in counts.items()), limit=100)
    rest = f"; {others} of no class or undecided do not" if others else ""
    log.info("%d pages that were judged in %s join the training photos: %s%s.", len(joining), ledger, told, rest)
