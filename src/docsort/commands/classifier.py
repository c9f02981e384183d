"""Which ensemble a command means, and its options."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from docsort.serving.classifier import Classifier

ENSEMBLE = "DOCSORT_ENSEMBLE"
"""Environment variable: folder of the ensemble where none is named."""

USUAL_PLACE = Path("data/06_models/ensemble")
"""Where `kedro run` leaves the ensemble."""

ensemble_option = click.option(
    "--ensemble",
    type=click.Path(path_type=Path),
    help=f"Folder of the ensemble. Defaults to {ENSEMBLE}, else to {USUAL_PLACE}.",
)
threshold_option = click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Confidence below which a page needs review."
)


def load_classifier(folder: Path | None, threshold: float | None = None) -> "Classifier":
    """The classifier of this folder, or of where an ensemble usually is, with this threshold or its own."""
    from docsort.serving.classifier import load

    classifier = load(folder or Path(os.environ.get(ENSEMBLE, USUAL_PLACE)))
    return classifier if threshold is None else classifier.with_threshold(threshold)
