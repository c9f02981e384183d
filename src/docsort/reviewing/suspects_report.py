"""The report on label issues: one HTML page with its photos embedded.

It asks nothing of any other place and runs no script. Deciding is done on the local page (`server.py`).
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import pandas as pd
from markupsafe import Markup

from docsort.cleaning.ledger import resolve_ledger
from docsort.reviewing.cards import Card, Neighbours
from docsort.reviewing.parameters import LabelReviewParameters
from docsort.reviewing.thumbnails import small_jpegs
from docsort.templates import jpeg_url, load_template

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
    return load_template("reviewing", "report.html.jinja").render(
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
        (size, image_id): jpeg_url(picture)
        for size, wanted, longest in sizes
        for image_id, picture in small_jpegs({name: paths[name] for name in wanted}, longest).items()
    }
