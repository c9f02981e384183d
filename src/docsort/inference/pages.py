"""Which pages are predicted, as the table that `prediction.predict` reads."""

import pandas as pd

from docsort.tables import PREDICTION_KEYS, TEST_RENDERS, VIEW_KEYS, check_columns

PAGES = (*(key for key in PREDICTION_KEYS if key not in ("model", *VIEW_KEYS)), "path")
"""Columns that a table of pages has at least: the keys of a prediction but for model, turn and scale, and where the
page lies. Validation renders have them once `source_id` is called `image_id`."""


def test_pages(test_renders: pd.DataFrame, fold: int) -> pd.DataFrame:
    """A table TEST_RENDERS as pages for the model of one fold, in its order. A page's render_id is its image's id."""
    check_columns(test_renders, TEST_RENDERS, "test_renders")
    test = test_renders.rename(columns={"source_id": "image_id"}).reset_index(drop=True)
    pages = test[["image_id", "path"]].assign(
        fold=fold,
        group=test["image_id"],
        label=pd.array([pd.NA] * len(test), dtype="Int64"),
        render_id=test["image_id"],
        view="test",
        copy=0,
    )
    return pages[list(PAGES)]
