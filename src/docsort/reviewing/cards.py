"""Cards: the evidence on each suspected label, as plain JSON values."""

import math
import re
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pandas as pd

from docsort.errors import InputError, listing
from docsort.tables import IMAGES, LABEL_NEIGHBOURS, LABEL_SUSPECTS, check_columns

WORDS = re.compile(r"[A-Za-z-]+:?")
"""Of evidence in words: a token that is a word, and neither a number nor an id."""


class Neighbour(TypedDict):
    """A page near the suspect; similarity in [0, 1]."""

    image_id: str
    similarity: float


class Neighbours(TypedDict):
    """The nearest pages of one class, nearest first."""

    label: int
    images: list[Neighbour]


class Guess(TypedDict):
    """A class that an ensemble answers, with its probability in [0, 1]."""

    label: int
    probability: float


class Card(TypedDict):
    """One suspect. data_label: as the raw data says; given_label: after the ledger, when the suspects were ranked;
    score, p_given, p_proposed in [0, 1], the last two None where no model has spoken.

    Or an answer (`answer_cards`): data_label and given_label are what was answered, proposed_label the second guess,
    score the confidence; with what the page is called, the first guesses, and cells of its row in the ledger.
    """

    image_id: str
    data_label: int
    given_label: int
    proposed_label: int | None
    score: float
    p_given: float | None
    p_proposed: float | None
    evidence: list[str]
    kinds: list[str]
    neighbours: list[Neighbours]
    name: NotRequired[str]
    guesses: NotRequired[list[Guess]]
    cells: NotRequired[dict[str, str]]


def make_cards(suspects: pd.DataFrame, neighbours: pd.DataFrame, images: pd.DataFrame) -> list[Card]:
    """One card per suspect, in their order. Raises InputError for suspects that the images do not have."""
    check_columns(suspects, LABEL_SUSPECTS, "label_suspects")
    check_columns(neighbours, LABEL_NEIGHBOURS, "label_neighbours")
    check_columns(images, IMAGES, "images")
    train = images[images["split"] == "train"]
    targets = dict(zip(train["image_id"].astype(str), train["target"].astype("int64"), strict=True))
    named = [*suspects["image_id"].astype(str), *neighbours["neighbour_id"].astype(str)]
    unknown = sorted({name for name in named if name not in targets})
    if unknown:
        raise InputError(
            f"Expected suspects and neighbours among the training images, but {listing(unknown)} is not; "
            "run the pipeline `cleaning` again."
        )
    near = {str(image_id): rows for image_id, rows in neighbours.groupby("image_id")}
    return [
        _card(row, targets[str(row["image_id"])], near.get(str(row["image_id"]), neighbours.iloc[:0]))
        for row in suspects.to_dict("records")
    ]


def check_cards(cards: Sequence[Card], train: pd.DataFrame) -> None:
    """Raises InputError for cards that were made of other images or other labels than these (rows of table IMAGES)."""
    targets = dict(zip(train["image_id"].astype(str), train["target"].astype("int64"), strict=True))
    stale = [card["image_id"] for card in cards if targets.get(card["image_id"]) != card["data_label"]]
    if stale:
        raise InputError(
            f"Expected label_cards to be of the images on disk, but {listing(stale)} is not or has another label; "
            "run the pipelines `cleaning` and `label_review` again."
        )


def kind_of(evidence: str) -> str:
    """What sort of evidence a sentence is: the words it begins with, up to the first number, id or colon."""
    words: list[str] = []
    for token in evidence.split():
        if not WORDS.fullmatch(token):
            break
        words.append(token)
        if token.endswith(":"):
            break
    return " ".join(words).rstrip(":") or "other"


def _card(row: dict[Any, Any], data_label: int, neighbours: pd.DataFrame) -> Card:
    given, proposed = int(row["given_label"]), int(row["proposed_label"])
    evidence = [part for part in (text.strip() for text in str(row["evidence"]).split(";")) if part]
    return Card(
        image_id=str(row["image_id"]),
        data_label=int(data_label),
        given_label=given,
        proposed_label=proposed,
        score=float(row["score"]),
        p_given=_number(row["p_given"]),
        p_proposed=_number(row["p_proposed"]),
        evidence=evidence,
        kinds=sorted({kind_of(part) for part in evidence}),
        neighbours=_neighbours(neighbours, [given, proposed]),
    )


def _neighbours(neighbours: pd.DataFrame, first: list[int]) -> list[Neighbours]:
    """By class, those of the labels `first` before others."""
    labels = neighbours["label"].astype("int64")
    order = [*first, *sorted(set(labels) - set(first))]
    groups = []
    for label in order:
        rows = neighbours[labels == label].sort_values("rank", kind="stable")
        pages = zip(rows["neighbour_id"].astype(str), rows["similarity"].astype(float), strict=True)
        groups.append(Neighbours(label=label, images=[Neighbour(image_id=name, similarity=s) for name, s in pages]))
    return [group for group in groups if group["images"]]


def _number(value: Any) -> float | None:
    """A probability, or None where there is none: JSON knows no missing number."""
    return None if pd.isna(value) or math.isinf(float(value)) else float(value)
