"""Confused pairs: the surest mistake of each pair beside the learnt pages nearest to it."""

import pandas as pd
import pytest

from docsort.reporting.confused_pairs import CONFUSED_PAIRS, list_confused_pairs

MISTAKES = [("m0", 0, 1, 0.6), ("m1", 0, 1, 0.9), ("m2", 2, 0, 0.8), ("m3", 0, 1, 0.7)]
"""Held out by fold 0: image, label, answer and confidence."""


@pytest.fixture
def votes() -> pd.DataFrame:
    rows = [(f"{image}~t", image, "test_like", label, answer, sure, 0) for image, label, answer, sure in MISTAKES]
    rows += [("r0~t", "r0", "test_like", 1, 1, 0.99, 0), ("m1~c", "m1", "clean", 0, 2, 0.99, 0)]
    return pd.DataFrame(
        rows, columns=["render_id", "image_id", "condition", "label", "predicted", "confidence", "fold"]
    )


@pytest.fixture
def embeddings() -> pd.DataFrame:
    """Fold 0 puts page m1 at (0, 0); the nearest of class 1 is near1, the nearest of its own class 0 is near0."""
    rows = [(0, f"{image}~t", image, label, False, 0.0, 0.0) for image, label, _, _ in MISTAKES]
    rows += [
        (0, "near1~t", "near1", 1, True, 1.0, 0.0),
        (0, "far1~t", "far1", 1, True, 0.0, -5.0),
        (0, "near0~t", "near0", 0, True, 0.0, 2.0),
        (0, "far0~t", "far0", 0, True, 3.0, 0.0),
        (0, "held1~t", "held1", 1, False, 0.0, 0.1),
        (1, "m1~t", "m1", 0, True, 9.0, 9.0),
        (1, "far1~t", "far1", 1, True, 9.0, 9.0),
    ]
    table = pd.DataFrame(rows, columns=["fold", "render_id", "image_id", "label", "learnt", "e_0", "e_1"])
    return table.assign(group=table["image_id"])


def test_the_most_confused_pair_comes_first_with_its_surest_page_and_the_learnt_pages_nearest_to_it(
    votes: pd.DataFrame, embeddings: pd.DataFrame
) -> None:
    table = list_confused_pairs(votes, embeddings, 10)
    assert list(table.columns) == list(CONFUSED_PAIRS)
    first = table.iloc[0]
    assert (first["label"], first["predicted"], first["pages"], first["image_id"]) == (0, 1, 3, "m1")
    assert (first["taken_id"], first["own_id"]) == ("near1", "near0")


def test_a_pair_of_which_no_page_was_learnt_is_left_out(votes: pd.DataFrame, embeddings: pd.DataFrame) -> None:
    assert len(list_confused_pairs(votes, embeddings, 10)) == 1  # nothing of class 2 was learnt
    assert len(list_confused_pairs(votes, embeddings, 0)) == 0
    assert list_confused_pairs(votes, embeddings.iloc[:0], 10).empty
