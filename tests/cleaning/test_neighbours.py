import numpy as np
import pandas as pd

from docsort.cleaning.neighbours import list_neighbours
from docsort.tables import LABEL_NEIGHBOURS, LABEL_SUSPECTS

ANGLES = {"s": 0, "a1": 10, "a2": 20, "a3": 170, "b1": 5, "b2": 90, "copy": 1}
LABELS = {"s": 3, "a1": 3, "a2": 3, "a3": 3, "b1": 7, "b2": 7, "copy": 7}


def make_tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    ids = list(ANGLES)
    angles = np.deg2rad(list(ANGLES.values()))
    features = pd.DataFrame({"image_id": ids, "f_0": np.cos(angles), "f_1": 2 * np.sin(angles) / 2})
    clean = pd.DataFrame({"image_id": ids, "label": list(LABELS.values())})
    clean = clean.assign(path="", sha256="", given_label=clean["label"], group=["s" if i == "copy" else i for i in ids])
    suspect = pd.DataFrame([("s", 3, 7, 0.9, 0.1, 0.8, "")], columns=list(LABEL_SUSPECTS))
    return suspect, clean, features


def test_each_class_has_its_nearest_pages_first_without_near_duplicates() -> None:
    near = list_neighbours(*make_tables(), count=2)
    assert tuple(near.columns) == LABEL_NEIGHBOURS
    assert near[["label", "rank", "neighbour_id"]].to_numpy().tolist() == [
        [3, 0, "a1"],
        [3, 1, "a2"],
        [7, 0, "b1"],
        [7, 1, "b2"],
    ]


def test_similarity_runs_from_opposite_to_the_same() -> None:
    near = list_neighbours(*make_tables(), count=9).set_index("neighbour_id")["similarity"]
    expected = {
        name: (1 + np.cos(np.deg2rad(angle))) / 2 for name, angle in ANGLES.items() if name not in ("s", "copy")
    }
    np.testing.assert_allclose(near.loc[list(expected)], list(expected.values()))


def test_without_features_or_suspects_there_are_no_neighbours() -> None:
    suspect, clean, features = make_tables()
    for table in (
        list_neighbours(suspect, clean, features.head(0), 3),
        list_neighbours(suspect.head(0), clean, features, 3),
    ):
        assert (len(table), tuple(table.columns)) == (0, LABEL_NEIGHBOURS)
