"""Which classes are taken for which."""

from collections.abc import Sequence

from docsort.reporting.confused_pairs import list_confused_pairs
from docsort.reporting.parts import Heading, Part, Picture, Pictures, Plot, Tables, photo_source
from docsort.reporting.sections.mistakes import names_of

TITLE = "Confusion"
NEEDS = (
    "confusion_matrix_figure",
    "oof_votes",
    "embeddings",
    "clean_images",
    "classes",
    "params:reporting",
)


def section(tables: Tables) -> Sequence[Part]:
    """The matrix, and the most confused pairs of classes as photos."""
    limit = tables["params:reporting"].confused_pairs
    pairs = list_confused_pairs(tables["oof_votes"], tables["embeddings"], limit)
    names = names_of(tables["classes"])
    photos = dict(zip(tables["clean_images"]["image_id"], tables["clean_images"]["path"], strict=True))
    pictures = [
        Picture(
            [photo_source(photos[row[column]]) for column in ("image_id", "taken_id", "own_id")],
            f"{names[row['label']]}, taken for {names[row['predicted']]}: {row['pages']} pages",
        )
        for row in pairs.to_dict("records")
    ]
    plot = Plot("confusion_matrix_figure", tables["confusion_matrix_figure"])
    if not pictures:
        return [plot]
    return [
        plot,
        Heading("The most confused pairs of classes"),
        "The photo of a page that was got wrong; beside it, of the photos that its model has learnt, the nearest of "
        "the class that it was taken for, then the nearest of its own.",
        Pictures(pictures, width=330, side_by_side=True),
    ]
