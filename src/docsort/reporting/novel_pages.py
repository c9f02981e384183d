"""Gallery of the most novel test pages: those farthest from the training set in the embedding."""

import pandas as pd
from PIL import Image

from docsort.images.reading import read_rgb
from docsort.reporting.galleries import draw_files
from docsort.tables import ANSWERS, check_columns

COLUMNS, CELL = 6, 200
"""Pictures in a row, and the side of one, pixels."""


def draw_novel_pages(answers: pd.DataFrame, images: pd.DataFrame, limit: int) -> Image.Image:
    """Contact sheet of at most `limit` test images, the most novel first; an empty sheet where none was judged."""
    check_columns(answers, ANSWERS, "test_probabilities")
    first = (
        answers.dropna(subset=["novelty"])
        .sort_values(["novelty", "image_id"], ascending=[False, True], kind="stable")
        .head(limit)
    )
    paths = dict(zip(images["image_id"], images["path"], strict=True))
    captions = [f"{novelty:.3f} {name}" for name, novelty in zip(first["image_id"], first["novelty"], strict=True)]
    return draw_files([str(paths[name]) for name in first["image_id"]], captions, COLUMNS, CELL, read_rgb)
