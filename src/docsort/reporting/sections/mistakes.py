"""The surest mistakes."""

import unicodedata
from collections.abc import Sequence

import pandas as pd
from PIL import Image

from docsort.members.pages import read_render
from docsort.reporting.galleries import list_mistakes
from docsort.reporting.parts import Part, Picture, Pictures, Tables, photo_source, source_of

TITLE = "Mistakes"
NEEDS = ("oof_votes", "validation_renders", "clean_images", "classes", "params:reporting")


def section(tables: Tables) -> Sequence[Part]:
    """Each page as the model saw it and, enlarged, as it came."""
    limit = tables["params:reporting"].gallery_pages
    pages = list_mistakes(tables["oof_votes"], tables["validation_renders"], limit)
    names = names_of(tables["classes"])
    photos = dict(zip(tables["clean_images"]["image_id"], tables["clean_images"]["path"], strict=True))
    pictures = [
        Picture(
            [source_of(Image.fromarray(read_render(row["path"]))), photo_source(photos[row["image_id"]])],
            f"{names[row['label']]} → {names[row['predicted']]} ({row['confidence']:.2f})",
        )
        for row in pages.to_dict("records")
    ]
    return [
        "Test-like validation pages that are answered wrongly, the surest first: given class → answer (confidence). A "
        "sure mistake is often a wrong label. Press a picture to see it large, with the photo as it came.",
        Pictures(pictures) if pictures else "There is none.",
    ]


def names_of(classes: pd.DataFrame) -> dict[int, str]:
    """By class number: the number and the whole name, which, where it runs leftwards, turns no sentence around."""
    pairs = zip(classes["target"], map(str, classes["class_name"]), strict=True)
    return {int(target): f"{target} {_isolated(name)}" for target, name in pairs}


def _isolated(name: str) -> str:
    leftwards = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u2068{name}\u2069" if leftwards else name
