"""Summary of the data: counts of images, rejections, duplicates, label decisions."""

from collections import Counter
from typing import Any

import pandas as pd

from docsort.tables import is_reviewed

Summary = dict[str, Any]

SUSPECTS_SHOWN = 10
REJECTED_SHOWN = 20


def summarise_data(
    images: pd.DataFrame,
    rejected_images: pd.DataFrame,
    clean_images: pd.DataFrame,
    duplicates: pd.DataFrame,
    label_fixes: pd.DataFrame,
    label_suspects: pd.DataFrame,
    classes: pd.DataFrame,
) -> Summary:
    """JSON-able. `counts`: named numbers in reading order; `decisions`: ledger rows by action; `class_counts`,
    `rejected` and `suspects`: lists of rows for tables.
    """
    changed = int((clean_images["label"] != clean_images["given_label"]).sum())
    train = images["split"] == "train"
    conflicts = int(duplicates["conflict"].astype(bool).sum())
    counts = {
        "training photos that can be read": int(train.sum()),
        "training photos used": len(clean_images),
        "test photos that can be read": int((~train).sum()),
        "photos rejected as unreadable": len(rejected_images),
        "pairs of duplicates": len(duplicates),
        "pairs whose labels contradict each other": conflicts,
        "groups of sources (near-duplicates together)": int(clean_images["group"].nunique()),
        "labels changed by the ledger": changed,
        "labels under suspicion": len(label_suspects),
    }
    if is_reviewed(clean_images).any():
        counts["judged pages among them, which judge nothing"] = int(is_reviewed(clean_images).sum())
    photos = Counter(clean_images["label"].astype(int))
    return {
        "counts": counts,
        "decisions": {str(action): int(n) for action, n in label_fixes["action"].value_counts().items()},
        "class_counts": [
            {"target": int(target), "class_name": str(name), "photos": photos[int(target)]}
            for target, name in zip(classes["target"], classes["class_name"], strict=True)
        ],
        "rejected": _rows(rejected_images[["image_id", "split", "reason"]].head(REJECTED_SHOWN)),
        "suspects": _name_suspects(label_suspects.head(SUSPECTS_SHOWN), classes),
    }


def _name_suspects(suspects: pd.DataFrame, classes: pd.DataFrame) -> list[dict[str, Any]]:
    names = {str(row.target): f"{row.target} {row.class_name}" for row in classes.itertuples()}
    rows = suspects[["image_id", "given_label", "proposed_label", "score", "evidence"]].copy()
    for column in ("given_label", "proposed_label"):
        rows[column] = [names.get(str(value), str(value)) for value in rows[column]]
    return _rows(rows)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict(orient="records")]
