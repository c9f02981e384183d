"""The ensemble: everything that turns a page into an answer, as one object with one folder.

The pipeline answers the test pages through it, so what was judged is what answers.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from docsort.ensembling import answering
from docsort.ensembling.ensemble_files import EnsembleFiles
from docsort.stores import Store


class Ensemble(EnsembleFiles):
    """Made by `assembly.assemble`, or opened by `Ensemble.load(folder)`; only a saved one can answer."""

    def answer(
        self,
        pages: Any,
        names: Sequence[str] | None = None,
        cache: Store | None = None,
        external: pd.DataFrame | None = None,
        in_workers: bool | None = None,
    ) -> pd.DataFrame:
        """Table ANSWERS: one row per page, in their order: image_id, target, class_name, confidence, needs_review, why,
        novelty, and p_<target> per class.

        pages: paths, bytes of files, PIL images or arrays (H, W) or (H, W, 3) uint8 RGB; one, or a sequence of them.
        names: what image_id calls them; the path, or "page <number>". cache: where predictions are kept. external: see
        `Decisions.vote_on`. in_workers: whether worker processes do it; None: only where the pages are many. A
        page that cannot be read is a row with its reason, the class `fallback`, confidence 0 and no probabilities.
        """
        return answering.answer(self, pages, names, cache, external, in_workers)

    def predict(
        self, pages: Any, names: Sequence[str] | None = None, cache: Store | None = None, in_workers: bool | None = None
    ) -> pd.DataFrame:
        """The prediction table of all members for readable pages, before any vote: PREDICTION_KEYS and p_<target>."""
        return answering.predict(self, pages, names, cache, in_workers)

    def vote_on(self, predictions: pd.DataFrame, external: pd.DataFrame | None = None) -> pd.DataFrame:
        """VOTES of a table of predictions, calibrated; what `answer` does after `predict`."""
        return self.manifest.decisions.vote_on(predictions, external)
