"""Which ensemble a command means, and its options."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from docsort.serving.classifier import Classifier

ENSEMBLE = "DOCSORT_ENSEMBLE"
"""Environment variable: the ensemble where none is named."""

USUAL_PLACE = Path("data/06_models/ensemble")
"""Where `kedro run` leaves the ensemble."""

ensemble_option = click.option(
    "--ensemble",
    help=f"Folder of the ensemble, or models:/NAME@alias of MLflow. Defaults to {ENSEMBLE}, else to {USUAL_PLACE}.",
)


def ensemble_argument(command: Callable[..., None]) -> Callable[..., None]:
    """For a command that takes no pages: the ensemble stands alone, or as an option, as where pages come first."""

    @click.argument("place", metavar="[ENSEMBLE]", required=False)
    @ensemble_option
    @wraps(command)
    def with_ensemble(place: str | None, ensemble: str | None, **others: Any) -> None:
        if place and ensemble:
            raise click.UsageError(f"Expected one ensemble, but two were given: {place} and {ensemble}; leave one out.")
        command(ensemble=place or ensemble, **others)

    return with_ensemble


threshold_option = click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Confidence below which a page needs review."
)
graphs_option = click.option(
    "--onnx",
    type=click.Path(path_type=Path),
    help="Folder that `docsort export --onnx` has written: networks are computed by onnxruntime, not by torch.",
)


def load_classifier(
    place: str | Path | None, threshold: float | None = None, graphs: Path | None = None
) -> "Classifier":
    """The classifier of this folder or model of MLflow, or of where an ensemble usually is, with this threshold or its
    own; graphs: folder of an export that computes its networks."""
    from docsort.serving.classifier import load

    classifier = load(place or os.environ.get(ENSEMBLE) or USUAL_PLACE)
    if graphs is not None:
        from docsort.serving.classifier import Classifier
        from docsort.serving.export import with_graphs

        classifier = Classifier(with_graphs(classifier.ensemble, graphs))
    return classifier if threshold is None else classifier.with_threshold(threshold)
