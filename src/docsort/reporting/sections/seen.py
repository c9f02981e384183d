"""What models see: where pages lie to them, and where on a page an answer was found."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from docsort.images.letterbox import WHITE
from docsort.reporting.parts import Heading, Part, Picture, Pictures, Plot, Tables, source_of, when

TITLE = "What models see"
NEEDS = ("projection_figure", "explained_mistakes", "explained_answers")

SHEETS = {
    "explained_mistakes": "The surest mistakes: the page, the heat of the answer, the heat of the true class",
    "explained_answers": "The surest right answers, class by class: the page, the heat of the answer",
}
SHEET_SIDE = 2000
"""Pixels of a sheet's longer side."""


def section(tables: Tables) -> Sequence[Part]:
    """The plane of pages, then sheets of heat maps."""
    sheets = {name: tables[name] for name in SHEETS if _has_pages(tables[name])}
    heat = (
        "The heat (Grad-CAM) shows where the model that never saw the page found a class: clear where it found "
        "nothing, red where most. It is the mean over the eight turns, in which the answer is given too."
    )
    return [
        "Each point is a test-like page, put where the model that never saw it puts it: pages that lie together are "
        "alike to the model. The models of the folds are laid on each other by the pages that they have both learnt.",
        Plot("projection_figure", tables["projection_figure"]),
        *when(sheets, heat),
        *(part for name, sheet in sheets.items() for part in (Heading(SHEETS[name]), _whole(sheet))),
    ]


def _has_pages(sheet: Image.Image) -> bool:
    """A sheet of no pages is white."""
    return bool((np.asarray(sheet) < WHITE).any())


def _whole(sheet: Image.Image) -> Part:
    return Pictures([Picture([source_of(sheet, SHEET_SIDE)], "Press to enlarge")], width=1080)
