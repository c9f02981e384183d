"""Nodes of prediction."""

import pandas as pd

from docsort.cleaning.ledger import resolve_answers
from docsort.ensembling.ensemble import Ensemble
from docsort.reviewing.final_answers import decide_sheet
from docsort.stores import Store
from docsort.tables import CLASSES


def answer_photos(ensemble: Ensemble, new_photos: pd.DataFrame, prediction_store: Store) -> pd.DataFrame:
    """Answers new photos with the ensemble that is there; nothing is trained, and no table of the training changes."""
    # in workers however few they are: nobody has decoded these photos before, and one may kill its process
    paths, names = new_photos["path"].tolist(), new_photos["image_id"].tolist()
    return ensemble.answer(paths, names, prediction_store, in_workers=True)


def write_answer_sheet(
    new_answers: pd.DataFrame, new_photos: pd.DataFrame, ensemble: Ensemble, answer_fixes: pd.DataFrame
) -> pd.DataFrame:
    """The answers alone, as a submission has them, and over them what a person decided."""
    sheet = new_answers[["image_id", "target"]].rename(columns={"image_id": "ID"})
    classes = pd.DataFrame(ensemble.manifest.classes, columns=list(CLASSES))
    return decide_sheet(sheet, new_photos, resolve_answers(answer_fixes, classes))
