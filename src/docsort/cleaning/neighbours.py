"""Nearest neighbours of each suspect, by cosine similarity: of its given and of its proposed class.

For a person who compares. They are the nearest in the space of `cleaning.page_features` as it is; the ranking asks
neighbours in a space of its own (`cleaning.baseline`).
"""

import numpy as np
import pandas as pd

from docsort.cleaning.page_features import features_of
from docsort.tables import CLEAN_IMAGES, LABEL_NEIGHBOURS, LABEL_SUSPECTS, check_columns


def list_neighbours(
    suspects: pd.DataFrame, clean_images: pd.DataFrame, page_features: pd.DataFrame, count: int
) -> pd.DataFrame:
    """Table LABEL_NEIGHBOURS, in the order of the suspects, given class first; no rows without features.

    count: pages per suspect and class. Near-duplicates of the suspect are left out: they say nothing new.
    """
    check_columns(suspects, LABEL_SUSPECTS, "label_suspects")
    check_columns(clean_images, CLEAN_IMAGES, "clean_images")
    if page_features.empty or suspects.empty:
        return pd.DataFrame(columns=list(LABEL_NEIGHBOURS))
    images = clean_images.sort_values("image_id", ignore_index=True)
    points = features_of(page_features, images["image_id"]).astype(float)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    places = dict(zip(images["image_id"], range(len(images)), strict=True))
    ids, labels, groups = (images[name].to_numpy() for name in ("image_id", "label", "group"))
    rows = []
    for suspect in suspects.itertuples():
        own = places[suspect.image_id]
        similarity = (1 + points @ points[own]) / 2
        for label in (suspect.given_label, suspect.proposed_label):
            others = np.flatnonzero((labels == label) & (groups != groups[own]))
            nearest = others[np.argsort(-similarity[others], kind="stable")][:count]
            rows += [
                (suspect.image_id, label, rank, ids[place], float(np.clip(similarity[place], 0, 1)))
                for rank, place in enumerate(nearest)
            ]
    return pd.DataFrame(rows, columns=list(LABEL_NEIGHBOURS))
