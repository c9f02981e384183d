"""The columns of every table that pipelines hand to each other.

All are pandas frames with a plain range index. Ids are strings; class numbers are integers as in `classes.target`.
`check_columns` is what every reader of a table calls first.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing

CLASSES = ("target", "class_name")
"""One row per class, sorted by target."""

PHOTOS = ("image_id", "split", "path", "target", "position")
"""The raw listing. split: "train" or "test"; path: absolute; target: Int64, missing for test; position: row number in
the file that listed it, from 0, which is the order of the submission."""

MEASURES = (
    "bytes",
    "sha256",
    "mode",
    "exif_orientation",
    "width",
    "height",
    "pages",
    "doubt",
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "noise",
    "white_border",
    "skew",
    "dihedral_hashes",
)
"""What decoding an image once tells; see `images.measures`."""

IMAGES = PHOTOS + MEASURES
REJECTED_IMAGES = (*PHOTOS, "reason")

LEDGER = ("image_id", "action", "old_label", "new_label", "reason", "evidence", "decided_by", "decided_on")
"""One row per decision; action: relabel, drop, keep or undecided. Only relabel and drop change anything."""

ANSWER_LEDGER = (*LEDGER, "sha256", "confidence", "file", "ensemble")
"""The same on answers of an ensemble. sha256: of the page that was answered, by which it is known; old_label: the
answer, with its confidence; keep: it is right; relabel: new_label is; drop: the page is of no class; file: where the
page was; ensemble: fingerprint of what answered."""

ORIGIN = "origin"
"""Column of PHOTOS and the tables made of it: RAW, or REVIEWED of a page that joined by a person's judgement."""

RAW, REVIEWED = "raw", "reviewed"

LABEL_BELIEFS = ("image_id",)
"""And the probability columns: what the true label of each held-out source may be, rows summing to one."""

CLEAN_IMAGES = ("image_id", "path", "sha256", "label", "given_label", "group")
"""Training images after the ledger; group: near-duplicates share it."""

DUPLICATES = (
    "image_id",
    "other_id",
    "split",
    "other_split",
    "kind",
    "distance",
    "turn",
    "label",
    "other_label",
    "conflict",
)
"""Pairs, image_id < other_id; kind: exact or near; distance in bits of the perceptual hash; turn: which of the eight
dihedral turns of the other image matched; conflict: both labels known and different."""

LABEL_SUSPECTS = ("image_id", "given_label", "proposed_label", "score", "p_given", "p_proposed", "evidence")
"""Most suspicious first; score in [0, 1], 1 being surely wrong; p_given, p_proposed: what models that never saw the
page gave to either class, in [0, 1], missing where none has spoken."""

LABEL_NEIGHBOURS = ("image_id", "label", "rank", "neighbour_id", "similarity")
"""For each suspect its nearest pages of the given and of the proposed class: label says which, rank from 0, nearest
first; similarity in [0, 1], 1 being the same."""

IMAGE_PROBLEMS = ("image_id", "split", "kind", "detail")
"""Odd images that could be read; kind: blank, tiny, odd_shape, odd_range (its values may be scaled wrongly),
more_pages (only the first is read) or outlier; detail: in words, with the numbers."""

FOLD_TABLE = ("image_id", "group", "label", "fold")

PAGE_FORMAT = ("side", "straighten", "letterboxed")
"""How a render is laid out: the fields of `images.page_format.PageFormat`."""

RENDERS = ("render_id", "source_id", "group", "label", "fold", "copy", *PAGE_FORMAT, "path")
"""Manifest of derived images; render_id: its source's id, `~` and which render; fold: of its source, which holds the
render out when that fold validates; side: of the square, pixels; straighten: whether the page was laid straight;
letterboxed: false where it has its own shape, with `side` pixels on its longer side at most. The same render exists in
every such format that some member wants, of the training renders as many copies of it as some member learns."""

