"""Nodes of ingestion. Slow imports come late, so that listing the pipelines costs nothing."""

from pathlib import Path
from typing import Any

import pandas as pd

from docsort.cleaning.ledger import resolve_answers
from docsort.ingestion.layouts import read_layout
from docsort.ingestion.location import locate
from docsort.ingestion.mirror import mirror
from docsort.ingestion.parameters import SourceParameters
from docsort.ingestion.reviewed_pages import add_reviewed_pages
from docsort.remote import is_remote
from docsort.stores import Store
from docsort.tables import ANSWER_LEDGER
from docsort.user_tables import read_user_table
from docsort_sample.parameters import SampleParameters


def locate_raw_data(
    source: SourceParameters, sample: SampleParameters, seed: int, sample_store: Store, raw_store: Store
) -> dict[str, Any]:
    """Checks that the user's folder is there, and copies it here from an object store; with the layout `sample`, draws
    the sample unless it is drawn.
    """
    from docsort.ingestion.sample import ensure_sample

    if source.layout != "sample":
        location = locate(source)
        return location | ({"folder": str(mirror(location["folder"], raw_store))} if is_remote(source.raw_dir) else {})
    return ensure_sample(sample_store, sample, seed)


def list_photos(
    location: dict[str, Any], source: SourceParameters, page_store: Store
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lists every photo with what the layout says of it, pages that a person has judged elsewhere among them, and the
    classes; refuses an answer key of other data.
    """
    from docsort.reporting.answer_key import check_key_fits, read_answer_key

    photos, classes = read_layout(location["layout"], location["folder"], page_store)
    key = read_answer_key(location)
    if key is not None:
        check_key_fits(key, photos, classes)
    ledger = Path(source.reviewed_pages or "").expanduser().absolute()
    rows = read_user_table(ledger, ANSWER_LEDGER) if source.reviewed_pages else pd.DataFrame(columns=[*ANSWER_LEDGER])
    decided = resolve_answers(rows, classes, str(ledger))
    return add_reviewed_pages(photos, classes, decided, ledger, page_store), classes
