"""Pictures of mistakes: validation pages that the run gets wrong, the surest mistakes first.

A sure mistake is worth a person's look: it is a wrong label, a class that cannot be told, or a thing to be learnt.
"""

from collections.abc import Mapping

import pandas as pd
from PIL import Image

from docsort.errors import InputError, listing
from docsort.images.contact_sheet import contact_sheet
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.tables import VALIDATION_RENDERS, check_columns

COLUMNS, CELL = 4, 270
"""Pages in a row, and the side of one, pixels."""

LONGEST_NAME = 16
"""Characters of a class name in a caption. Pillow's own font has no arrow, hence "->"."""


def list_misclassified(
    oof_votes: pd.DataFrame, validation_renders: pd.DataFrame, limit: int, view: str = "test_like"
) -> pd.DataFrame:
    """The surest wrong answers: columns render_id, image_id, label, predicted, confidence, path, at most `limit` rows.

    Each source stands there once, with the render that the run is surest about.
    """
    check_columns(validation_renders, VALIDATION_RENDERS, "validation_renders")
    wrong = oof_votes[(oof_votes["view"] == view) & (oof_votes["predicted"] != oof_votes["label"])]
    wrong = wrong.sort_values(["confidence", "render_id"], ascending=[False, True], kind="stable")
    wrong = wrong.drop_duplicates("image_id").head(limit)
    paths = validation_renders.loc[validation_renders["view"] == view].set_index("render_id")["path"]
    missing = wrong.loc[~wrong["render_id"].isin(paths.index), "render_id"]
    if len(missing):
        raise InputError(
            f"Expected every predicted page in the validation renders, but {listing(missing)} is not; the predictions "
            "belong to other renders: predict again."
        )
    found = wrong.assign(path=wrong["render_id"].map(paths))
    return found[["render_id", "image_id", "label", "predicted", "confidence", "path"]].reset_index(drop=True)


def draw_gallery(pages: pd.DataFrame, classes: pd.DataFrame) -> Image.Image:
    """Contact sheet of `list_misclassified`, captions true -> answer (confidence); a white strip where all is right."""
    if pages.empty:
        return Image.new("RGB", (COLUMNS * CELL, 40), "white")
    names = dict(zip(classes["target"], classes["class_name"], strict=True))
    captions = [
        f"{_short(names, int(true))} -> {_short(names, int(answer))} ({confidence:.2f})"
        for true, answer, confidence in zip(pages["label"], pages["predicted"], pages["confidence"], strict=True)
    ]
    images = [letterbox(read_rgb(path), CELL) for path in pages["path"]]
    return contact_sheet(images, captions, columns=COLUMNS, cell=CELL)


def _short(names: Mapping[int, str], target: int) -> str:
    name = str(names[target])
    return f"{target} {name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + '…'}"
