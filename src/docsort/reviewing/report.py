"""The report on suspected labels: one HTML page with their photos in it, to be read anywhere and by anyone.

It asks nothing of any other place and runs no script. Deciding is done on the local page (`server.py`).
"""

import base64
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import jinja2
import pandas as pd
from markupsafe import Markup

from docsort.cleaning.ledger import resolve_ledger
from docsort.reviewing.cards import Card, Neighbours
from docsort.reviewing.parameters import LabelReviewParameters
from docsort.reviewing.pictures import small_jpegs

NEIGHBOUR_SIDE = 140
"""Longer side of a neighbour's photo, pixels."""


def write_label_review(
    cards: Sequence[Card],
    images: pd.DataFrame,
    ledger: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: LabelReviewParameters,
) -> str:
    """The HTML page: the first `parameters.cards` suspects with photos, and how many more there are.

    Raises InputError when the ledger does not fit the data, UnreadableImageError when a photo is gone.
    """
    train = images[images["split"] == "train"]
    rows = resolve_ledger(train, ledger, classes).to_dict("records")
    shown = [_cut(card, parameters.neighbours) for card in cards[: parameters.cards]]
    names = {int(n): f"{n} {name}" for n, name in zip(classes["target"], classes["class_name"], strict=True)}
    return _template().render(
        cards=shown,
        total=len(cards),
        decisions={row["image_id"]: row for row in rows},
        decided=len({card["image_id"] for card in cards} & {row["image_id"] for row in rows}),
        names=names,
        pictures=_pictures(shown, dict(zip(train["image_id"], train["path"], strict=True)), parameters.side),
        version=version("docsort"),
    )


def _cut(card: Card, neighbours: int) -> Card:
    groups = [Neighbours(label=group["label"], images=group["images"][:neighbours]) for group in card["neighbours"]]
    return {**card, "neighbours": [group for group in groups if group["images"]]}


def _pictures(cards: Sequence[Card], paths: Mapping[str, str], side: int) -> dict[tuple[str, str], Markup]:
    """Data URLs by (size, image id)."""
    suspects = {card["image_id"] for card in cards}
    near = {page["image_id"] for card in cards for group in card["neighbours"] for page in group["images"]}
    sizes = (("large", suspects, side), ("small", near, NEIGHBOUR_SIDE))
    return {
        (size, image_id): Markup("data:image/jpeg;base64,") + Markup(base64.b64encode(picture).decode())
        for size, wanted, longest in sizes
        for image_id, picture in small_jpegs({name: paths[name] for name in wanted}, longest).items()
    }


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("docsort", "reviewing"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")
