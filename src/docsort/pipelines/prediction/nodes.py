"""Nodes of prediction."""

import pandas as pd

from docsort.ensembling.ensemble import Ensemble
from docsort.stores import Store


def answer_photos(ensemble: Ensemble, new_photos: pd.DataFrame, prediction_store: Store) -> pd.DataFrame:
    """Answers new photos with the ensemble that is there; nothing is trained, and no table of the training changes."""
    # in workers however few they are: nobody has decoded these photos before, and one may kill its process
    paths, names = new_photos["path"].tolist(), new_photos["image_id"].tolist()
    return ensemble.answer(paths, names, prediction_store, in_workers=True)


def write_answer_sheet(new_answers: pd.DataFrame) -> pd.DataFrame:
    """The answers alone, as a submission has them."""
    return new_answers[["image_id", "target"]].rename(columns={"image_id": "ID"})
