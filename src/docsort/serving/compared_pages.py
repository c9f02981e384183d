"""Pages on which an export is compared with torch before it counts as written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docsort.ensembling.ensemble_files import EnsembleFiles
from docsort.ensembling.photos import as_photos, decode
from docsort.errors import InputError, WeightsError
from docsort.members.pages import PhotoPages
from docsort.seeding import derive_rng
from docsort.serving.graphs import formats_of, input_name

TOLERANCE = 1e-4
"""Largest difference of a probability between a graph and torch; above, nothing is exported."""

DRAWN = 4
"""Pages that are compared where none are given."""

Photo = NDArray[np.uint8]


@dataclass(frozen=True)
class Comparison:
    """photos: pages that graphs and torch are compared on; laid: the same for each way to lay them; source: where they
    are from, for the note."""

    photos: list[Photo]
    laid: dict[bool, PhotoPages]
    source: str

    @classmethod
    def of(cls, ensemble: EnsembleFiles, paths: Sequence[Path]) -> "Comparison":
        """Of files, or of drawn pages where there are none. Raises InputError where one cannot be read."""
        photos, problems = decode(as_photos([str(path) for path in paths]), False) if paths else (draw_pages(), {})
        if problems:
            raise InputError(f"Expected pages to compare torch and ONNX on, but {next(iter(problems.values()))}.")
        pages = [photos[row] for row in sorted(photos)]
        laid = {straight: PhotoPages(pages, straight, ensemble.manifest.jpeg_quality) for straight in (False, True)}
        return cls(pages, laid, f"{len(pages)} {'given' if paths else 'drawn'} pages")

    def squares(self, ensemble: EnsembleFiles) -> dict[str, NDArray[np.uint8]]:
        """(N, S, S, 3) by input of the ensemble's graph."""
        rows = range(len(self.photos))
        return {input_name(each): self.laid[each.straighten].squares(rows, each.side) for each in formats_of(ensemble)}


def draw_pages() -> dict[int, Photo]:
    """Sheets with lines of words, lying aslant on something darker, each another; they only have to differ."""
    import cv2

    drawn = {}
    for number in range(DRAWN):
        rng = derive_rng(0, "pages of an export", number)
        page = np.full((400, 300, 3), rng.integers(60, 200, 3), dtype=np.uint8)
        corners = cv2.boxPoints(((150, 200), (220, 310), float(rng.uniform(-15, 15)))).astype(np.int32)
        cv2.fillPoly(page, [corners], (250, 248, 240))
        for row in range(90, 310, 12):
            for left in range(70, int(rng.integers(110, 230)), 16):
                cv2.rectangle(page, (left, row), (left + int(rng.integers(4, 13)), row + 5), (40, 40, 60), -1)
        drawn[number] = page
    return drawn


def largest_difference(path: Path, found: NDArray[Any], asked: NDArray[Any]) -> float:
    """Of a probability, between the graph and torch. Raises WeightsError where it is above TOLERANCE."""
    largest = float(np.abs(found.astype(np.float64) - asked).max())
    if not largest <= TOLERANCE:
        raise WeightsError(
            f"Expected {path.name} to answer as torch does, within {TOLERANCE:g}, but a probability differs by "
            f"{largest:.2g}; this version of torch's exporter cannot write this model: answer with torch."
        )
    return largest
