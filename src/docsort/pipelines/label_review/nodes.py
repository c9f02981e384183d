"""Nodes of the label review. Slow imports come late, so that listing the pipelines costs nothing."""

from typing import Any

import pandas as pd

from docsort.reviewing.parameters import LabelReviewParameters


def assemble_label_cards(
    label_suspects: pd.DataFrame, label_neighbours: pd.DataFrame, images: pd.DataFrame
) -> dict[str, Any]:
    """Puts together what a person needs to judge each suspect: the data of the page."""
    from docsort.reviewing.cards import make_cards

    return {"cards": make_cards(label_suspects, label_neighbours, images)}


def write_review_report(
    label_cards: dict[str, Any],
    images: pd.DataFrame,
    label_fixes: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: LabelReviewParameters,
) -> str:
    """Writes the suspects as a page to read."""
    from docsort.reviewing.suspects_report import write_label_review

    return write_label_review(label_cards["cards"], images, label_fixes, classes, parameters)
