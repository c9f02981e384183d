"""An ensemble as an MLflow model: pages in, the answers of `Ensemble.answer` out.

MLflow keeps this file beside the ensemble and runs it where the model is loaded ("models from code"), so that nothing
is pickled. Nothing imports it.
"""

import threading

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from docsort.serving.classifier import Classifier, load


class EnsembleModel(PythonModel):
    """One request at a time is answered, by the very object that was validated."""

    classifier: Classifier

    def load_context(self, context: PythonModelContext) -> None:
        """Opens the ensemble and its members, for which the first request would wait longer than MLflow does."""
        self.classifier = load(context.artifacts["ensemble"])
        self.classifier.predict(np.full((64, 64), 255, dtype=np.uint8))
        self._lock = threading.Lock()

    def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
        """Table ANSWERS, a row per row of the input, whose column `page` has the bytes of image files, and `name`,
        which it may lack, what image_id is to be. What was not measured of a page that cannot be read is None, for
        JSON has no NaN.
        """
        names = _names(model_input) if "name" in model_input else None
        with self._lock:
            answers = self.classifier.predict([bytes(page) for page in model_input["page"]], names)
        return answers.astype(object).where(answers.notna(), None) if answers.isna().any(axis=None) else answers


def _names(pages: pd.DataFrame) -> list[str]:
    return [f"page {row}" if pd.isna(name) else str(name) for row, name in enumerate(pages["name"])]


set_model(EnsembleModel())
