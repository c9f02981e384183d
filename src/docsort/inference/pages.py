"""Which pages are predicted, as the table that `prediction.predict` reads."""

import pandas as pd

from docsort.tables import PHOTOS, PREDICTION_KEYS, check_columns

PAGES = (*(key for key in PREDICTION_KEYS if key not in ("model", "turn")), "path")
"""Columns that a table of pages has at least: the keys of a prediction but for model and turn, and where the page lies.
Validation renders have them once `source_id` is called `image_id`."""


def test_pages(images: pd.DataFrame, fold: int) -> pd.DataFrame:
    """The test images of a table PHOTOS or IMAGES as pages for the model of one fold, in their order."""
    check_columns(images, PHOTOS, "images")
    test = images[images["split"] == "test"].reset_index(drop=True)
    pages = test[["image_id", "path"]].assign(
        fold=fold,
        group=test["image_id"],
        label=pd.array([pd.NA] * len(test), dtype="Int64"),
        render_id=test["image_id"],
        view="test",
        copy=0,
    )
    return pages[list(PAGES)]
