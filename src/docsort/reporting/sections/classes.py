"""Precision, recall and F1 of each class, and some of its pages."""

from collections.abc import Sequence

import pandas as pd

from docsort.reporting.parts import Heading, Part, Picture, Pictures, Plot, Tables, photo_source, table_of, when
from docsort.reporting.sections.mistakes import names_of
from docsort.reporting.sections.scores import NAMES

TITLE = "Classes"
NEEDS = ("class_scores", "class_scores_figure", "classes", "clean_images", "params:reporting")


def section(tables: Tables) -> Sequence[Part]:
    """The figure, pages of each class, the table."""
    scores, limit = tables["class_scores"], tables["params:reporting"].class_pages
    conditions = [name for name in NAMES if f"{name}_f1" in scores.columns]
    columns = [f"{name}_f1" for name in conditions] + [
        f"test_like_{name}" for name in ("precision", "recall", "support")
    ]
    pictures = class_pictures(tables["clean_images"], tables["classes"], limit)
    return [
        Plot("class_scores_figure", tables["class_scores_figure"]),
        table_of(scores, ["target", "class_name", *columns]),
        *when(pictures, Heading("Training photos of each class"), Pictures(pictures, width=330, side_by_side=True)),
    ]


def class_pictures(clean_images: pd.DataFrame, classes: pd.DataFrame, limit: int) -> list[Picture]:
    """Of each class that has photos at most `limit`, spread over its ids."""
    pictures = []
    for target, name in names_of(classes).items():
        own = clean_images[clean_images["label"] == target].sort_values("image_id", kind="stable")
        shown = min(limit, len(own))
        paths = [str(own["path"].iloc[len(own) * number // shown]) for number in range(shown)]
        if paths:
            pictures.append(Picture([photo_source(path) for path in paths], f"{name}, {len(own)} photos"))
    return pictures