VALIDATION_RENDERS = (*RENDERS, "condition")
"""condition: "clean" (the page as it is) or "test_like" (damaged as the test images are)."""

PREDICTION_KEYS = ("model", "fold", "image_id", "group", "label", "render_id", "condition", "copy", "turn", "scale")
"""Keys of a prediction table: one row per (model, fold, render, turn, scale), then one float32 column `p_<target>` a
class, ascending by target, rows summing to one. turn: the dihedral view 0 to 7; scale: of the page, in percent of the
side that the model was trained with. For test images condition is "test", group is the image id and label is missing.
Out of fold: the model of fold f has never seen a page of the group."""

VIEW_KEYS = ("turn", "scale")
"""How a page was laid down and how large, of the keys of a prediction."""

EMBEDDING_KEYS = ("fold", "render_id", "image_id", "group", "label", "learnt")
"""Keys of an embedding table: one row per (fold, render), then the float32 columns `e_0`, `e_1`, …: where the main
model of that fold puts the test-like page. learnt: whether it was trained on the page's source; the others it holds
out. Two folds' columns have nothing to do with each other before `reporting.projection` has aligned them."""

READING_LINES = ("render_id", "line", "box", "text", "confidence", "engine", "version")
"""What was read, one row per line. line: place on the page by size, from 0, the largest; box: x and y of its four
corners, eight shares of the page's width and height parted by blanks, the first where the text begins, then along it;
confidence: in [0, 1], as the engine says it; version: of its packages. Personal data: never logged."""

ANSWERS = ("image_id", "target", "class_name", "confidence", "needs_review", "why", "novelty")
"""What an ensemble answers, one row per page, followed by float64 columns `p_<target>`. confidence: in [0, 1], the
calibrated probability of the answer; needs_review: whether a person should look, and why; novelty: share of held-out
pages that are less novel, in [0, 1], missing where it is not measured. Of a page that cannot be read: the fallback
class, confidence 0, no probabilities."""

CONDITIONS = ("clean", "test_like")
JUDGED_CONDITION = "test_like"
"""What everything is chosen by."""


def judged(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """The rows of test-like pages. what: "validation votes", for the InputError where there are none."""
    seen = table[table["condition"] == JUDGED_CONDITION]
    if seen.empty:
        raise InputError(f"Expected {what} of the condition {JUDGED_CONDITION}, but there are none; train first.")
    return seen


def is_reviewed(table: pd.DataFrame) -> pd.Series:
    """Which rows are of pages that have joined by a person's judgement; none where the table has no ORIGIN."""
    return table[ORIGIN] == REVIEWED if ORIGIN in table else pd.Series(False, index=table.index)


def with_origin(table: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """These columns, and ORIGIN where the table has it."""
    return [*columns, *(name for name in (ORIGIN,) if name in table)]


def check_columns(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    """Raises InputError unless the table has at least these columns."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(
            f"Expected table `{name}` to have the columns {', '.join(columns)}, but {listing(missing)} is missing; "
            "run the pipeline that writes it again."
        )


def probability_columns(table: pd.DataFrame) -> list[str]:
    """The columns `p_<target>`, ascending by target."""
    return sorted((c for c in table.columns if c.startswith("p_")), key=lambda c: int(c[2:]))


def values_of(table: pd.DataFrame, columns: list[str]) -> NDArray[np.float64]:
    """(N, C), row after row in memory.

    numpy adds up a row in an order that depends on how it lies there, and a page's sum must not depend on how many
    pages there are, not in a single bit.
    """
    return np.ascontiguousarray(table[columns].to_numpy(np.float64))


def embedding_columns(table: pd.DataFrame) -> list[str]:
    """The columns `e_<i>`, in their order."""
    return sorted((c for c in table.columns if c.startswith("e_")), key=lambda c: int(c[2:]))


def targets_of(columns: list[str]) -> list[int]:
    """Class numbers of probability columns, in their order."""
    return [int(column[2:]) for column in columns]
