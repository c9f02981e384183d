"""The oddest test pages in pictures: those that lie farthest from everything that the models have learnt."""

import pandas as pd
from PIL import Image

from docsort.images.contact_sheet import contact_sheet
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.tables import PAGE_ODDITY, check_columns

COLUMNS, CELL = 6, 200
"""Pictures in a row, and the side of one, pixels."""


def draw_odd_pages(page_oddity: pd.DataFrame, images: pd.DataFrame, limit: int) -> Image.Image:
    """Contact sheet of at most `limit` test images, the oddest first; a white strip where none was judged."""
    check_columns(page_oddity, PAGE_ODDITY, "page_oddity")
    oddest = page_oddity.sort_values(["oddity", "image_id"], ascending=[False, True], kind="stable").head(limit)
    if oddest.empty:
        return Image.new("RGB", (COLUMNS * CELL, 40), "white")
    paths = images.set_index("image_id")["path"]
    pages = [letterbox(read_rgb(str(paths[image_id])), CELL) for image_id in oddest["image_id"]]
    captions = [
        f"{oddity:.3f} {image_id}" for image_id, oddity in zip(oddest["image_id"], oddest["oddity"], strict=True)
    ]
    return contact_sheet(pages, captions, columns=COLUMNS, cell=CELL)
