"""A trained ensemble as a Python object, for those who want answers and no pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.ensembling.ensemble import Ensemble
from docsort.serving.registry import is_model_uri, locate


class Classifier:
    """Answers pages with an ensemble that was saved; a page gets the answer that was validated."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.ensemble = ensemble

    @property
    def classes(self) -> Mapping[int, str]:
        """Names of the classes by number."""
        return dict(self.ensemble.manifest.classes)

    @property
    def forecast(self) -> Mapping[str, Any] | None:
        """What it was forecast to score on the test images: macro_f1, accuracy, interval of the macro-F1, and on how
        many pages n of how many groups; None where it was not."""
        return self.ensemble.manifest.forecast

    @property
    def threshold(self) -> float:
        """Confidence below which a page needs review, in [0, 1]."""
        return self.ensemble.manifest.decisions.threshold

    def with_threshold(self, threshold: float) -> "Classifier":
        """The same with another threshold; no answer changes, only which pages need review."""
        manifest = self.ensemble.manifest
        decisions = replace(manifest.decisions, threshold=threshold)
        return Classifier(replace(self.ensemble, manifest=replace(manifest, decisions=decisions)))

    def predict(self, images: Any, names: Sequence[str] | None = None, in_workers: bool | None = None) -> pd.DataFrame:
        """Table ANSWERS of `docsort.tables`, a row per page in their order: image_id, target, class_name, confidence,
        needs_review, why, novelty, and p_<target> per class.

        images: one page or a sequence of them, each a path, the bytes of a file, a PIL image, or an array (H, W) or
        (H, W, 3) uint8 RGB. names: what image_id calls them; the path, or "page <number>". in_workers: whether worker
        processes do it; None: only where the pages are many. A page that cannot be read is a row with its reason.
        Raises InputError for what is no page.
        """
        return self.ensemble.answer(images, names, in_workers=in_workers)


def load(ensemble: str | Path) -> Classifier:
    """The classifier of an ensemble's folder, or of the newest version below it, or of a model of MLflow:
    `models:/NAME@alias`, `models:/NAME/VERSION`, `runs:/RUN/ensemble`. Raises StorageError where there is none, or
    where it is damaged."""
    return Classifier(Ensemble.load(locate(str(ensemble)) if is_model_uri(ensemble) else ensemble))
