"""A small data set of drawn pages, and parameters that render it quickly."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from docsort.augmentation.parameters import AugmentationParameters

RECIPES: dict[str, list[dict[str, Any]]] = {
    "turns": [{"operation": "dihedral"}, {"operation": "rotate", "p": 0.5}],
    "document": [
        {"one_of": [{"operation": "ink_bleed"}, {"operation": "folding"}], "p": 0.4},
        {"operation": "page_mix", "p": 0.4},
        {"include": "turns"},
        {"one_of": [{"operation": "gaussian_blur"}, {"operation": "gaussian_noise"}], "p": 0.7},
    ],
    # OpenCV and numpy alone: no library to import
    "own": [
        {"operation": "page_mix", "p": 0.5},
        {"operation": "dihedral"},
        {"operation": "crop", "p": 0.5},
        {"operation": "fade", "p": 0.5, "ranges": {"amount": [0.1, 0.3]}},
    ],
}


def draw_page(number: int, height: int = 220, width: int = 160) -> np.ndarray:
    """A white page with lines of strokes, a coloured head and a number; (H, W, 3) uint8."""
    rng = np.random.default_rng(number)
    page = np.full((height, width, 3), 250, np.uint8)
    page[8:24, 10 : 40 + 10 * (number % 8)] = rng.integers(0, 200, 3)
    for top in range(40, height - 10, 12):
        cv2.line(page, (12, top), (int(rng.integers(40, width - 10)), top), (40, 40, 60), 2)
    cv2.putText(page, str(number), (90, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (20, 20, 20), 2)
    return page


@dataclass(frozen=True)
class Data:
    """The tables that the renderer is given."""

    clean_images: pd.DataFrame
    folds: pd.DataFrame
    classes: pd.DataFrame


def make_data(folder: Path, per_class: tuple[int, ...] = (6, 4, 2)) -> Data:
    """Pages on disk, class 0 with 6 of them and so on, dealt to two folds."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for label, count in enumerate(per_class):
        for place in range(count):
            number = len(rows)
            path = folder / f"page{number:02d}.png"
            cv2.imwrite(str(path), draw_page(number))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append((f"page{number:02d}", str(path), digest, label, label, number, place % 2))
    columns = ["image_id", "path", "sha256", "label", "given_label", "group", "fold"]
    table = pd.DataFrame(rows, columns=columns)
    names = [f"kind_{label}" for label in range(len(per_class))]
    return Data(
        table.drop(columns="fold"),
        table[["image_id", "group", "label", "fold"]],
        pd.DataFrame({"target": range(len(per_class)), "class_name": names}),
    )


SIDE = 48
"""Of the renders, pixels."""


def make_parameters(**changes: Any) -> AugmentationParameters:
    """Small renders by the recipe `own`, unless told otherwise."""
    given: dict[str, Any] = {"per_class": 12, "recipe": "own", "recipes": RECIPES, "validation_copies": 2}
    return AugmentationParameters.model_validate(given | changes)
