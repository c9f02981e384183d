"""Grad-CAM heat maps over validation pages, by the model that held each page out.

A heat says where, not what: a model may look at the right place and read it wrongly. That it looks at a thumb or at the
edge of the table is what such a picture is for.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from docsort.errors import NoMapError
from docsort.images.contact_sheet import contact_sheet
from docsort.images.heat_overlay import draw_heat
from docsort.images.letterbox import letterbox
from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import read_render
from docsort.models.heat import heat_of
from docsort.reporting.galleries import caption_names, surest_first, with_paths

logger = logging.getLogger(__name__)

COLUMNS, CELL = 6, 200
"""Pictures in a row, and the side of one, pixels."""


def list_sure(oof_votes: pd.DataFrame, validation_renders: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Table ANSWERED: the surest right answer per class, then the second per class, and so on."""
    right = oof_votes[(oof_votes["condition"] == "test_like") & (oof_votes["predicted"] == oof_votes["label"])]
    right = surest_first(right).drop_duplicates("image_id")
    chosen = right.assign(place=right.groupby("label").cumcount()).sort_values(["place", "label"], kind="stable")
    return with_paths(chosen.head(limit), validation_renders)


def explain(pages: pd.DataFrame, checkpoints: Sequence[Checkpoint], classes: pd.DataFrame) -> Image.Image:
    """Contact sheet: each page, the heat of its answer, and, where that is wrong, the heat of the true class.

    pages: table ANSWERED; checkpoints: the model that explains, by fold. Where its backbone has no map of places, the
    log says so and the pages stand there alone.
    """
    images, captions, names = [], [], caption_names(classes)
    heats = _heats(pages, checkpoints)
    for row in pages.to_dict("records"):
        page = letterbox(read_render(str(row["path"])), CELL)
        images.append(page)
        captions.append(f"true {names[int(row['label'])]}")
        for target, heat in heats.get(str(row["render_id"]), {}).items():
            images.append(draw_heat(page, heat))
            sure = f" ({row['confidence']:.2f})" if target == row["predicted"] else ""
            captions.append(f"for {names[target]}{sure}")
    return contact_sheet(images, captions, columns=COLUMNS, cell=CELL)


def _heats(pages: pd.DataFrame, checkpoints: Sequence[Checkpoint]) -> Mapping[str, Mapping[int, NDArray[np.float32]]]:
    """By render_id the heat (S, S) of the answer and, where it is another, of the truth; each by the model of the fold
    that held the page out.
    """
    heats: dict[str, dict[int, NDArray[np.float32]]] = {}
    alike = bool((pages["label"] == pages["predicted"]).all())
    columns = ["predicted"] if alike else ["predicted", "label"]
    for fold, own in pages.groupby("fold", sort=True):
        wanted = own[columns].to_numpy(int).tolist()
        try:
            maps = heat_of(checkpoints[int(str(fold))], own["path"].tolist(), wanted)
        except NoMapError as error:
            logger.warning("%s The pages are shown without heat.", error)
            return {}
        for render_id, row, found in zip(own["render_id"], wanted, maps, strict=True):
            heats[str(render_id)] = dict(zip(row, found, strict=True))
    return heats
